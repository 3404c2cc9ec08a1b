"""Shows the facts of a call: its times, lengths, cost, flow and step, and who answered."""

from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from voice.call_page import session as sessions
from voice.call_page.session import Session
from voice.catalogue.event_types import ending
from voice.flows import versions
from voice.measurements import wording
from voice.models import Call, Flow

_ANSWERERS: dict[str, str] = {
    Call.Answerer.PERSON: "a person",
    Call.Answerer.MACHINE: "a machine",
    Call.Answerer.FAX: "a fax machine",
    Call.Answerer.SILENCE: "nobody spoke",
    Call.Answerer.UNSURE: "not sure",
}


def panel(request: HttpRequest, call: Call) -> SafeString:
    """Draw them."""
    session = sessions.of(request, call)
    context: dict[str, Any] = {
        "call": session.call,
        "session": session,
        "ending": ending(session.call.hangup_cause, session.call.hangup_source),
        "answered_by": _ANSWERERS.get(session.call.answered_by, ""),
        "flow": _flow(session, request.user),
        "cost": wording.money(session.call.cost, session.call.currency) if session.call.cost else "",
        "sound": wording.sound(session.call),
        "trust": wording.trust(session.call),
    }
    return render_to_string("voice/call_page/facts.html", context, request)


def _flow(session: Session, user: Any) -> tuple[str, str] | None:
    """Return the flow that was in force when the call began, with its page if it still has one, for who may see it."""
    call = session.call
    if not call.connection_id or not user.has_perm("voice.view_flow"):
        return None
    flow = versions.in_force(call.account_id, call.connection_id, call.started_at)
    if flow is None:
        return None
    is_there = Flow.objects.filter(pk=flow.pk).exists()
    return str(flow), reverse("admin:voice_flow_change", args=[flow.pk]) if is_there else ""
