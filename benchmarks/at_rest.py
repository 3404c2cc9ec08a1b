"""P12: the whole stack as `make run` starts it, when nothing happens."""

import os
import time
from collections.abc import Iterator

from benchmarks import scratch, whole_portal
from benchmarks.figures import Figure

SETTLE, REST = float(os.environ.get("BENCH_SETTLE", "60")), float(os.environ.get("BENCH_REST", "120"))


def run() -> Iterator[Figure | str]:
    """Lines to print: without any server, and with those that are given."""
    yield from _rested("SQLite", {}, bounds=(3.0, 400.0))
    broker = os.environ.get("CELERY_BROKER_URL", "")
    if scratch.url():
        with scratch.another() as url:
            given = {"DATABASE_URL": url, "CELERY_BROKER_URL": broker}
            name = f"PostgreSQL and {broker.partition('://')[0] or 'no broker'}"
            yield from _rested(name, given, bounds=(None, None))


def _rested(name: str, environment: dict[str, str], bounds: tuple[float | None, float | None]) -> Iterator[Figure]:
    with whole_portal.running(environment) as portal:
        time.sleep(SETTLE)
        cpu, begin = portal.cpu(), time.monotonic()
        time.sleep(REST)
        share = (portal.cpu() - cpu) / (time.monotonic() - begin) * 100
        memory = portal.memory()
    means = "what a portal costs that nobody calls"
    yield Figure("P12", f"{name}: of one core at rest", "%", share, means, at_most=bounds[0], of_ratio=False)
    note = f"PSS {memory['pss']:.0f}, USS {memory['uss']:.0f} MiB; the servers' own memory is not in it"
    yield Figure(
        "P12", f"{name}: RSS at rest", "MiB", memory["rss"], means, at_most=bounds[1], of_ratio=False, note=note
    )
