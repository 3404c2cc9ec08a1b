"""P7: commands of as many calls, sent while Telnyx takes 100 ms for each, against concurrency ÷ latency."""

import os
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from benchmarks import stage
from portal.models import TelnyxAccount
from portal.runtime.wakeups import wake
from tests.support.factories import make_call
from voice.models import CallCommand

LATENCY, BEFORE = 0.1, 40


def run() -> Iterator[str]:
    """Lines to print: with the broker of ``CELERY_BROKER_URL``, else with the embedded queue."""
    threads, count = (8, 160) if connection.vendor == "sqlite" else (32, 640)
    broker = os.environ.get("CELERY_BROKER_URL", "")
    with stage.telnyx(LATENCY) as (port, arrivals), stage.workers({"CELERY_BROKER_URL": broker}):
        account = stage.make_account("bench-draining", port)
        _drain(account, BEFORE, arrivals)  # warm: each thread connects
        rate = _drain(account, count, arrivals)
    ideal = threads / LATENCY
    told = f"ideal {ideal:.0f}/s, portal {rate:.0f}/s, ratio {rate / ideal:.2f} (goal at least 0.85)"
    yield f"{connection.vendor}, {threads} threads: {told}"


def _drain(account: TelnyxAccount, count: int, arrivals: dict[str, float]) -> float:
    """Commands a second, from the first that comes to the last."""
    arrivals.clear()
    wake("voice.send_command", *(_command(account) for _ in range(count)))
    begin = time.perf_counter()
    while len(arrivals) < count:
        assert time.perf_counter() - begin < 60, f"{len(arrivals)} of {count} commands came"
        time.sleep(0.005)
    return (count - 1) / (max(arrivals.values()) - min(arrivals.values()))


def _command(account: TelnyxAccount) -> uuid.UUID:
    now, call = timezone.now(), make_call(account, leg=uuid.uuid4().hex)
    command = CallCommand.objects.create(
        account=account,
        action="answer",
        call=call,
        call_control_id=call.call_control_id,
        intent_key=f"bench:{call.pk}",
        requested_by="benchmark",
        created_at=now,
        expires_at=now + timedelta(minutes=5),
    )
    return command.pk
