"""Finds what must have happened in a session and was never told."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from voice.calls.timeline import Entry
from voice.catalogue.correlation import ANSWERS
from voice.models import Call

_PROVE_AN_ANSWER = (
    *("call.bridged", "call.machine.", "call.gather.", "call.speak.", "call.playback.", "call.dtmf.", "call.enqueued"),
    *("call.recording.",),
)
_PAIRS = (
    ("call.speak.started", "call.speak.ended", "The end of what was said was never reported"),
    ("call.playback.started", "call.playback.ended", "The end of what was played was never reported"),
    ("call.enqueued", "call.dequeued", "That it left the queue was never reported"),
)
# these tell of a call that is over
_AFTERWARDS: tuple[str, ...] = (
    "call.cost",
    "call.recording.",
    "call.transcription",
    "call.analyzed",
    "call.conversation",
    "call.hangup",
)
_AFTERWARDS += ("call.deepfake", "conversation_insight", "call.ai_gather", "call.machine", "call.dequeued")
_AFTERWARDS += ("call.speak.ended", "call.playback.ended", "call.gather.ended", "streaming.", "call.streaming.")
# what a command brings for certain, and soon
_CERTAIN = {"answer", "hangup", "reject", "speak", "start_playback", "transfer", "bridge", "enqueue", "leave_queue"}
_PATIENCE, _A_MOMENT = timedelta(seconds=30), timedelta(seconds=1)


@dataclass(frozen=True)
class Gap:
    """Says what is missing on a leg, and between which seconds from the start it must have happened."""

    leg: str
    begin: float
    end: float
    sentence: str


def find(legs: Sequence[tuple[str, Call]], entries: Sequence[Entry], start: datetime, now: datetime) -> list[Gap]:
    """Find the gaps of each leg that Call Control ran: TeXML's callbacks are what its documents ask for."""

    def seconds(at: datetime) -> float:
        return (at - start).total_seconds()

    found: list[Gap] = []
    for letter, leg in legs:
        mine = [entry for entry in entries if entry.leg == letter]
        if leg.is_texml or any(entry.name.startswith("texml.") for entry in mine):
            continue
        for begin, end, sentence in _of_leg(leg, mine, now):
            found.append(Gap(letter, seconds(begin), seconds(end), sentence))
    return found


def _of_leg(leg: Call, mine: Sequence[Entry], now: datetime) -> Iterator[tuple[datetime, datetime, str]]:
    events = [entry for entry in mine if entry.kind == "event"]
    names = {entry.name for entry in events}
    last = max([*(entry.at for entry in events), leg.started_at])
    over = leg.ended_at or last
    if events and "call.initiated" not in names:
        yield leg.started_at, events[0].at, "That the call began was never reported"
    if "call.answered" not in names and (proof := _first(events, lambda name: name.startswith(_PROVE_AN_ANSWER))):
        yield leg.started_at, proof.at, "The answer was never reported"
    if not leg.is_alive and "call.hangup" not in names:
        yield last, max(over, last), "The hang-up was never reported"
    if hangup := _first(events, lambda name: name == "call.hangup"):
        yield from _after_its_end(hangup, events)
    if not leg.is_alive:
        yield from _unfinished(events, over)
    yield from _unanswered(mine, names, now)


def _first(events: Sequence[Entry], fits: Callable[[str], bool]) -> Entry | None:
    return next((entry for entry in events if fits(entry.name)), None)


def _unfinished(events: Sequence[Entry], over: datetime) -> Iterator[tuple[datetime, datetime, str]]:
    for begins, ends, sentence in _PAIRS:
        open_since: datetime | None = None
        for entry in events:
            open_since = entry.at if entry.name == begins else None if entry.name == ends else open_since
        if open_since:
            yield open_since, max(over, open_since), sentence


def _unanswered(mine: Sequence[Entry], names: set[str], now: datetime) -> Iterator[tuple[datetime, datetime, str]]:
    for entry in mine:
        is_due = entry.kind == "command" and entry.status == "ok" and now - entry.at > _PATIENCE
        if not is_due or entry.answered or entry.name not in _CERTAIN or names & set(ANSWERS[entry.name]):
            continue
        yield entry.at, entry.at + _PATIENCE, f"“{entry.title}” was accepted, and the event it brings never came"


def _after_its_end(hangup: Entry, events: Sequence[Entry]) -> Iterator[tuple[datetime, datetime, str]]:
    later = [one for one in events if one.at > hangup.at + _A_MOMENT and not one.name.startswith(_AFTERWARDS)]
    if later:
        yield hangup.at, later[-1].at, f"It went on after its hang-up: “{later[-1].title}”"
