"""Reads the marks of a session from its story: one an event, one a command, with a sentence each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from voice.calls.timeline import Entry
from voice.catalogue.event_types import ENDS

MOST = 200  # drawn; of more, those that are near to each other on one lane are drawn as one
_TROUBLE = ("error", "failed", "absent")
_KEYS = {"call.dtmf.received"}
_QUIET = {"call.initiated", "call.answered", "texml.call.initiated", "texml.call.answered", "call.hangup"}
_FAMILIES = (
    ("machine", ("call.machine.", "texml.amd")),
    ("cost", ("call.cost", "texml.cost")),
)


@dataclass(frozen=True)
class Mark:
    """Holds one mark: ``kind`` is its shape, ``at`` seconds from the start, ``until`` when what answers it happened.

    ``count`` entries of the story stand behind it.
    """

    id: str
    kind: str
    leg: str
    at: float
    sentence: str
    is_command: bool = False
    until: float | None = None
    glyph: str = ""
    count: int = 1


def read(entries: Iterable[Entry], start: datetime, late: float = 0.0) -> list[Mark]:
    """Make a mark of each entry; those of commands are moved by ``late`` seconds, by which our clock goes late."""
    told = list(entries)
    happened = {entry.id: (entry.at - start).total_seconds() for entry in told if entry.kind == "event"}
    return [_mark(entry, start, late, happened) for entry in told]


def merged(marks: Iterable[Mark], position: dict[str, float], nearer: float) -> list[Mark]:
    """Draw as one what is nearer than ``nearer`` px on the same lane and of the same kind."""
    found: list[Mark] = []
    key = _lane_of
    for _, group in groupby(sorted(marks, key=lambda mark: (*key(mark), mark.at)), key=key):
        found += _merged_lane(list(group), position, nearer)
    return sorted(found, key=lambda mark: mark.at)


def _lane_of(mark: Mark) -> tuple[bool, str, str]:
    return mark.is_command, mark.leg, mark.kind


def _merged_lane(lane: list[Mark], position: dict[str, float], nearer: float) -> Iterator[Mark]:
    run: list[Mark] = []
    for mark in lane:
        if run and position[mark.id] - position[run[0].id] >= nearer:
            yield _as_one(run)
            run = []
        run.append(mark)
    if run:
        yield _as_one(run)


def _as_one(run: list[Mark]) -> Mark:
    if len(run) == 1:
        return run[0]
    count = sum(mark.count for mark in run)
    words = {"key": "keys", "problem": "problems", "refused": "refused commands"}
    what = words.get(run[0].kind, "commands" if run[0].is_command else "events")
    sentence = f"{count} {what}, the first: {run[0].sentence}"
    return replace(run[0], count=count, sentence=sentence, glyph="", until=None)


def _mark(entry: Entry, start: datetime, late: float, happened: dict[str, float]) -> Mark:
    is_command = entry.kind == "command"
    at = (entry.at - start).total_seconds() + (late if is_command else 0.0)
    glyph = entry.detail.removeprefix("digit ")[:1] if entry.name in _KEYS else ""
    return Mark(
        id=entry.id,
        kind=_kind_of_command(entry) if is_command else _kind_of_event(entry),
        leg=entry.leg,
        at=at,
        sentence=_sentence(entry, at),
        is_command=is_command,
        until=happened.get(entry.answered.id) if entry.answered else None,
        glyph=glyph,
    )


def _kind_of_command(entry: Entry) -> str:
    if entry.status in {"refused", "expired", "uncertain"}:
        return {"refused": "refused", "expired": "undone", "uncertain": "uncertain"}[entry.status]
    return "waiting" if entry.status == "queued" else "sent"


def _kind_of_event(entry: Entry) -> str:
    if entry.status in {"dead", "quarantined"} or entry.name.rpartition(".")[2] in _TROUBLE:
        return "problem"
    if entry.name in _KEYS:
        return "key"
    if entry.name in ENDS:
        return "end"
    if entry.name in _QUIET:
        return "step"
    return next((kind for kind, names in _FAMILIES if entry.name.startswith(names)), "event")


def _sentence(entry: Entry, at: float) -> str:
    where = f" on leg {entry.leg}" if entry.leg else ""
    what = f"{entry.title} ({entry.status})" if entry.kind == "command" else entry.title
    detail = f": {entry.detail}" if entry.detail else ""
    late = f"; answered after {entry.answered.seconds:.1f} s" if entry.answered else ""
    return f"{at:.3f} s, {what}{where}{detail}{late}"[:140]
