"""Shows the journal of commands: what was asked of Telnyx, by whom, what came of it; a person settles the uncertain."""

import contextlib
import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.module_loading import import_string
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display

from portal.actors import actor_of
from portal.admin.filters import CountedChoicesFilter, CountedRelatedFilter, MomentRangeFilter, WholeTextFilter
from portal.admin.pages import PageAdmin
from portal.admin.site import as_json, seen, viewer
from portal.masking import may_see_whole
from portal.models import TelnyxAccount
from portal.refusals import PortalRefusal
from portal.telnyx.schemas import InvalidParameters
from portal.templatetags.portal import moment, phone, seconds, status_badge
from voice.calls.search import application_names, of_session
from voice.catalogue import actions
from voice.commands.outbox import wake_sender
from voice.commands.parties import connection_of, number_of
from voice.dispatch import circuit_breaker, reconciliation, sender
from voice.models import Call, CallCommand

# what is not over, by the value of the filter: in words, and which commands these are
_OPEN: dict[str, tuple[str, Callable[[], QuerySet[CallCommand]]]] = {
    "owed": ("To be sent, or on its way", sender.owed),
    "unsettled": ("Uncertain and not settled", reconciliation.unsettled),
    "undecided": ("For a person to decide", reconciliation.for_a_person),
}


class OpenFilter(DropdownFilter):
    """Filters by what is not over: as many as the home page counts."""

    title, parameter_name = "what is open", "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, words) for value, (words, _) in _OPEN.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        _, select = _OPEN.get(self.value() or "", ("", None))
        return queryset & select() if select else queryset


