"""Stops, sets and advances the clock of a world."""

from datetime import UTC, datetime

from portal.json_types import JsonObject
from portal.sandbox.control.operations import Asked
from portal.sandbox.core.errors import wrong
from portal.sandbox.core.events import moment, timestamp

LONGEST = 31 * 86_400.0  # seconds that are advanced at once
PATIENCE = 60.0  # seconds of this machine's that everything which happens meanwhile may take
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def show(asked: Asked) -> JsonObject:
    """Tell the time, and what is due next."""
    world = asked.world
    with world.exchange.transaction():
        timer, now = world.store.first_timer(), world.clock.time()
    return {
        "now": timestamp(now),
        "paused": world.clock.stands,
        "next": timestamp(timer.due) if timer else None,
        "settled": world.exchange.is_quiet(),
    }


def change(asked: Asked) -> JsonObject:
    """Stop the clock, or let it go on; ``at`` says when it stands."""
    body, world = asked.body, asked.world
    if "paused" not in body and "at" not in body:
        raise wrong("paused", "true stops the clock, false lets it go on.")
    if body.get("paused") is False:
        if "at" in body:
            raise wrong("at", "Only a clock that stands is set.")
        world.clock.go_on()
    else:
        world.clock.stop(_read(body["at"]) if "at" in body else None)
    world.keep_clock()
    return show(asked)


def advance(asked: Asked) -> JsonObject:
    """Let time pass, and return once everything that happens in it has happened and was told."""
    seconds, world = asked.body["seconds"], asked.world
    if not 0 <= seconds <= LONGEST:
        raise wrong("seconds", f"From 0 to {LONGEST:g}.")
    settled = world.exchange.advance(float(seconds), PATIENCE)
    world.keep_clock()
    return show(asked) | {"settled": settled}


def _read(text: str) -> float:
    at = moment(text)
    if not _FIRST <= at <= _LAST:
        raise wrong("at", "A time from 2000 to 2100.")
    return at.timestamp()
