"""P4: from a webhook in to its answer command out, in the processes of `make run`; the floor is a server that posts."""

import os
import statistics
import time
import uuid
from collections.abc import Iterator

from benchmarks import stage
from tests.support.factories import make_event, make_flow

ROUNDS, CALLS = 3, 20


def run() -> Iterator[str]:
    """Lines to print: the embedded queue always, a real broker when ``CELERY_BROKER_URL`` names one."""
    with stage.telnyx() as (telnyx_port, arrivals):
        account = stage.make_account("bench-answering", telnyx_port)
        make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
        floor = {"BARE_PUBLIC_KEY": stage.PUBLIC_KEY, "BARE_TELNYX_PORT": str(telnyx_port)}
        for broker in dict.fromkeys(["", os.environ.get("CELERY_BROKER_URL", "")]):
            environment = {"CELERY_BROKER_URL": broker}
            with (
                stage.web("benchmarks.bare:answering", floor) as (bare, _),
                stage.workers(environment),
                stage.web("portal.wsgi", environment) as (ours, _),
            ):
                lines = ((bare, "/"), (ours, stage.path_of(account)))
                for port, path in lines:
                    _latencies(port, path, arrivals)  # warm
                rounds = [[_latencies(port, path, arrivals) for port, path in lines] for _ in range(ROUNDS)]
            yield f"{broker.partition('://')[0] or 'embedded queue'}: {_told(rounds)} (goal with RabbitMQ: 4 and 5)"


def _told(rounds: list[list[list[float]]]) -> str:
    shown = []
    for label, share in (("p50", 0.5), ("p95", 0.95)):
        bare, ours = (statistics.median(stage.at(one[side], share) for one in rounds) * 1000 for side in (0, 1))
        ratio = statistics.median(stage.at(one[1], share) / stage.at(one[0], share) for one in rounds)
        shown.append(f"{label} {bare:.1f} → {ours:.1f} ms, ratio {ratio:.1f}")
    return "; ".join(shown)


def _latencies(port: int, path: str, arrivals: dict[str, float]) -> list[float]:
    found = []
    for _ in range(CALLS):
        event = make_event(leg=uuid.uuid4().hex)
        request, control_id = stage.webhook(path, event), event["data"]["payload"]["call_control_id"]
        begin = time.perf_counter()
        stage.fire(port, [request], connections=1)
        while control_id not in arrivals:
            assert time.perf_counter() - begin < 60, "no command came"  # at first the worker still reads the SDK
            time.sleep(0.0002)
        found.append(arrivals[control_id] - begin)
    return found
