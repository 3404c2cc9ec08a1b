"""P5: processing a stored event (claim, projection, rules) against one prepared statement with the same facts."""

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from benchmarks import stage
from benchmarks.figures import Figure, compared
from portal.models import TelnyxAccount
from tests.support.factories import make_event
from voice.events import intake
from voice.events.processing import process, process_all
from voice.models import Call, CallEvent

ROUNDS, EVENTS = int(os.environ.get("BENCH_ROUNDS", "5")), 200
Work = Callable[[list[uuid.UUID]], None]
_DONE = (
    f"UPDATE {CallEvent._meta.db_table} SET status = %s, processed_at = %s, attempts = 1, call_id = %s WHERE id = %s"
)
_MEANS = "how many events one worker works off; a call has about ten"


def run() -> Iterator[Figure | str]:
    """Lines to print."""
    account = stage.make_account("bench-processing")
    for kind, later, bound in (("the first event of a call", False, 0.4), ("a later event", True, 0.5)):
        by_hand = _Bare(account, later)
        works: tuple[Work, ...] = (by_hand, _one_by_one, _together)
        for work in works:
            _rate(account, work, later)  # warm
        stage.know_the_tables()
        rounds = [[_rate(account, work, later) for work in works] for _ in range(ROUNDS)]  # interleaved
        how = f"{kind}, one at a time"
        yield compared("P5", how, "/s", [(one[0], one[1]) for one in rounds], _MEANS, at_least=bound)
        yield compared("P5", f"{kind}, as the sweep does", "/s", [(one[0], one[2]) for one in rounds], _MEANS)
        yield f"{kind}: {_statements(account, later)} statements of Django's"


class _Bare:
    """Writes what the portal wrote for another event like these: the event's end, and the call's row or its changes."""

    def __init__(self, account: TelnyxAccount, later: bool) -> None:
        (identifier,) = _ids(account, 1, later)
        handle = CallEvent.objects.get(pk=identifier).call_control_id
        before = _row(handle) if later else {}
        process(identifier)
        self._values = {name: value for name, value in _row(handle).items() if before.get(name, self) != value}
        self._later, table, names = later, Call._meta.db_table, list(map(_quoted, self._values))
        if later:
            self._sql = f"UPDATE {table} SET {', '.join(f'{name} = %s' for name in names)} WHERE id = %s"
        else:
            self._sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))})"

    def __call__(self, ids: list[uuid.UUID]) -> None:
        handles = dict(CallEvent.objects.filter(pk__in=ids).values_list("pk", "call_control_id"))
        calls = dict(Call.objects.filter(call_control_id__in=handles.values()).values_list("call_control_id", "pk"))
        for identifier, handle in handles.items():
            call = _key(calls.get(handle) or uuid.uuid4())
            own = {"id": call, "call_control_id": handle}
            values = [own.get(name, value) for name, value in self._values.items()]
            done = ["processed", str(timezone.now()), call, _key(identifier)]
            self._execute(done, [*values, call] if self._later else values)

    def _execute(self, done: Sequence[Any], values: Sequence[Any]) -> None:
        if connection.vendor == "postgresql":
            connection.connection.execute(f"WITH done AS ({_DONE}) {self._sql}", [*done, *values], prepare=True)
            return
        with transaction.atomic(), connection.cursor() as cursor:  # SQLite cannot change two tables in one statement
            cursor.execute(self._sql, list(values))
            cursor.execute(_DONE, list(done))


def _row(handle: str) -> dict[str, Any]:
    """A call as it lies in its table."""
    names = [field.column for field in Call._meta.concrete_fields]
    with connection.cursor() as cursor:
        told = f"SELECT {', '.join(map(_quoted, names))} FROM {Call._meta.db_table} WHERE call_control_id = %s"
        cursor.execute(told, [handle])
        return dict(zip(names, cursor.fetchone(), strict=True))


def _key(identifier: Any) -> Any:
    return identifier.hex if isinstance(identifier, uuid.UUID) and connection.vendor == "sqlite" else identifier


def _quoted(name: str) -> str:
    return f'"{name}"'


def _ids(account: TelnyxAccount, count: int, later: bool) -> list[uuid.UUID]:
    """Stored events of as many calls: the first of each, or one of a call that is known."""
    legs = [uuid.uuid4().hex for _ in range(count)]
    stored = [_stored(account, make_event(leg=leg)) for leg in legs]
    if later:
        list(process_all(stored))
        stored = [_stored(account, make_event("call.answered", 1, leg=leg)) for leg in legs]
    return stored


def _stored(account: TelnyxAccount, event: dict[str, object]) -> uuid.UUID:
    return intake.record(account, "webhook", {}, json.dumps(event).encode(), timezone.now())[0].pk


def _rate(account: TelnyxAccount, work: Work, later: bool) -> float:
    ids = _ids(account, EVENTS, later)
    begin = time.perf_counter()
    work(ids)
    return EVENTS / (time.perf_counter() - begin)


def _one_by_one(ids: list[uuid.UUID]) -> None:
    for identifier in ids:
        process(identifier)


def _together(ids: list[uuid.UUID]) -> None:
    list(process_all(ids))


def _statements(account: TelnyxAccount, later: bool) -> int:
    (identifier,) = _ids(account, 1, later)
    with CaptureQueriesContext(connection) as captured:
        process(identifier)
    return len(captured)
