"""Lists what was recorded of a session, leg by leg, with the reason where nothing was, and the words that seek."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import Case, Q, When
from django.utils import timezone

from voice.calls import timeline
from voice.models import Call, CallCommand, CallEvent, ConferenceParticipant, Recording
from voice.recordings import reasons

MOST_LEGS, MOST_RECORDINGS, _MOST_LINES = 20, 100, 300
_ENDS = timedelta(seconds=2)  # words are told a moment after they were said


@dataclass(frozen=True)
class Leg:
    """Holds a leg with its recordings; ``reason`` says why there are none."""

    letter: str
    call: Call
    recordings: list[Recording] = field(default_factory=list)
    reason: str = ""


@dataclass(frozen=True)
class Session:
    """Holds what was recorded of a session's legs and rooms; ``more_legs``, and ``more`` recordings, are not listed."""

    legs: list[Leg]
    of_rooms: list[Recording]
    more_legs: int
    more: int


@dataclass(frozen=True)
class Line:
    """Holds words that were said, ``at`` so many seconds of the recording, and on which track."""

    at: float
    track: str
    words: str


def of_session(call: Call, told: timeline.Story) -> Session:
    """Read the recordings of the call's session, in three statements; its own leg is always among those shown.

    So are, of very many, the recordings of that leg; how many are left out takes a statement more.
    """
    legs = told.legs
    own = [(letter, leg) for letter, leg in legs[MOST_LEGS:] if leg.pk == call.pk]
    shown = [*legs[: MOST_LEGS - len(own)], *own]
    ids = [leg.pk for _, leg in shown]
    rooms = ConferenceParticipant.objects.filter(call__in=ids).values_list("conference", flat=True)[:50]
    every = Recording.objects.filter(Q(call__in=ids) | Q(conference__in=list(rooms)))
    first = Case(When(call=call.pk, then=0), default=1)
    rows = every.select_related("deletion").defer("facts", "transcript", "peaks").order_by(first, "started_at", "id")
    listed = list(rows[: MOST_RECORDINGS + 1])
    more = every.order_by().count() - MOST_RECORDINGS if len(listed) > MOST_RECORDINGS else 0
    of_legs, of_rooms = defaultdict[Any, list[Recording]](list), list[Recording]()
    for row in listed[:MOST_RECORDINGS]:
        (of_rooms if row.conference_id else of_legs[row.call_id]).append(row)
    may_ask = told.user.has_perm("voice.view_callcommand")
    commands = _commands([pk for pk in ids if pk not in of_legs]) if may_ask else {}
    now = timezone.now()

    def reason(leg: Call) -> str:
        if of_legs[leg.pk]:
            return ""
        if more and leg.has_recording:
            return "What was recorded of it is among those that are not shown here."
        return reasons.why_none(leg, commands[leg.pk], now) if may_ask else "No recording was told of."

    of_each = [Leg(letter, leg, of_legs[leg.pk], reason(leg)) for letter, leg in shown]
    return Session(of_each, of_rooms, len(legs) - len(shown), more)


def lines(recording: Recording) -> tuple[list[Line], bool]:
    """List what was said while it was recorded, as live transcription told it: of very much the beginning.

    Returns whether there is more as well.
    """
    if recording.call_id is None:
        return [], False
    begun, ended = recording.started_at, recording.ended_at
    said = CallEvent.objects.filter(call=recording.call_id, event_type="call.transcription", occurred_at__gte=begun)
    said = said.filter(occurred_at__lte=ended + _ENDS) if ended else said
    most = _MOST_LINES * 3  # words on their way among them
    rows = list(said.order_by("occurred_at").values_list("occurred_at", "payload")[: most + 1])
    told = (_line((at - begun).total_seconds(), payload) for at, payload in rows[:most] if at)
    found = [line for line in told if line]
    return found[:_MOST_LINES], len(found) > _MOST_LINES or len(rows) > most


def _line(at: float, payload: Any) -> Line | None:
    data = payload.get("transcription_data") if isinstance(payload, dict) else None
    if not isinstance(data, dict) or data.get("is_final") is False or not isinstance(data.get("transcript"), str):
        return None
    track = str(data.get("transcription_track") or "")
    return Line(round(max(at, 0.0), 1), track if track in {"inbound", "outbound"} else "", data["transcript"][:2000])


def _commands(legs: list[Any]) -> dict[Any, list[CallCommand]]:
    found = defaultdict[Any, list[CallCommand]](list)
    rows = CallCommand.objects.filter(call__in=legs).order_by("-created_at", "-id")[:500]
    for command in reversed(list(rows.only("action", "parameters", "status", "error", "call", "created_at"))):
        found[command.call_id].append(command)
    return found
