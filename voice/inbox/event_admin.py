"""Shows stored events as they came."""

import uuid
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from applications.kinds import KINDS
from portal.actors import actor_of
from portal.admin.filters import CountedChoicesFilter, CountedRelatedFilter, MomentRangeFilter, WholeTextFilter
from portal.admin.site import ReadOnlyAdmin, as_json, seen, viewer
from portal.masking import addresses_for, may_see_whole
from portal.models import AuditEvent, TelnyxAccount
from portal.telnyx.errors import TelnyxError
from portal.templatetags.portal import moment, phone, status_badge
from voice.calls.search import application_names, of_event, of_session
from voice.catalogue.event_types import label
from voice.commands.parties import connection_of, number_of
from voice.inbox.undelivered import MOST, PAGE, undelivered
from voice.models import Call, CallEvent
from voice.replay.event_links import ReplayLinks


@admin.register(CallEvent)
class CallEventAdmin(ReplayLinks, ReadOnlyAdmin):  # type: ignore[misc]
    """Lists and shows events; searches by any id of the event or its call."""

    when_empty = "An event appears with the first webhook that Telnyx sends. Does none come? The inbox says why."
    list_display = (
        *("received", "type_shown", "status_shown", "number_shown", "application", "call_shown"),
        "error_shown",
    )
    list_display_more = ("source", "attempts", "account", "occurred_at", "processed_at", "connection_id", "event_id")
    list_filter = (
        ("received_at", MomentRangeFilter),
        ("status", CountedChoicesFilter),
        ("source", ChoicesDropdownFilter),
        ("account", CountedRelatedFilter),
        ("event_type", WholeTextFilter),
        ("connection_id", WholeTextFilter),
    )
    list_filter_submit = True
    sortable_by = ("received",)
    list_filter_sheet = True
    list_fullwidth = True
    search_fields = ("event_id",)  # only so that the box is drawn: see get_search_results
    search_help_text = "Event id, call control id, session or conference id"

    def get_queryset(self, request: HttpRequest) -> QuerySet[CallEvent]:
        rows: QuerySet[CallEvent] = super().get_queryset(request)
        # not one look for each row: of all rows some calls, and few accounts
        rows = rows.prefetch_related("account", Prefetch("call", Call.objects.defer("facts")))
        return rows if request.resolver_match and "object_id" in request.resolver_match.kwargs else rows.defer("body")

    def complete(self, rows: list[Any]) -> None:
        names = application_names({(row.account_id, connection_of(row)) for row in rows})
        for row in rows:
            row.application_name = names.get((row.account_id, connection_of(row)), "") or connection_of(row)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[CallEvent], search_term: str
    ) -> tuple[QuerySet[CallEvent], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(of_event(term) | Q(call_control_id=term) | of_session(term)), False

    def get_fields(self, request: HttpRequest, obj: CallEvent | None = None) -> tuple[str, ...]:
        shown: tuple[str, ...] = (
            "type_shown",
            "event_type",
            "status_shown",
            "error_shown",
            "call_shown",
            "account",
            "source",
            "occurred_at",
        )
        shown += ("received_at", "processed_at", "attempt", "attempts", "event_id", "connection_id", "payload_masked")
        return (*shown, "headers_shown", "body_shown") if _may_see_raw(request) else shown

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        answer = super().changeform_view(request, object_id, form_url, extra_context)
        if _may_see_raw(request) and answer.status_code == 200:
            AuditEvent.note_look(actor_of(request), "event.view_raw", unquote(str(object_id)))
        return answer

    def get_readonly_fields(self, request: HttpRequest, obj: CallEvent | None = None) -> tuple[str, ...]:
        return self.get_fields(request, obj)

    @display(description="Received", ordering="received_at")
    def received(self, event: CallEvent) -> str:
        return moment(event.received_at)

    @display(description="Number")
    def number_shown(self, event: CallEvent) -> str:
        return format_html('<span class="portal-number">{}</span>', phone(number_of(event), viewer()))

    @display(description="Application")
    def application(self, event: Any) -> str:
        return seen(event.application_name) or "—"

    @display(description="Event", ordering="event_type")
    def type_shown(self, event: CallEvent) -> str:
        return label(event.event_type) or "Unreadable"

    @display(description="Status")
    def status_shown(self, event: CallEvent) -> str:
        return status_badge(event.status)

    @display(description="Error")
    def error_shown(self, event: CallEvent) -> str:
        return seen(event.error)

    @display(description="Call")
    def call_shown(self, event: CallEvent) -> str:
        if event.call_id is None or not viewer().has_perm("voice.view_call"):
            return "—"
        page = reverse("admin:voice_call_change", args=[event.call_id])
        return format_html('<a class="portal-link" href="{}">Open the call</a>', page)

    @display(description="Payload")
    def payload_masked(self, event: CallEvent) -> str:
        return as_json(event.payload)

    @display(description="Headers")
    def headers_shown(self, event: CallEvent) -> str:
        return as_json(event.headers)

    @display(description="Raw body")
    def body_shown(self, event: CallEvent) -> str:
        body = addresses_for(viewer(), bytes(event.body).decode("utf-8", "replace"))
        return format_html('<pre class="portal-json" tabindex="0">{}</pre>', body)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.undelivered_view)
        return [path("undelivered/", view, name=PAGE.partition(":")[2]), *super().get_urls()]

    def undelivered_view(self, request: HttpRequest) -> HttpResponse:
        """Show Telnyx's failed deliveries of one application, asked when somebody opens them."""
        if request.method != "GET" or not self.has_view_permission(request):
            raise PermissionDenied
        accounts = TelnyxAccount.objects.filter(pk__in=_uuids(request.GET.get("account", "")))
        account, context = get_object_or_404(accounts), dict[str, Any]()
        connection_id = request.GET.get("connection_id", "")
        # Telnyx looks for it anywhere in the webhooks: of any other text it would tell whether callers said it, say
        if connection_id and not any(kind.rows(account).filter(telnyx_id=connection_id).exists() for kind in KINDS):
            raise Http404
        try:
            found = undelivered(account, connection_id)
            context |= {"undelivered": found[:MOST], "more": len(found) > MOST}
        except TelnyxError as error:
            context["problem"] = str(error)
        context["whole_addresses"] = request.user.has_perm("portal.view_telnyxaccount")
        return render(request, "voice/inbox/undelivered.html", context)


def _may_see_raw(request: HttpRequest) -> bool:
    return request.user.has_perm("voice.view_raw_event") and may_see_whole(request.user)


def _uuids(text: str) -> list[uuid.UUID]:
    try:
        return [uuid.UUID(text)]
    except ValueError:
        return []
