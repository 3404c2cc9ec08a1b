"""Shows what was said and pressed in a session: menus with prompt, keys and result, words transcribed, assistants."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from portal.masking import masked_for, may_see_whole
from portal.texts import pluralised, visible
from voice.call_page import heard
from voice.call_page import session as sessions
from voice.call_page.heard import Heard
from voice.call_page.session import Session
from voice.models import Call, CallCommand, CallEvent

_MOST = 200
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
        rows = CallEvent.objects.filter(call__in=letters, event_type__in=heard.TYPES)
        events = list(rows.defer("body", "headers").order_by("received_at", "id")[: _MOST + 1])
        is_cut, events = len(events) > _MOST, events[:_MOST]
        found += [_of_one(one, letters, session) for one in heard.of(events)]
    if session.user.has_perm("voice.view_callcommand"):
        asked = CallCommand.objects.filter(call__in=letters, action__in=_ASKS, status=CallCommand.Status.OK)
        commands = list(asked.order_by("created_at", "id")[: _MOST + 1])
        is_cut = is_cut or len(commands) > _MOST
        found += _of_commands(commands[:_MOST], letters, session)
    return sorted(found, key=lambda line: line.at)[:_MOST], is_cut or len(found) > _MOST


def _of_one(one: Heard, letters: dict[Any, str], session: Session) -> Line:
    outcome = _OUTCOMES.get(one.outcome, session.words(one.outcome))
    return Line(one.at, letters.get(one.leg, ""), one.who, _what(one, session), outcome)


def _what(one: Heard, session: Session) -> str:
    if one.keys:
        return _pressed(one.keys, session)
    if one.words:
        return f"“{_heard(one.words, session)}”"
    return _gathered(one.gathered, session) if one.gathered else "nothing"


def _gathered(told: Any, session: Session) -> str:
    """Word what an assistant made of a caller's answers, by the names it was asked for."""
    shown = masked_for(session.user, {"result": told})["result"]
    if not isinstance(shown, dict):
        return _plain(shown)
    return ", ".join(f"{visible(str(name))}: {_plain(value)}" for name, value in sorted(shown.items()))[:1000]


def _plain(value: Any) -> str:
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))[:1000]


def _heard(text: str, session: Session) -> str:
    """Show a caller's words to who may see whole numbers: nobody knows what is in them."""
    return visible(str(masked_for(session.user, {"transcript": text})["transcript"]))


def _pressed(digits: str, session: Session) -> str:
    """Show the keys, or to who may not see numbers how many they were."""
    if may_see_whole(session.user):
        return visible(str(masked_for(session.user, {"digits": digits})["digits"]))
    return pluralised(len(digits), "key", "keys") if digits else "nothing"


def _of_commands(commands: Iterable[CallCommand], letters: dict[Any, str], session: Session) -> Iterator[Line]:
    for command in commands:
        shown = masked_for(session.user, command.parameters)
        prompt = next(
            (shown[name] for name in ("payload", "audio_url", "media_name", "greeting") if shown.get(name)), ""
        )
        what = f"“{visible(str(prompt))[:300]}”" if prompt else "a prompt"
        by = f"by {session.words(command.requested_by)}"
        yield Line(command.first_sent_at or command.created_at, letters.get(command.call_id, ""), "we said", what, by)
