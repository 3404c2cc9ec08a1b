"""P5: processing a stored event (claim, projection, rules) against one hand-made statement with the same facts."""

import json
import statistics
import time
import uuid
from collections.abc import Callable, Iterator

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from benchmarks import stage
from portal.models import TelnyxAccount
from tests.support.factories import make_event
from voice.events import intake
from voice.events.processing import process, process_all

ROUNDS, EVENTS = 5, 150
_DONE = "UPDATE voice_callevent SET status = 'processed', processed_at = %s WHERE id = %s"
_CALL = "INSERT INTO bench_call VALUES (%s, %s, %s) ON CONFLICT (id) DO UPDATE SET state = excluded.state"
_FACTS = json.dumps({"state": "parked", "from": "+13125550101", "to": "+13125550199"})


def run() -> Iterator[str]:
    """Lines to print."""
    account = stage.make_account("bench-processing")
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS bench_call (id varchar(64) PRIMARY KEY, state varchar(10), facts text)"
        )
    for kind, second in (("the first event of a call", False), ("a later event", True)):
        works = (_by_hand, _one_by_one, _together)
        for work in works:
            _rate(account, work, second)  # warm
        rounds = [[_rate(account, work, second) for work in works] for _ in range(ROUNDS)]  # interleaved
        bare, single, many = (statistics.median(values) for values in zip(*rounds, strict=True))
        ratios = [statistics.median(one[side] / one[0] for one in rounds) for side in (1, 2)]
        yield (
            f"{connection.vendor}, {kind}: {bare:.0f}/s → {single:.0f}/s, ratio {ratios[0]:.2f} (goal 0.5)"
            f"; as the sweep does: {many:.0f}/s, ratio {ratios[1]:.2f}; {_statements(account, second)} statements"
        )


def _ids(account: TelnyxAccount, count: int, second: bool) -> list[uuid.UUID]:
    """Stored events of as many calls: the first of each, or one of a call that is known."""
    legs = [uuid.uuid4().hex for _ in range(count)]
    stored = [_stored(account, make_event(leg=leg)) for leg in legs]
    if second:
        list(process_all(stored))
        stored = [_stored(account, make_event("call.answered", 1, leg=leg)) for leg in legs]
    return stored


def _stored(account: TelnyxAccount, event: dict[str, object]) -> uuid.UUID:
    return intake.record(account, "webhook", {}, json.dumps(event).encode(), timezone.now())[0].pk


def _rate(account: TelnyxAccount, work: Callable[[list[uuid.UUID]], None], second: bool) -> float:
    ids = _ids(account, EVENTS, second)
    begin = time.perf_counter()
    work(ids)
    return EVENTS / (time.perf_counter() - begin)


def _one_by_one(ids: list[uuid.UUID]) -> None:
    for identifier in ids:
        process(identifier)


def _together(ids: list[uuid.UUID]) -> None:
    list(process_all(ids))


def _by_hand(ids: list[uuid.UUID]) -> None:
    for identifier in ids:
        now, call = timezone.now(), uuid.uuid4().hex
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(f"WITH done AS ({_DONE}) {_CALL}", [now, identifier, call, "parked", _FACTS])
                continue
            with transaction.atomic():  # SQLite cannot change two tables in one statement
                cursor.execute(_DONE, [str(now), identifier.hex])
                cursor.execute(_CALL, [call, "parked", _FACTS])


def _statements(account: TelnyxAccount, second: bool) -> int:
    (identifier,) = _ids(account, 1, second)
    with CaptureQueriesContext(connection) as captured:
        process(identifier)
    return len(captured)
