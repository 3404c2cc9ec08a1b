"""The journal: what was asked of Telnyx, by whom, and what came of it."""

import contextlib
import uuid

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import (
    ChoicesDropdownFilter,
    FieldTextFilter,
    RangeDateTimeFilter,
    RelatedDropdownFilter,
)
from unfold.decorators import display

from portal.site import ReadOnlyAdmin, as_json
from portal.templatetags.portal import status_badge
from voice import actions
from voice.models import CallCommand
from voice.numbers import masked


@admin.register(CallCommand)
class CallCommandAdmin(ReadOnlyAdmin):
    """Searched by call control id, command id, or who asked."""

    list_display = ("created_at", "action_shown", "status_shown", "requested_by", "tries", "error_code", "error")
    list_filter = (
        ("created_at", RangeDateTimeFilter),
        ("status", ChoicesDropdownFilter),
        ("account", RelatedDropdownFilter),
        ("action", FieldTextFilter),
    )
    list_filter_submit = True
    list_filter_sheet = True
    list_fullwidth = True
    search_fields = ("call_control_id",)  # only so that the box is drawn: see get_search_results
    search_help_text = "Call control id, command id, or who asked (“user: ada”, “rule: greeting”)"
    readonly_fields = ("status_shown", "call_shown", "parameters_shown", "attempts_shown", "answer_shown")
    fields = (
        "action",
        "status_shown",
        "error",
        "error_code",
        "call_shown",
        "account",
        "requested_by",
        "parameters_shown",
        "attempts_shown",
        "answer_shown",
        "created_at",
        "first_sent_at",
        "finished_at",
        "expires_at",
        "id",
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[CallCommand], search_term: str
    ) -> tuple[QuerySet[CallCommand], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        found = Q(call_control_id=term) | Q(requested_by__startswith=term)
        with contextlib.suppress(ValueError):
            found |= Q(pk=uuid.UUID(term))
        return queryset.filter(found), False

    @display(description="Action", ordering="action")
    def action_shown(self, command: CallCommand) -> str:
        return actions.label(command.action)

    @display(description="Status")
    def status_shown(self, command: CallCommand) -> str:
        return status_badge(command.status)

    @display(description="Tries")
    def tries(self, command: CallCommand) -> int:
        return len(command.attempts)

    @display(description="Call")
    def call_shown(self, command: CallCommand) -> str:
        if command.call_id is None:
            return "—"
        page = reverse("admin:voice_call_change", args=[command.call_id])
        return format_html('<a class="portal-link" href="{}">Open the call</a>', page)

    @display(description="Parameters")
    def parameters_shown(self, command: CallCommand) -> str:
        return as_json(masked(command.parameters))

    @display(description="Attempts")
    def attempts_shown(self, command: CallCommand) -> str:
        return as_json(command.attempts)

    @display(description="Telnyx's answer")
    def answer_shown(self, command: CallCommand) -> str:
        return as_json(command.answer)
