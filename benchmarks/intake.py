"""P1, P3: webhooks over HTTP (verify, record, answer) against a bare function under the same server: verify, INSERT."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection

from benchmarks import bare_table, stage, statements
from benchmarks.figures import Figure, compared, percentile

ROUNDS, REQUESTS, COUNTED = int(os.environ.get("BENCH_ROUNDS", "5")), 600, 100


@dataclass(frozen=True)
class Round:
    """One side's: requests a second, the 99th percentile of the answers in ms, CPU and WAL of one request."""

    rate: float
    p99: float
    cpu: float
    wal: float


def run() -> Iterator[Figure | str]:
    """Lines to print."""
    account = stage.make_account("bench-intake")
    with (
        stage.listener(),  # takes the wake-ups as a worker would, which would work on the same cores
        stage.web("benchmarks.bare:storing", bare_table.environment()) as bare,
        stage.web("portal.wsgi", {"CELERY_BROKER_URL": ""}) as ours,
    ):
        sides = ((*bare, "/"), (*ours, stage.path_of(account)))
        for side in sides:
            _round(*side)  # warm
        stage.know_the_tables()
        before = time.process_time()
        rounds = [[_round(*side) for side in sides] for _ in range(ROUNDS)]  # interleaved
        generator = (time.process_time() - before) * 1000 / (2 * ROUNDS * REQUESTS)
    yield from _compared(rounds)
    yield f"the load generator itself: {generator:.2f} ms of CPU a request, on the same cores"
    yield from _counted(stage.path_of(account))
    bare_table.clear()


def _compared(rounds: list[list[Round]]) -> Iterator[Figure]:
    def pairs(name: str) -> list[tuple[float, float]]:
        return [(getattr(bare, name), getattr(ours, name)) for bare, ours in rounds]

    is_postgres = connection.vendor == "postgresql"
    how = f"webhooks at {stage.CONNECTIONS} connections"
    means = "how many events a machine takes in when all calls of a campaign end at once"
    yield compared("P1", how, "/s", pairs("rate"), means, at_least=0.6 if is_postgres else 0.5)
    yield compared("P1", f"{how}, p99 of the answer", "ms", pairs("p99"), "Telnyx waits for it", at_most=1.7)
    means = "what an event costs of the machine that answers calls meanwhile"
    yield compared("P3", "CPU of server and database", "ms", pairs("cpu"), means, at_most=2.2)
    if is_postgres:
        means = "disk, replication and backup"
        told = {"at_most": 3000.0, "of_ratio": False, "note": "of the whole server: quiet neighbours are assumed"}
        yield compared("P3", "WAL of a webhook", "bytes", pairs("wal"), means, **told)


def _counted(path: str) -> Iterator[Figure]:
    if connection.vendor != "postgresql":
        return
    with statements.counting() as (count, environment), stage.web("portal.wsgi", environment) as (port, _):
        stage.fire(port, [stage.webhook(path) for _ in range(COUNTED)], connections=8)  # warm
        before = count()
        stage.fire(port, [stage.webhook(path) for _ in range(COUNTED)], connections=8)
        each = [(now - then) / COUNTED for now, then in zip(count(), before, strict=True)]
    note = "as they pass on the wire, without BEGIN and COMMIT; a little more for what a process does by itself"
    told = {"of_ratio": False, "note": note}
    yield Figure("P3", "statements of a webhook", "", each[0], "round trips to the database", at_most=2.1, **told)
    yield Figure("P3", "commits of a webhook", "", each[1], "waits for the disk", at_most=1.1, of_ratio=False)


def _round(port: int, process: int, path: str) -> Round:
    requests = [stage.webhook(path) for _ in range(REQUESTS)]
    cpu, wal, begin = _cpu(process), bare_table.wal(), time.perf_counter()
    answered = stage.fire(port, requests)
    seconds = time.perf_counter() - begin
    spent = (_cpu(process) - cpu) * 1000 / REQUESTS
    return Round(REQUESTS / seconds, percentile(answered, 0.99) * 1000, spent, (bare_table.wal() - wal) / REQUESTS)


def _cpu(process: int) -> float:
    return stage.cpu_seconds(process, *bare_table.backends())
