"""Reads what ran on a leg for a while: a recording, what was played or said, a menu, an assistant, hold, a queue."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from voice.calls.timeline import Entry


@dataclass(frozen=True)
class Strip:
    """Holds one strip of a lane, in seconds from the start; ``is_open``: its end was not told, it ends with the leg."""

    kind: str
    leg: str
    begin: float
    end: float
    is_open: bool = False


@dataclass(frozen=True)
class _Kind:
    name: str
    begins: tuple[str, ...]
    ends: tuple[str, ...]


# what begins by a command begins when that was sent
_KINDS = (
    _Kind("recording", ("start_recording", "texml.recording.in_progress"), ("stop_recording",)),
    _Kind("speech", ("call.speak.started", "call.playback.started"), ("call.speak.ended", "call.playback.ended")),
    _Kind(
        *("menu", ("gather", "gather_using_speak", "gather_using_audio", "gather_using_ai")),
        ("call.gather.ended", "call.ai_gather.ended", "texml.gather"),
    ),
    _Kind(
        "assistant",
        ("call.conversation.created", "streaming.started"),
        ("call.conversation.ended", "streaming.stopped"),
    ),
    _Kind("hold", ("call.hold",), ("call.unhold",)),
    _Kind("queue", ("call.enqueued",), ("call.dequeued",)),
)
_SAVED = {"call.recording.saved", "texml.recording.completed"}
_NOT_SENT = {"refused", "expired", "queued"}


def read(entries: Iterable[Entry], lanes_end: Mapping[str, float], start: datetime) -> Iterator[Strip]:
    """Find them: of each kind on each leg one after the other."""
    told = [entry for entry in entries if entry.leg in lanes_end and entry.status not in _NOT_SENT]
    for kind in _KINDS:
        for leg, end in lanes_end.items():
            mine = [entry for entry in told if entry.leg == leg]
            found = list(_of_kind(kind, mine, start, end))
            if kind.name == "recording":
                found = [
                    *_saved(mine, start, end),
                    *(found if not any(e.began for e in mine if e.name in _SAVED) else []),
                ]
            yield from found


def _of_kind(kind: _Kind, told: Sequence[Entry], start: datetime, end: float) -> Iterator[Strip]:
    leg, begun = (told[0].leg if told else ""), None
    saved = _SAVED if kind.name == "recording" else set()
    for entry in told:
        at = (entry.at - start).total_seconds()
        if entry.name in kind.begins and begun is None:
            begun = at
        elif begun is not None and (entry.name in kind.ends or entry.name in saved):
            yield Strip(kind.name, leg, begun, max(min(at, end), begun))
            begun = None
    if begun is not None:
        yield Strip(kind.name, leg, begun, max(end, begun), is_open=True)


def _saved(told: Iterable[Entry], start: datetime, end: float) -> Iterator[Strip]:
    """Tell the length of a recording as its event does."""
    for entry in told:
        if entry.name in _SAVED and entry.began:
            begin = (entry.began - start).total_seconds()
            yield Strip("recording", entry.leg, begin, max(min((entry.at - start).total_seconds(), end), begin))
