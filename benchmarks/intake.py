"""P1, P3: webhooks over HTTP (verify, record, answer) against a bare function under the same server: verify, INSERT."""

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection

from benchmarks import bare_table, stage

ROUNDS, REQUESTS = 5, 600


@dataclass(frozen=True)
class Round:
    """One side's: requests a second, the 99th percentile of the answers in ms, CPU and WAL of one request."""

    rate: float
    p99: float
    cpu_ms: float
    wal_bytes: float


def run() -> Iterator[str]:
    """Lines to print."""
    account = stage.make_account("bench-intake")
    floor = {"BARE_PUBLIC_KEY": stage.PUBLIC_KEY, "BARE_DATABASE": bare_table.make()}
    dead_end = {"CELERY_BROKER_URL": ""}  # nobody reads what is woken here: the embedded queue costs little
    with stage.web("benchmarks.bare:storing", floor) as bare, stage.web("portal.wsgi", dead_end) as ours:
        sides = ((*bare, "/"), (*ours, stage.path_of(account)))
        for side in sides:
            _round(*side)  # warm
        rounds = [[_round(*side) for side in sides] for _ in range(ROUNDS)]  # interleaved
    yield f"{connection.vendor}, {stage.CONNECTIONS} connections: {_compared(rounds)}"


def _compared(rounds: list[list[Round]]) -> str:
    def middle(name: str) -> tuple[float, float, float]:
        pairs = [(getattr(bare, name), getattr(ours, name)) for bare, ours in rounds]
        bare, ours = (statistics.median(values) for values in zip(*pairs, strict=True))
        return bare, ours, statistics.median(mine / max(floor, 1e-9) for floor, mine in pairs)

    told = "{:.0f}/s → {:.0f}/s, ratio {:.2f} (goal at least 0.60)".format(*middle("rate"))
    told += "; p99 {:.1f} → {:.1f} ms, ratio {:.1f} (goal at most 1.7)".format(*middle("p99"))
    told += "; CPU {:.2f} → {:.2f} ms, ratio {:.1f} (goal at most 2.5)".format(*middle("cpu_ms"))
    if connection.vendor == "postgresql":
        told += "; WAL {:.0f} → {:.0f} bytes (goal at most 3,000; the whole server's)".format(*middle("wal_bytes")[:2])
    return told


def _round(port: int, process: int, path: str) -> Round:
    requests = [stage.webhook(path) for _ in range(REQUESTS)]
    cpu, wal, begin = _cpu(process), bare_table.wal(), time.perf_counter()
    answered = stage.fire(port, requests)
    seconds = time.perf_counter() - begin
    spent = (_cpu(process) - cpu) * 1000 / REQUESTS
    return Round(REQUESTS / seconds, stage.at(answered, 0.99) * 1000, spent, (bare_table.wal() - wal) / REQUESTS)


def _cpu(process: int) -> float:
    return stage.cpu_seconds(process, *bare_table.backends())
