"""Reads what is to be drawn of a session: lanes, strips, marks, what ties lanes together, what is missing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from voice.calls.timeline import Entry
from voice.models import Call
from voice.session_picture import gaps, marks, strips
from voice.session_picture.gaps import Gap
from voice.session_picture.marks import Mark
from voice.session_picture.strips import Strip

MOST_LANES = 8
_TOGETHER = timedelta(seconds=2)  # two legs that were bridged within so short a time were bridged with each other
_MADE_WITHIN = timedelta(seconds=30)


@dataclass(frozen=True)
class Lane:
    """Holds one leg. Times are seconds from the session's start; ``number`` is as the viewer may see it.

    ``who`` ended it is a party of the session; ``is_open``: it lives, and its bar goes on to the right edge.
    """

    letter: str
    role: str
    number: str
    begun: float
    answered: float | None
    ended: float | None
    who: str
    is_open: bool
    bridged: float | None = None


@dataclass(frozen=True)
class Tie:
    """Connects two lanes: ``bridge`` from one moment to another, ``transfer`` from a command to the leg it made."""

    kind: str
    one: str
    other: str
    begin: float
    end: float


@dataclass(frozen=True)
class Scene:
    """Holds all that is drawn. ``hidden`` legs are not drawn; ``cut`` entries of the story neither."""

    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...]
    strips: tuple[Strip, ...]
    ties: tuple[Tie, ...]
    gaps: tuple[Gap, ...]
    length: float
    hidden: int = 0
    cut: tuple[str, ...] = ()
    has_commands: bool = False
    has_rooms: bool = False
    letters: tuple[str, ...] = field(default=())


def read(
    legs: Sequence[tuple[str, Call]],
    entries: Sequence[Entry],
    ends: Mapping[Any, str],
    number: Callable[[str], str],
    now: datetime,
    *,
    sees_events: bool = True,
) -> Scene:
    """Read a session. ``ends`` says of each leg who ended it; ``number`` writes a number as the viewer may see it.

    What did not happen is only missed where the viewer may see events, and all of them are here.
    """
    start = min(leg.started_at for _, leg in legs)
    shown = list(legs[:MOST_LANES]) if len(legs) <= MOST_LANES else list(legs[: MOST_LANES - 1])
    letters = {letter for letter, _ in shown}
    told = [entry for entry in entries if entry.kind != "cut"]
    told = [entry for entry in told if entry.leg in letters or (not entry.leg and entry.kind != "fetch")]
    cut = tuple(entry.title for entry in entries if entry.kind == "cut")
    late = _skew(told)
    lanes = tuple(_lane(letter, leg, start, ends, number, is_first=at == 0) for at, (letter, leg) in enumerate(shown))
    drawn = marks.read(told, start, late)
    ends_at = [at for lane in lanes for at in (lane.begun, lane.answered, lane.ended) if at is not None]
    length = max([*ends_at, *(mark.at for mark in drawn), 1.0])
    if any(lane.is_open for lane in lanes):
        length = max(length, min((now - start).total_seconds(), 86_400))
    missed = gaps.find(shown, told, start, now) if sees_events and not cut else []
    return Scene(
        lanes=lanes,
        marks=tuple(drawn),
        strips=tuple(strips.read(told, lanes_end={lane.letter: lane.ended or length for lane in lanes}, start=start)),
        ties=tuple(_ties(lanes, told, drawn, length)),
        gaps=tuple(missed),
        length=length,
        hidden=len(legs) - len(shown),
        cut=cut,
        has_commands=any(mark.is_command for mark in drawn),
        has_rooms=any(not mark.leg and not mark.is_command for mark in drawn),
        letters=tuple(lane.letter for lane in lanes),
    )


def role(leg: Call, *, is_first: bool) -> str:
    """Word who is on a leg."""
    if leg.direction == "incoming":
        return "caller"
    if leg.direction == "outgoing":
        return "called" if is_first else "put through"
    return "leg"


def _lane(
    letter: str, leg: Call, start: datetime, ends: Mapping[Any, str], number: Callable[[str], str], *, is_first: bool
) -> Lane:
    def seconds(at: datetime | None) -> float | None:
        return (at - start).total_seconds() if at else None

    person = leg.from_number if leg.direction == "incoming" else leg.to_number
    ended = None if leg.is_alive else seconds(leg.ended_at)
    return Lane(
        letter=letter,
        role=role(leg, is_first=is_first),
        number=number(person),
        begun=seconds(leg.started_at) or 0.0,
        answered=seconds(leg.answered_at),
        ended=ended,
        who="" if leg.is_alive else ends.get(leg.pk, "unknown"),
        is_open=leg.is_alive,
        bridged=seconds(leg.bridged_at),
    )


def _skew(told: Sequence[Entry]) -> float:
    """Measure how much later than Telnyx's our clock goes, where a command would stand behind the event it caused."""
    happened = {entry.id: entry.at for entry in told if entry.kind == "event"}
    leads = [
        (happened[entry.answered.id] - entry.at).total_seconds()
        for entry in told
        if entry.answered and entry.answered.id in happened
    ]
    return min([*leads, 0.0])


def _ties(lanes: Sequence[Lane], told: Sequence[Entry], drawn: Iterable[Mark], length: float) -> Iterable[Tie]:
    at_of = {mark.id: mark.at for mark in drawn}
    for at, lane in enumerate(lanes):
        other = next((one for one in lanes[at + 1 :] if _were_bridged(lane, one)), None)
        if other and lane.bridged is not None and other.bridged is not None:
            begin = max(lane.bridged, other.bridged)
            yield Tie("bridge", lane.letter, other.letter, begin, min(lane.ended or length, other.ended or length))
    for entry in told:
        if entry.kind != "command" or entry.name not in {"transfer", "texml.calls.update"} or entry.id not in at_of:
            continue
        sent = at_of[entry.id]
        made = next((lane for lane in lanes[1:] if -1 <= lane.begun - sent <= _MADE_WITHIN.total_seconds()), None)
        if made and made.letter != entry.leg:
            yield Tie("transfer", entry.leg, made.letter, sent, made.begun)


def _were_bridged(lane: Lane, other: Lane) -> bool:
    if lane.bridged is None or other.bridged is None:
        return False
    return abs(lane.bridged - other.bridged) <= _TOGETHER.total_seconds()
