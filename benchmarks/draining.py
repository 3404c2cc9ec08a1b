"""P7: commands of as many calls, sent while Telnyx takes 100 ms for each, against concurrency ÷ latency."""

import http.client
import os
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from benchmarks import stage
from benchmarks.figures import Figure, Unmeasured, compared
from portal.models import TelnyxAccount
from portal.runtime.wakeups import publisher, wake
from tests.support.factories import make_call
from voice.models import CallCommand

LATENCY, BEFORE, PATIENCE = 0.1, 40, 10.0
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))


def run() -> Iterator[Figure | str]:
    """Lines to print: with the broker of ``CELERY_BROKER_URL``, else with the embedded queue."""
    threads, count = (8, 160) if connection.vendor == "sqlite" else (32, 640)
    environment = {"CELERY_BROKER_URL": os.environ.get("CELERY_BROKER_URL", "")}
    with stage.telnyx(LATENCY) as (port, arrivals), stage.workers(environment):
        account = stage.make_account("bench-draining", port)
        _warm(account, arrivals)
        stage.know_the_tables()
        rounds, bare, missing = [], [], 0
        for _ in range(ROUNDS):
            bare.append(_bare(port, threads, count))
            rate, came = _drain(account, count, arrivals)
            rounds.append((threads / LATENCY, rate))
            missing += count - came
    note = f"{publisher.dropped} wake-ups were dropped" + (f", {missing} commands never came" if missing else "")
    means = "how soon a campaign's calls are all dialled, and whether one slow answer holds up others"
    what = f"commands drained, {threads} threads"
    yield compared("P7", what, "/s", rounds, means, at_least=0.85, note=note)
    middle = sorted(bare)[len(bare) // 2]
    share = middle * LATENCY / threads
    yield f"{threads} bare threads on kept connections, in the same rounds: {middle:.0f}/s, {share:.2f}"


def _warm(account: TelnyxAccount, arrivals: dict[str, float]) -> None:
    """Until one command has come, and then once around: each thread connects."""
    deadline = time.monotonic() + stage.WARM_SECONDS
    while not _drain(account, 1, arrivals, patience=3.0)[1]:
        if time.monotonic() > deadline:
            raise Unmeasured(f"no command came within {stage.WARM_SECONDS:.0f} s")
    _drain(account, BEFORE, arrivals)


def _drain(
    account: TelnyxAccount, count: int, arrivals: dict[str, float], patience: float = PATIENCE
) -> tuple[float, int]:
    """Commands a second, from the first that comes to the last, and how many came."""
    arrivals.clear()
    made = [_command(account) for _ in range(count)]
    wake("voice.send_command", *(command.pk for command in made))
    came = stage.arrived(arrivals, [command.call_control_id for command in made], patience)
    span = max(arrivals.values()) - min(arrivals.values()) if came > 1 else 0.0
    return (came - 1) / span if span else 0.0, came


def _bare(port: int, threads: int, count: int) -> float:
    """What as many threads that do nothing else reach at this Telnyx, on this machine, now."""

    def post() -> None:
        line = http.client.HTTPConnection("127.0.0.1", port)
        for _ in range(count // threads):
            line.request("POST", f"/v2/calls/bare-{uuid.uuid4().hex}/actions/answer", b"{}")
            line.getresponse().read()
        line.close()

    begin = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        for posting in [pool.submit(post) for _ in range(threads)]:
            posting.result()  # what failed there fails here
    return count // threads * threads / (time.perf_counter() - begin)


def _command(account: TelnyxAccount) -> CallCommand:
    now, call = timezone.now(), make_call(account, leg=uuid.uuid4().hex)
    return CallCommand.objects.create(
        account=account,
        action="answer",
        call=call,
        call_control_id=call.call_control_id,
        intent_key=f"bench:{call.pk}",
        requested_by="benchmark",
        created_at=now,
        expires_at=now + timedelta(minutes=5),
    )
