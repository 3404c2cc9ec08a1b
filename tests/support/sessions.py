"""Writes down a session in few words, without a database, for tests that draw it."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from portal.phone_numbers import mask
from voice.calls.timeline import Answered, Entry
from voice.catalogue import actions
from voice.catalogue.event_types import label
from voice.models import Call
from voice.session_picture import scene
from voice.session_picture.scene import Scene

BEGIN = datetime(2026, 11, 20, 14, 3, 7, tzinfo=UTC)
CALLER, OURS, COLLEAGUE = "+13125550143", "+13125550100", "+13125550161"


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def leg(
    direction: str = "incoming",
    *,
    begun: float = 0,
    answered: float | None = None,
    bridged: float | None = None,
    ended: float | None = None,
    **columns: Any,
) -> Call:
    """A leg that is over, unless it has no end."""
    numbers = {"from_number": CALLER, "to_number": OURS}
    if direction == "outgoing":
        numbers = {"from_number": OURS, "to_number": COLLEAGUE}
    return Call(
        **(numbers | {"state": "ended" if ended is not None else "answered"} | columns),
        direction=direction,
        started_at=at(begun),
        answered_at=None if answered is None else at(answered),
        bridged_at=None if bridged is None else at(bridged),
        ended_at=None if ended is None else at(ended),
    )


def event(name: str, seconds: float, letter: str = "A", detail: str = "", **more: Any) -> Entry:
    values: dict[str, Any] = {"status": "processed", "id": f"{letter}-{name}-{seconds}"}
    began = more.pop("began", None)
    values |= more
    return Entry(
        kind="event",
        at=at(seconds),
        offset=seconds,
        leg=letter,
        title=label(name),
        detail=detail,
        name=name,
        began=None if began is None else at(began),
        **values,
    )


def command(action: str, seconds: float, letter: str = "A", status: str = "ok", answer: Entry | None = None) -> Entry:
    answered = Answered(answer.id, answer.title, (answer.at - at(seconds)).total_seconds()) if answer else None
    return Entry(
        kind="command",
        id=f"{letter}-{action}-{seconds}",
        at=at(seconds),
        offset=seconds,
        leg=letter,
        title=actions.label(action),
        detail="by rule: Menu #4",
        status=status,
        name=action,
        answered=answered,
    )


def life(call: Call, letter: str = "A") -> list[Entry]:
    """The events of one leg, as its columns tell."""
    stamps = {"call.initiated": call.started_at, "call.answered": call.answered_at}
    stamps |= {"call.bridged": call.bridged_at, "call.hangup": call.ended_at}
    return [event(name, (when - BEGIN).total_seconds(), letter) for name, when in stamps.items() if when]


def drawn_scene(
    legs: Iterable[Call], entries: Iterable[Entry], who: Iterable[str] = (), *, masked: bool = False, **more: Any
) -> Scene:
    """Lay a session out; ``who`` ended each leg, in their order."""
    named = list(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", legs, strict=False))
    ends = {call.pk: party for (_, call), party in zip(named, who, strict=False)}
    ordered = sorted(entries, key=lambda entry: entry.at)
    number = mask if masked else str
    return scene.read(named, ordered, ends, number, more.pop("now", at(4000)), **more)
