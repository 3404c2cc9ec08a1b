"""Shows the call log: a list that finds a call by whatever the customer can tell, and a page that tells all of it."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.module_loading import import_string

from applications.kinds import KINDS
from portal.actors import actor_of
from portal.admin.pages import PageAdmin
from portal.admin.site import as_json
from portal.models import AuditEvent
from portal.refusals import PortalRefusal
from portal.telnyx import schemas
from portal.telnyx.errors import TelnyxError
from portal.telnyx.schemas import InvalidParameters
from voice.calls import buttons, search, status, telnyx_record, timeline
from voice.catalogue import actions
from voice.catalogue.forms import ActionForm
from voice.commands import outbox, products
from voice.commands.confirmation import DANGEROUS, page_of, wake_and_return
from voice.commands.products import Product
from voice.dialling import rights
from voice.dialling.forms import DialForm
from voice.models import Call, CallEvent, Conference

_MOST_ROOMS = 20  # conferences, the newest
_MOST_LEGS, _FIRST_LEGS = 26, 20  # listed beside the timeline; those between the first and the last are counted


class CallAdmin(PageAdmin):
    """Shows calls. The list of them is in ``voice.call_log``, whose admin is registered."""

    when_empty = "A call appears with its first webhook, or when you dial. Does none come? The inbox says why."
    page_template = "voice/calls/page.html"
    list_fullwidth = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Call]:
        rows: QuerySet[Call] = super().get_queryset(request).select_related("account").defer("facts")
        return rows

    def complete(self, rows: list[Any]) -> None:
        names = search.application_names({(call.account_id, call.connection_id) for call in rows})
        for call in rows:
            call.application_name = names.get((call.account_id, call.connection_id), "")

    # --- the page of a call ---------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        ours = [
            path("dial/", wrap(self.dial_view), name="voice_call_dial"),
            path("<path:object_id>/do/<str:action>/", wrap(self.act_view), name="voice_call_act"),
            path("<path:object_id>/refresh/", wrap(self.refresh_view), name="voice_call_refresh"),
            path("<path:object_id>/raw/<uuid:event_id>/", wrap(self.raw_view), name="voice_call_raw"),
            path("<uuid:object_id>/telnyx-events/", wrap(self.record_view), name="voice_call_record"),
        ]
        return [*ours, *super().get_urls()]

    def page(self, request: HttpRequest, call: Call) -> dict[str, Any]:
        told = timeline.story_of(request, call)
        legs, entries = told.legs, told.entries
        user: Any = request.user
        product = products.product_of(call)
        self.complete([call])
        more = [
            (title, [(name, actions.label(name)) for name in members])
            for title, members in actions.grouped([name for name in actions.names() if rights.may(user, name)])
        ]
        rooms = self._conferences(legs, user)
        busy = call.is_alive or any(
            entry.status in {"queued", "sending"} for entry in entries if entry.kind == "command"
        )
        return {
            "title": "Call",
            "original": call,
            "call": call,
            "legs": legs,
            "first_legs": legs if len(legs) <= _MOST_LEGS else legs[:_FIRST_LEGS],
            "last_legs": [] if len(legs) <= _MOST_LEGS else legs[_FIRST_LEGS - _MOST_LEGS :],
            "legs_between": max(len(legs) - _MOST_LEGS, 0),
            "search": call.call_session_id or call.call_control_id,
            "letter": next((letter for letter, leg in legs if leg.pk == call.pk), "A"),
            "entries": entries,
            "chips": timeline.CHIPS,
            "product": product,
            "buttons": [*buttons.of_leg(call, user), *buttons.of_what_runs(call, user)],
            "more": more if call.is_alive and product != Product.TEXML else [],
            "busy": busy,
            "application": self._application(call, user),
            "ids": [
                ("Session", call.call_session_id),
                ("Leg", call.call_leg_id),
                ("Call control id", call.call_control_id),
                ("Connection", call.connection_id),
            ],
            "may_see_raw": user.has_perm("voice.view_raw_event"),
            "conferences": rooms[:_MOST_ROOMS],
            "are_more_conferences": len(rooms) > _MOST_ROOMS,
            "panels": [import_string(name)(request, call) for name in settings.CALL_PANELS],
            "details": [import_string(name)(request, call) for name in settings.CALL_DETAILS],
        }

    def raw_view(self, request: HttpRequest, object_id: str, event_id: str) -> HttpResponse:
        """Show one event's JSON, fetched when somebody opens it."""
        call = self.row(request, object_id)
        if not request.user.has_perms(["voice.view_callevent", "voice.view_raw_event"]):
            raise PermissionDenied
        legs = [leg.pk for _, leg in timeline.legs(call)]
        of_theirs = Q(call__in=legs) | Q(conference__in=Conference.objects.filter(participants__call__in=legs))
        event = get_object_or_404(CallEvent, of_theirs, pk=event_id, account=call.account)
        AuditEvent.note_look(actor_of(request), "event.view_raw", str(event.pk))
        return HttpResponse(as_json(event.payload))

    def record_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show Telnyx's own record of a call, for the section on its page."""
        call, user = self.row(request, object_id), request.user
        if not user.has_perm("voice.view_callevent"):
            raise PermissionDenied
        context: dict[str, Any] = {"call": call, "may_see_raw": user.has_perm("voice.view_raw_event")}
        try:
            record = telnyx_record.of_call(call)
            lines = telnyx_record.lines(record, user)
            context |= {"lines": [(line, as_json(line.detail)) for line in lines], "complete": record.complete}
        except TelnyxError as error:
            context["error"] = str(error)
        return TemplateResponse(request, "voice/calls/record.html", context)

    def act_view(self, request: HttpRequest, object_id: str, action: str) -> HttpResponse:
        """Show the confirmation of an action with its parameters; on POST make the command."""
        call = self.row(request, object_id)
        if action not in actions.names():
            raise Http404
        if not rights.may(request.user, action):
            raise PermissionDenied
        try:
            products.refuse_on_texml(call, action)
        except InvalidParameters as error:
            messages.error(request, " ".join(error.errors["call_control_id"]))
            return HttpResponseRedirect(_page(call))
        form = ActionForm(action, request.POST or None)
        if request.method == "POST" and form.is_valid():
            intent = f"{call.pk}:{form.cleaned_data['intent']}"
            try:
                command = outbox.act(call, action, form.values(), actor_of(request), intent=intent)
            except (InvalidParameters, PortalRefusal) as error:
                form.take(error.errors)
            else:
                return wake_and_return(request, command, _page(call))
        context = {
            "title": actions.label(action),
            "form": form,
            "call": call,
            "original": call,
            "account": call.account,
            "dials": rights.DIAL in rights.needed(action, {}),
        }
        context |= {
            "summary": schemas.summary(actions.method(action)),
            "back": _page(call),
            "dangerous": action in DANGEROUS,
        }
        return TemplateResponse(request, "voice/calls/action.html", self.context(request) | context)

    def dial_view(self, request: HttpRequest) -> HttpResponse:
        """Start a call from one of our applications."""
        if not request.user.has_perm("voice.dial"):
            raise PermissionDenied
        form = DialForm(request.POST or None, initial={"connection_id": request.GET.get("application", "")})
        if request.method == "POST" and form.is_valid():
            account, intent = form.application.account, str(form.cleaned_data["intent"])
            try:
                command = outbox.dial(account, form.values(), actor_of(request), intent=intent)
            except (InvalidParameters, PortalRefusal) as error:
                form.take(error.errors)
            else:
                return wake_and_return(request, command, page_of(request.user, command))
        back = "admin:voice_call_changelist" if self.has_view_permission(request) else "admin:index"
        context = {"title": "Dial", "form": form, "account": None, "back": reverse(back)}
        return TemplateResponse(request, "voice/calls/action.html", self.context(request) | context)

    def refresh_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask Telnyx for the call's status (POST)."""
        call = self.row(request, object_id)
        if request.method != "POST":
            raise Http404
        try:
            is_known, words = status.asked(call)
            messages.add_message(request, messages.INFO if is_known else messages.WARNING, words)
        except TelnyxError as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(_page(call))

    def _conferences(self, legs: list[tuple[str, Call]], user: Any) -> list[Conference]:
        if not user.has_perm("voice.view_conference"):
            return []
        rooms = Conference.objects.filter(participants__call__in=[leg.pk for _, leg in legs]).distinct()
        return list(rooms[: _MOST_ROOMS + 1])

    def _application(self, call: Any, user: Any) -> tuple[str, str]:
        """Return the application's name, and its page for who may see it."""
        for kind in KINDS:
            row = kind.rows(call.account).filter(telnyx_id=call.connection_id).first()
            if row is not None and user.has_perm(kind.permission("view")):
                return str(row), reverse(f"admin:applications_{row._meta.model_name}_change", args=[row.pk])
        return call.application_name or call.connection_id, ""


def _page(call: Call) -> str:
    return reverse("admin:voice_call_change", args=[call.pk])
