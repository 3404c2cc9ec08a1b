"""Shows conferences: the list, with what Telnyx says is there now, and a page of who is in, its story, its buttons."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, F, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from portal.actors import actor_of
from portal.admin.filters import MomentRangeFilter
from portal.admin.pages import PageAdmin
from portal.admin.site import as_json, seen
from portal.models import AuditEvent, TelnyxAccount
from portal.telnyx.errors import TelnyxError
from portal.templatetags.portal import status_badge
from portal.times import read_time
from voice.calls import timeline
from voice.catalogue import actions
from voice.commands import confirmation
from voice.conferences import queue_admin, service
from voice.dialling import rights
from voice.models import Call, CallEvent, Conference, ConferenceParticipant

_FIRST = ("join", "speak", "mute", "hold", "record_start", "end_conference")


@admin.register(Conference)
class ConferenceAdmin(PageAdmin):
    """Lists the conferences the portal has heard of; above them what Telnyx lists as going on."""

    when_empty = "A conference appears when the first call joins it. “Create conference” begins one."
    page_template = "voice/conferences/page.html"
    list_display = ("started_at", "name_shown", "state_shown", "present", "account", "connection_id", "ended_at")
    list_filter = (
        ("started_at", MomentRangeFilter),
        ("state", ChoicesDropdownFilter),
        ("account", RelatedDropdownFilter),
    )
    list_filter_submit = True
    sortable_by = ("started_at",)
    list_filter_sheet = True
    list_before_template: Any = "voice/conferences/list_before.html"
    search_fields = ("conference_id__exact", "name__startswith", "connection_id__exact")
    search_fields_masked = ("conference_id__exact", "name__exact", "connection_id__exact")
    search_help_text = "Name, conference id or connection id"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conference]:
        rows: QuerySet[Conference] = super().get_queryset(request).select_related("account").defer("facts")
        return rows

    def complete(self, rows: list[Any]) -> None:
        here = ConferenceParticipant.objects.filter(conference__in=[row.pk for row in rows if not row.is_over])
        inside = here.filter(Q(left_at=None) | Q(left_at__lt=F("joined_at")), joined_at__isnull=False).order_by()
        counts = dict(inside.values_list("conference").annotate(count=Count("pk")))
        for row in rows:
            row.inside = counts.get(row.pk, 0)

    @display(description="Name")
    def name_shown(self, conference: Conference) -> str:
        return seen(conference.name_or_id)

    @display(description="State")
    def state_shown(self, conference: Conference) -> str:
        return status_badge(conference.get_state_display())

    @display(description="Inside")
    def present(self, conference: Any) -> int:
        return 0 if conference.is_over else conference.inside

    # --- the page of a conference ---------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        ours = [
            path("new/", wrap(self.create_view), name="voice_conference_new"),
            path("telnyx/", wrap(self.telnyx_view), name="voice_conference_telnyx"),
            path("telnyx/<uuid:account_id>/<str:telnyx_id>/", wrap(self.find_view), name="voice_conference_find"),
            path("<uuid:object_id>/do/<str:action>/", wrap(self.act_view), name="voice_conference_act"),
            path("<uuid:object_id>/inside/", wrap(self.inside_view), name="voice_conference_inside"),
            path("<uuid:object_id>/raw/<uuid:event_id>/", wrap(self.raw_view), name="voice_conference_raw"),
        ]
        return [*queue_admin.urls(self), *ours, *super().get_urls()]

    def page(self, request: HttpRequest, conference: Conference) -> dict[str, Any]:
        user: Any = request.user
        entries = timeline.of_conference(conference, user)
        participants = timeline.participants(conference)
        every = () if conference.is_over else actions.conference_names()
        names = [name for name in every if rights.may(user, name)]
        first = [f"conferences.{name}" for name in _FIRST]
        waits = any(entry.status in {"queued", "sending"} for entry in entries if entry.kind == "command")
        return {
            "title": "Conference",
            "conference": conference,
            "participants": participants,
            "not_listed": timeline.left_out(conference, participants),
            "search": conference.conference_id,
            "legs": participants,
            "entries": entries,
            "busy": waits or not conference.is_over,
            "buttons": [(name, _short(name)) for name in first if name in names],
            "more": [(name, _short(name)) for name in names if name not in first],
            "may_see_raw": user.has_perm("voice.view_raw_event"),
        }

    def inside_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show who is in it, muted and on hold, as Telnyx tells it now: a fragment of the page."""
        conference = self.row(request, object_id)
        context: dict[str, Any] = {"conference": conference, "may": rights.may(request.user, "conferences.mute")}
        try:
            found = service.participants(conference)
        except TelnyxError as error:
            context["error"] = str(error)
        else:
            known = _calls_of(conference.account, found.rows)
            rows = [(row, known.get(row.get("call_control_id"))) for row in found.rows if row.get("status") != "left"]
            context |= {"rows": rows, "complete": found.complete}
        return TemplateResponse(request, "voice/conferences/inside.html", context)

    def raw_view(self, request: HttpRequest, object_id: str, event_id: str) -> HttpResponse:
        """Show one event's JSON, fetched when somebody opens it."""
        conference = self.row(request, object_id)
        if not request.user.has_perms(["voice.view_callevent", "voice.view_raw_event"]):
            raise PermissionDenied
        event = get_object_or_404(CallEvent, pk=event_id, conference=conference)
        AuditEvent.note_look(actor_of(request), "event.view_raw", str(event.pk))
        return HttpResponse(as_json(event.payload))

    def act_view(self, request: HttpRequest, object_id: str, action: str) -> HttpResponse:
        """Show the confirmation of an action with its parameters; on POST make the command."""
        conference = self.row(request, object_id)
        if action not in actions.conference_names():
            raise Http404
        if not rights.may(request.user, action):
            raise PermissionDenied
        form = confirmation.RoomForm(action, request, self._legs(conference, action, request.user))
        back = reverse("admin:voice_conference_change", args=[conference.pk])

        def make() -> Any:
            intent = f"{conference.pk}:{form.cleaned_data['intent']}"
            return service.act(conference, action, form.values(), actor_of(request), intent=intent)

        over = "This conference has ended: the command would not be sent." if conference.is_over else ""
        shown = {"account": conference.account, "subject": seen(conference.name_or_id), "original": conference}
        return confirmation.page(self, request, form, make, back, **shown, over=over)

    def create_view(self, request: HttpRequest) -> HttpResponse:
        """Create a conference, from a leg on the line."""
        if not rights.may(request.user, service.CREATE):
            raise PermissionDenied
        form = confirmation.AccountForm(service.CREATE, request, confirmation.live_legs(None, request.user))

        def make() -> Any:
            intent = f"conference:{form.cleaned_data['intent']}"
            return service.create(form.account, form.values(), actor_of(request), intent=intent)

        back = "admin:voice_conference_changelist" if self.has_view_permission(request) else "admin:index"
        return confirmation.page(self, request, form, make, reverse(back))

    def telnyx_view(self, request: HttpRequest) -> HttpResponse:
        """Show what Telnyx lists as going on, of every account: a fragment of the list's page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        accounts = [self._listed(account) for account in TelnyxAccount.objects.order_by("name")]
        return TemplateResponse(request, "voice/conferences/telnyx.html", {"accounts": accounts})

    def find_view(self, request: HttpRequest, account_id: str, telnyx_id: str) -> HttpResponse:
        """Go to a conference by Telnyx's id; Telnyx is asked for one the portal has heard nothing of."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        account = get_object_or_404(TelnyxAccount, pk=account_id)
        try:
            found = service.find(account, telnyx_id)
        except TelnyxError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(reverse("admin:voice_conference_changelist"))
        if found is None:
            raise Http404
        return HttpResponseRedirect(reverse("admin:voice_conference_change", args=[found.pk]))

    def _listed(self, account: TelnyxAccount) -> dict[str, Any]:
        try:
            found = service.at_telnyx(account, status=Conference.State.IN_PROGRESS)
        except TelnyxError as error:
            return {"account": account, "error": str(error)}
        rows = [row | {"since": read_time(row.get("created_at"))} for row in found.rows]
        return {"account": account, "rows": rows, "complete": found.complete}

    def _legs(self, conference: Conference, action: str, user: Any) -> list[tuple[str, str]]:
        """List whom to offer: to a join every leg on the line, to all else those inside."""
        if action == "conferences.join":
            return confirmation.live_legs(conference.account, user)
        rows = conference.participants.select_related("call", "conference")
        inside = [row for row in rows if row.is_present]
        sees = user.has_perm(confirmation.SEE_CALLS)
        labels = [confirmation.leg_label(row.call, user) if row.call and sees else "" for row in inside]
        return [(row.call_control_id, label) for row, label in zip(inside, labels, strict=True)]


def _calls_of(account: TelnyxAccount, rows: list[dict[str, Any]]) -> dict[Any, Call]:
    ids = [row.get("call_control_id") for row in rows if isinstance(row.get("call_control_id"), str)]
    return {call.call_control_id: call for call in Call.objects.filter(account=account, call_control_id__in=ids)}


def _short(action: str) -> str:
    return actions.label(action).removeprefix("Conference: ").capitalize()
