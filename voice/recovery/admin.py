"""Shows the runs that fetched what webhooks did not bring, and the button for a run now."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from portal.actors import actor_of
from portal.admin.site import ReadOnlyAdmin, seen
from portal.models import TelnyxAccount
from portal.templatetags.portal import status_badge
from portal.view_times import moment_text
from voice.models import Recovery
from voice.recovery import runs
from voice.wakeups import wake_recovery


@admin.register(Recovery)
class RecoveryAdmin(ReadOnlyAdmin):
    """Lists the runs, newest first."""

    when_empty = "A recovery asks Telnyx for what no webhook brought. It runs by itself every few minutes."
    list_display = ("started_at", "account", "state_shown", "by_shown", "looked_through", "found_shown")
    list_filter = (("state", ChoicesDropdownFilter), ("account", RelatedDropdownFilter))
    list_filter_sheet = list_filter_submit = True
    list_select_related = ("account",)
    list_fullwidth = True
    sortable_by = ("started_at",)
    list_before_template: Any = "voice/recovery/list_before.html"
    exclude = ("requested_by", "problem")
    readonly_fields = ("by_shown", "problem_shown")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("recover/", wrap(self.recover_view), name="voice_recovery_recover"),
            path("lines/", wrap(self.lines_view), name="voice_recovery_lines"),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {**(extra_context or {}), **_newest(request)})

    def recover_view(self, request: HttpRequest) -> HttpResponse:
        """Request a run for each account (the button); a worker takes them up."""
        if request.method != "POST" or not _may_recover(request):
            raise PermissionDenied
        for account in TelnyxAccount.objects.all():
            runs.request(account, actor_of(request))
            wake_recovery(account.pk)
        messages.info(request, "Telnyx is being asked. What is found shows here.")
        page = "voice_recovery_changelist" if self.has_view_permission(request) else "index"
        return HttpResponseRedirect(reverse(f"admin:{page}"))

    def lines_view(self, request: HttpRequest) -> HttpResponse:
        """Draw the newest runs, which the page asks for every two seconds while one is under way."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = _newest(request)
        answer = render(request, "voice/recovery/lines.html", context)
        if not context["recovering"]:
            answer["HX-Refresh"] = "true"  # it is done: the list has it, too
        return answer

    @display(description="Requested by")
    def by_shown(self, row: Recovery) -> str:
        return seen(row.requested_by)

    @display(description="Problem")
    def problem_shown(self, row: Recovery) -> str:
        return seen(row.problem) or "—"

    @display(description="state", ordering="state")
    def state_shown(self, record: Recovery) -> str:
        return status_badge("interrupted" if record.is_silent else record.state)

    @display(description="looked through")
    def looked_through(self, record: Recovery) -> str:
        if not record.since or not record.until:
            return "—"
        return f"{moment_text(record.since, 'minute')} to {moment_text(record.until, 'minute')}"

    @display(description="found")
    def found_shown(self, record: Recovery) -> str:
        return seen(record.result) if record.is_over else "…"


def _newest(request: HttpRequest) -> dict[str, Any]:
    found = [Recovery.objects.filter(account=account).first() for account in TelnyxAccount.objects.all()]
    newest = [record for record in found if record]
    open_ones = any(not record.is_over and not record.is_silent for record in newest)
    return {"newest": newest, "recovering": open_ones, "may_recover": _may_recover(request)}


def _may_recover(request: HttpRequest) -> bool:
    return request.user.has_perm("voice.recover_events")
