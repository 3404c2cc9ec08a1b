"""Shows what was said and pressed in a session: menus with prompt, keys and result, words transcribed, assistants."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from portal.masking import masked_for, may_see_whole
from portal.texts import visible
from voice.call_page import session as sessions
from voice.call_page.session import Session
from voice.models import Call, CallCommand, CallEvent

_MOST = 200
_GATHERED = ("call.gather.ended", "call.ai_gather.ended", "texml.gather", "texml.ai_gather")
_KEY, _WORDS = "call.dtmf.received", ("call.transcription", "texml.transcription")
_ASKS = ("speak", "gather_using_speak", "gather_using_audio", "gather_using_ai", "start_playback")
_OUTCOMES = {
    "valid": "a valid answer",
    "invalid": "an invalid answer",
    "timeout": "no answer in time",
    "call_hangup": "hung up meanwhile",
    "cancelled": "stopped by us",
    "cancelled_amd": "stopped: a machine answered",
}


@dataclass(frozen=True)
class Line:
    """Holds one line: who spoke or pressed, what, and what became of it."""

    at: datetime
    leg: str
    who: str
    what: str
    outcome: str = ""


def panel(request: HttpRequest, call: Call) -> SafeString:
    """Draw it; nothing for a session in which nobody was asked or heard."""
    session = sessions.of(request, call)
    lines, is_cut = told(session)
    context = {"lines": lines, "cut": _MOST if is_cut else 0, "many": len(session.legs) > 1}
    context["hides"] = bool(lines) and not may_see_whole(request.user)
    return render_to_string("voice/call_page/said.html", context, request)


def told(session: Session) -> tuple[list[Line], bool]:
    """List the first lines in order, as the viewer may see them, and whether there are more."""
    letters = {leg.pk: letter for letter, leg in session.legs}
    found: list[Line] = []
    is_cut = False
    if session.user.has_perm("voice.view_callevent"):
        rows = CallEvent.objects.filter(call__in=letters, event_type__in=(*_GATHERED, _KEY, *_WORDS))
        events = list(rows.defer("body", "headers").order_by("received_at", "id")[: _MOST + 1])
        is_cut, events = len(events) > _MOST, events[:_MOST]
        found += _of_events(events, letters, session)
    if session.user.has_perm("voice.view_callcommand"):
        asked = CallCommand.objects.filter(call__in=letters, action__in=_ASKS, status=CallCommand.Status.OK)
        commands = list(asked.order_by("created_at", "id")[: _MOST + 1])
        is_cut = is_cut or len(commands) > _MOST
        found += _of_commands(commands[:_MOST], letters, session)
    return sorted(found, key=lambda line: line.at), is_cut


def _of_events(events: Iterable[CallEvent], letters: dict[Any, str], session: Session) -> Iterator[Line]:
    gathered = {event.call_id for event in events if event.event_type in _GATHERED}
    for event in events:
        payload: dict[str, Any] = event.payload if isinstance(event.payload, dict) else {}
        leg = letters.get(event.call_id, "")
        if event.event_type == _KEY:
            if event.call_id not in gathered:  # else the menu tells all of its keys together
                yield Line(event.happened_at, leg, "pressed", _pressed(str(payload.get("digit") or ""), session))
        elif event.event_type in _GATHERED:
            digits = str(payload.get("digits") or payload.get("Digits") or "")
            speech = str(payload.get("SpeechResult") or "")
            what = _pressed(digits, session) if digits else f"“{_heard(speech, session)}”" if speech else "nothing"
            outcome = str(payload.get("status") or "")
            yield Line(event.happened_at, leg, "answered", what, _OUTCOMES.get(outcome, session.words(outcome)))
        elif text := _transcript(payload):
            yield Line(event.happened_at, leg, "said", f"“{_heard(text, session)}”")


def _transcript(payload: dict[str, Any]) -> str:
    data = payload.get("transcription_data")
    told: dict[str, Any] = data if isinstance(data, dict) else payload
    if told.get("is_final") is False:
        return ""
    return str(told.get("transcript") or told.get("TranscriptionText") or "")[:1000]


def _heard(text: str, session: Session) -> str:
    """Show a caller's words to who may see whole numbers: nobody knows what is in them."""
    return visible(str(masked_for(session.user, {"transcript": text})["transcript"]))


def _pressed(digits: str, session: Session) -> str:
    """Show the keys, or to who may not see numbers how many they were."""
    if may_see_whole(session.user):
        return visible(str(masked_for(session.user, {"digits": digits})["digits"]))
    return f"{len(digits)} key{'' if len(digits) == 1 else 's'}" if digits else "nothing"


def _of_commands(commands: Iterable[CallCommand], letters: dict[Any, str], session: Session) -> Iterator[Line]:
    for command in commands:
        shown = masked_for(session.user, command.parameters)
        prompt = next(
            (shown[name] for name in ("payload", "audio_url", "media_name", "greeting") if shown.get(name)), ""
        )
        what = f"“{visible(str(prompt))[:300]}”" if prompt else "a prompt"
        by = f"by {session.words(command.requested_by)}"
        yield Line(command.first_sent_at or command.created_at, letters.get(command.call_id, ""), "we said", what, by)
