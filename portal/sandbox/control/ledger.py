"""Tells what happened: requests received, commands executed, deliveries tried, what documents did, what streams
carried; and waits for it."""

import time
from collections.abc import Mapping
from fnmatch import fnmatchcase

from portal.json_types import JsonObject
from portal.sandbox.control.operations import Asked, Member, number
from portal.sandbox.core.errors import wrong
from portal.sandbox.core.store import LEDGER_LENGTH, Store

KINDS = ("requests", "commands", "deliveries", "documents", "streams")
LONGEST_WAIT = 60.0  # seconds
# by what lines are chosen: the parameter, and the members of a line that have it
_BY: dict[str, tuple[str, ...]] = {
    "call_control_id": ("call_control_id",),
    "event_type": ("event_type",),
    "action": ("action",),
    "command_id": ("command_id",),
    "method": ("method",),
    "path": ("path",),
    "status": ("status",),
    "fault": ("fault",),
    "outcome": ("outcome",),
}
QUERY = (
    Member("kind", "string", f"{', '.join(KINDS)}; without it all of them"),
    *(Member(name, "string", f"lines with this {name}; * matches anything") for name in _BY),
    Member("since", "integer", "lines after this number only: the number that an earlier answer told as last"),
    Member("count", "integer", "how many lines are waited for, 1 unless told"),
    Member("limit", "integer", "of each kind only so many, the newest"),
    Member("wait", "number", f"seconds, at most {LONGEST_WAIT:g}, to wait until there are such lines"),
)


def read(asked: Asked) -> JsonObject:
    """Return the lines that fit, by kind; with ``wait`` once there are enough, or when the time is over."""
    query, store = asked.query, asked.world.store
    if query.get("kind", KINDS[0]) not in KINDS:
        raise wrong("kind", f"Must be one of {', '.join(KINDS)}.")
    wait, count = number(query, "wait", 0.0, LONGEST_WAIT), int(number(query, "count", 1, LEDGER_LENGTH, 0))
    since, limit = (
        int(number(query, "since", 0, 10**9 - 1, 0)),
        int(number(query, "limit", LEDGER_LENGTH, LEDGER_LENGTH, 0)),
    )
    deadline = time.monotonic() + wait
    while True:
        entered = store.entered()
        found, last = _found(store, query, since, limit)
        enough = sum(map(len, found.values())) >= count
        left = deadline - time.monotonic()
        if not wait:
            return found | {"last": last}
        if enough or left <= 0:
            return found | {"last": last, "found": enough}
        store.wait_for_line(entered, left)


def _found(store: Store, query: Mapping[str, str], since: int, limit: int) -> tuple[dict[str, list[JsonObject]], int]:
    kinds = (query["kind"],) if "kind" in query else KINDS
    last, found = since, dict[str, list[JsonObject]]()
    with store.transaction():
        for kind in kinds:
            lines = store.lines(kind, since)
            last = max([last, *(seq for seq, _ in lines[-1:])])
            fitting = [line for _, line in lines if _fits(line, query)]
            found[kind] = fitting[-limit:] if limit else []
    return found, last


def _fits(line: JsonObject, query: Mapping[str, str]) -> bool:
    for name, members in _BY.items():
        wanted = query.get(name)
        if wanted is not None and not any(fnmatchcase(_text(line.get(member)), wanted) for member in members):
            return False
    return True


def _text(value: object) -> str:
    return "" if value is None else str(value)