@admin.register(CallCommand)
class CallCommandAdmin(PageAdmin):
    """Lists and shows commands; searches by call control id, command id, or who asked."""

    when_empty = "A command appears as soon as a person, a program or a flow asks something of a call."
    page_template = "voice/dispatch/page.html"
    list_display = (
        *("asked", "action_shown", "status_shown", "number_shown", "application", "by_shown"),
        *("sent", "took", "said"),
    )
    list_display_more = ("account", "finished_at", "call_control_id", "id")
    list_filter = (
        ("created_at", MomentRangeFilter),
        ("status", CountedChoicesFilter),
        OpenFilter,
        ("account", CountedRelatedFilter),
        ("action", WholeTextFilter),
    )
    list_filter_submit = True
    sortable_by = ("asked",)
    list_filter_sheet = True
    list_fullwidth = True
    search_fields = ("call_control_id",)  # only so that the box is drawn: see get_search_results
    search_help_text = (
        "Call control id, session, conference or command id, or who asked (“user: ada”, “rule: greeting”)"
    )
    list_before_template: Any = "voice/dispatch/list_before.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[CallCommand]:
        rows: QuerySet[CallCommand] = super().get_queryset(request)
        # not one look for each row: of all rows some calls, and few accounts
        return rows.prefetch_related("account", "conference", Prefetch("call", Call.objects.defer("facts")))

    def complete(self, rows: list[Any]) -> None:
        names = application_names({(row.account_id, connection_of(row)) for row in rows})
        for row in rows:
            row.application_name = names.get((row.account_id, connection_of(row)), "") or connection_of(row)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[CallCommand], search_term: str
    ) -> tuple[QuerySet[CallCommand], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        # by a part of it whoever may not see numbers could read one in it by searches
        asked = "requested_by__startswith" if may_see_whole(request.user) else "requested_by"
        found = Q(call_control_id=term) | Q(**{asked: term}) | of_session(term)
        with contextlib.suppress(ValueError):
            found |= Q(pk=uuid.UUID(term))
        return queryset.filter(found), False

    @display(description="Asked", ordering="created_at")
    def asked(self, command: CallCommand) -> str:
        return moment(command.created_at)

    @display(description="Sent")
    def sent(self, command: CallCommand) -> str:
        return moment(command.first_sent_at, "time")

    @display(description="Number")
    def number_shown(self, command: CallCommand) -> str:
        return format_html('<span class="portal-number">{}</span>', phone(number_of(command), viewer()))

    @display(description="Application")
    def application(self, command: Any) -> str:
        return seen(command.application_name) or "—"

    @display(description="Action", ordering="action")
    def action_shown(self, command: CallCommand) -> str:
        return actions.label(command.action)

    @display(description="Status")
    def status_shown(self, command: CallCommand) -> str:
        return status_badge(command.status)

    @display(description="Requested by")
    def by_shown(self, command: CallCommand) -> str:
        return seen(command.requested_by)

    @display(description="Took")
    def took(self, command: CallCommand) -> str:
        tries = f" · {len(command.attempts)} tries" if len(command.attempts) > 1 else ""
        return format_html('<span class="portal-number">{}{}</span>', seconds(command.seconds), tries)

    @display(description="What came of it")
    def said(self, command: CallCommand) -> str:
        words = seen(command.settlement or command.error)
        return f"{command.error_code}: {words}" if command.error_code not in words else words

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        context: dict[str, Any] = {
            "breakers": circuit_breaker.not_closed(),
            "undecided": reconciliation.for_a_person()[:1000].count(),
        }
        return super().changelist_view(request, context | (extra_context or {}))

    # --- the page of a command ------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        ours = [
            path("<uuid:command_id>/settle/", wrap(self.settle_view), name="voice_callcommand_settle"),
            path("breaker/<slug:name>/close/", wrap(self.close_breaker_view), name="voice_breaker_close"),
        ]
        return [*ours, *super().get_urls()]

    def page(self, request: HttpRequest, command: CallCommand) -> dict[str, Any]:
        user: Any = request.user
        held = circuit_breaker.breaker_of(command.account)
        return {
            "title": actions.label(command.action),
            "command": command,
            "parameters": as_json(command.parameters),
            "answer": as_json(command.answer),
            "answered_by": reconciliation.answer_of(command) if user.has_perm("voice.view_callevent") else None,
            "may_settle": command.is_open_question and user.has_perm(actions.permission(command.action)),
            "needs_a_person": reconciliation.needs_a_person(command),
            "held": held if command.status in {"queued", "sending"} and not held.is_closed else None,
            "again": command.repeated_by.first(),
            "panels": [import_string(name)(request, command) for name in settings.COMMAND_PANELS],
        }

    def settle_view(self, request: HttpRequest, command_id: uuid.UUID) -> HttpResponse:
        """Record a person's verdict on an uncertain command (POST): it happened, it did not, or send it again."""
        command = self.row(request, str(command_id))
        if request.method != "POST" or request.POST.get("verdict") not in reconciliation.VERDICTS:
            raise Http404
        if not request.user.has_perm(actions.permission(command.action)):
            raise PermissionDenied
        try:
            command = reconciliation.settle(command.pk, request.POST["verdict"], actor_of(request))
        except reconciliation.NotUncertain as error:
            messages.warning(request, str(error))
        except (InvalidParameters, PortalRefusal) as error:
            messages.error(request, f"It was not sent again: {seen(str(error))}")
        else:
            self._tell(request, command)
        return HttpResponseRedirect(reverse("admin:voice_callcommand_change", args=[command.pk]))

    def close_breaker_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Close an account's circuit breaker (POST): somebody knows that Telnyx works again."""
        if not request.user.has_perm("voice.close_breaker"):
            raise PermissionDenied
        if request.method != "POST":
            raise Http404
        account = get_object_or_404(TelnyxAccount, name=name)
        circuit_breaker.close(account, actor_of(request))
        messages.success(request, f"Commands of {account} are sent again.")
        return HttpResponseRedirect(reverse("admin:voice_callcommand_changelist"))

    def _tell(self, request: HttpRequest, command: CallCommand) -> None:
        if wake_sender(command):
            messages.success(request, "Sent again, as this new command.")
        else:
            told = command.settlement or f"The new command is {command.status}. {command.error}"
            messages.success(request, seen(told))
