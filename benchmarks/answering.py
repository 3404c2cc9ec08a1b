"""P4: from a webhook in to its answer command out, in the processes of `make run`, one at a time and at 50 a second."""

import os
import time
import uuid
from collections.abc import Iterator

from benchmarks import bare_table, stage
from benchmarks.figures import Figure, compared, percentile
from tests.support.factories import make_event, make_flow

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
CALLS, A_SECOND = 200, 50
PATIENCE = 10.0  # seconds without any command: then what is missing was dropped, and the sweep did not find it either
_MEANS = "how long a caller hears it ring beyond what any portal would need"


def run() -> Iterator[Figure | str]:
    """Lines to print: without a broker always, and in two ways with that of ``CELERY_BROKER_URL``."""
    with stage.telnyx() as (telnyx_port, arrivals):
        account = stage.make_account("bench-answering", telnyx_port)
        make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
        floor = bare_table.environment(telnyx_port)
        for broker, but, name in _ways():
            environment = {"CELERY_BROKER_URL": broker}
            with (
                stage.web("benchmarks.bare:answering", floor) as (a, _),
                stage.web("benchmarks.bare:both", floor) as (b, _),
                stage.workers(environment, but),
                stage.web("portal.wsgi", environment) as (ours, _),
            ):
                sides = ((a, "/"), (b, "/"), (ours, stage.path_of(account)))
                for port, path in sides:
                    stage.warm(port, path, arrivals, lambda leg, path=path: _webhook(path, leg))  # type: ignore[misc]
                    _latencies(port, path, arrivals, 0.0)
                stage.know_the_tables()
                for every, how in ((0.0, "one at a time"), (1 / A_SECOND, f"{A_SECOND} a second")):
                    rounds = [[_latencies(*side, arrivals, every) for side in sides] for _ in range(ROUNDS)]
                    yield from _told(rounds, f"{name}, {how}")
    bare_table.clear()


def _ways() -> Iterator[tuple[str, str, str]]:
    """Broker, the process that is left out, and what it is called."""
    yield "", "", "no broker"
    if broker := os.environ.get("CELERY_BROKER_URL", ""):
        kind = broker.partition("://")[0]
        yield broker, "", kind
        yield broker, "worker", f"{kind}, woken by it alone"


def _told(rounds: list[list[tuple[list[float], int]]], how: str) -> Iterator[Figure]:
    missing = sum(one[2][1] for one in rounds)
    note = f"{missing} of {len(rounds) * CALLS} never came" if missing else ""
    bounds: tuple[tuple[str, int, float, float | None], ...] = (
        ("p50 beside (a), verify and post", 0, 0.5, 8.0),
        ("p95 beside (a)", 0, 0.95, None),
        ("p50 beside (b), and commit event and command", 1, 0.5, 2.5),
        ("p95 beside (b)", 1, 0.95, 3.0),
    )
    for label, side, share, bound in bounds:
        pairs = [(percentile(one[side][0], share) * 1000, percentile(one[2][0], share) * 1000) for one in rounds]
        yield compared("P4", f"{how}, {label}", "ms", pairs, _MEANS, at_most=bound, note=note)


def _webhook(path: str, leg: str) -> bytes:
    return stage.webhook(path, make_event(leg=leg))


def _latencies(port: int, path: str, arrivals: dict[str, float], every: float) -> tuple[list[float], int]:
    """Seconds from a webhook to its command, for those whose command came, and how many did not come."""
    legs = [uuid.uuid4().hex for _ in range(CALLS)]
    sent: dict[str, float] = {}
    begin = time.perf_counter()
    for at, leg in enumerate(legs):
        if every:
            time.sleep(max(0.0, begin + at * every - time.perf_counter()))
        request, handle = _webhook(path, leg), f"v3:{leg}-leg"
        sent[handle] = time.perf_counter()
        stage.fire(port, [request], connections=1)
        if not every:
            stage.arrived(arrivals, [handle], PATIENCE)
    stage.arrived(arrivals, list(sent), PATIENCE)
    found = [arrivals[handle] - then for handle, then in sent.items() if handle in arrivals]
    # what did not come counts as endless: leaving it out would flatter
    return found + [float("inf")] * (CALLS - len(found)), CALLS - len(found)
