"""Links stored events to a replay of them."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from voice.models import CallEvent
from voice.replay import forms
from voice.replay.admin import PERMISSION, begin_dry_run
from voice.replay.selection import Selection


class ReplayLinks:
    """Adds the ways to a replay to the list and the page of events: a mixin."""

    actions = ("replay_selected",)
    list_before_template: Any = "voice/replay/list_before.html"
    change_form_outer_before_template: Any = "voice/replay/event.html"

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Tell who may use the action on selected events."""
        return bool(request.user.has_perm(PERMISSION))

    @admin.action(description="Run again …", permissions=["replay"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[CallEvent]) -> HttpResponse | None:
        ids = [str(event_id) for event_id in queryset.order_by().values_list("pk", flat=True)[: forms.MOST_IDS + 1]]
        if len(ids) > forms.MOST_IDS:
            messages.error(request, f"At most {forms.MOST_IDS:,} can be selected: use “Replay …” and its filter.")
            return None
        return begin_dry_run(request, Selection(ids=tuple(ids)))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        context = {"replay_url": f"{reverse('admin:voice_replay_new')}?{request.GET.urlencode()}"}
        return super().changelist_view(request, context | (extra_context or {}))  # type: ignore[misc]
