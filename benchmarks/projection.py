"""P5: processing a stored event (claim, projection, rules) against a hand-made INSERT and UPDATE of the same facts."""

import json
import statistics
import time
import uuid
from collections.abc import Callable, Iterator

from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.factories import make_event
from voice import intake
from voice.processing import process

ROUNDS, EVENTS = 5, 200


def run() -> Iterator[str]:
    """Lines to print."""
    call_command("migrate", verbosity=0)
    account = TelnyxAccount.objects.create(name="bench-projection")
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS bench_call (id varchar(64) PRIMARY KEY, state varchar(10), facts text)"
        )
    _rate(account, process), _rate(account, _by_hand)  # warm
    rounds = [(_rate(account, _by_hand), _rate(account, process)) for _ in range(ROUNDS)]
    ratios = [ours / bare for bare, ours in rounds]
    bare, ours = (statistics.median(values) for values in zip(*rounds, strict=True))
    ratio = statistics.median(ratios)
    yield f"{connection.vendor}: floor {bare:.0f}/s, portal {ours:.0f}/s, ratio {ratio:.2f} (goal 0.5)"


def _rate(account: TelnyxAccount, work: Callable[[uuid.UUID], object]) -> float:
    ids = []
    for _ in range(EVENTS):
        body = json.dumps(make_event(leg=uuid.uuid4().hex)).encode()
        ids.append(intake.record(account, "webhook", {}, body, timezone.now())[0].pk)
    begin = time.perf_counter()
    for identifier in ids:
        work(identifier)
    return EVENTS / (time.perf_counter() - begin)


def _by_hand(event_id: uuid.UUID) -> None:
    facts = json.dumps({"state": "parked", "from": "+13125550101", "to": "+13125550199"})
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO bench_call VALUES (%s, %s, %s)", [uuid.uuid4().hex, "parked", facts])
        column = event_id.hex if connection.vendor == "sqlite" else str(event_id)
        cursor.execute("UPDATE voice_callevent SET status = 'processed' WHERE id = %s", [column])
