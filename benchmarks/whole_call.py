"""P13: a whole call (`ivr`, ring to hang-up), in statements and seconds: the first one, and one among thousands."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial

from benchmarks import scratch, statements, whole_portal
from benchmarks.figures import Figure

CALLS, GROWN_CALLS, FLOWS, RULES = int(os.environ.get("BENCH_ROUNDS", "3")) + 2, 3000, 100, 40
_REST_SECONDS = 20  # twice as long as most of what is periodic takes to come again
_GROW = f"""
import uuid
from datetime import timedelta
from django.utils import timezone
from portal.models import TelnyxAccount
from voice.models import Call, Flow, Rule
account = TelnyxAccount.objects.get(name="sandbox")
now = timezone.now()
def call(at):
    told = dict(call_control_id=f"v3:grown-{{at}}", call_leg_id=str(uuid.uuid4()), connection_id=f"1{{at % 7}}")
    return Call(account=account, state="ended", started_at=now - timedelta(minutes=at), ended_at=now, **told)
Call.objects.bulk_create([call(at) for at in range({GROWN_CALLS})])
flows = Flow.objects.bulk_create([
    Flow(account=account, name=f"grown {{at}}", connection_id=f"9{{at}}") for at in range({FLOWS})
])
def rule(flow, at):
    told = dict(event_type="call.answered", when=[{{"field": "call.step", "op": "eq", "value": f"step {{at}}"}}])
    return Rule(flow=flow, position=at, do=[{{"action": "hangup"}}], **told)
Rule.objects.bulk_create([rule(flow, at + 100) for flow in Flow.objects.all() for at in range({RULES})])
"""


def run() -> Iterator[Figure | str]:
    """Lines to print; statements are counted on the wire, which only PostgreSQL has."""
    with ExitStack() as stack:
        environment: dict[str, str] = {}
        count = None
        if scratch.url():
            own = stack.enter_context(scratch.another())
            before = os.environ["DATABASE_URL"]
            os.environ["DATABASE_URL"] = own
            told, environment = stack.enter_context(statements.counting())
            os.environ["DATABASE_URL"] = before
            count = partial(_statements, told)
            environment |= {"CELERY_BROKER_URL": os.environ.get("CELERY_BROKER_URL", "")}
        portal = stack.enter_context(whole_portal.running(environment))
        _call(portal)  # warm
        fresh = _measured(portal, count)
        portal.shell(_GROW)
        grown = _measured(portal, count)
    # the least of some: a recovery or an alert's round falls into this one or that one
    pairs = [min(one[at] for one in rounds) for at in (0, 1) for rounds in (fresh, grown)]
    name = "PostgreSQL" if count else "SQLite"
    note = f"after {GROWN_CALLS} calls, {FLOWS} flows and {RULES} rules more in each"
    means = "a call costs the same on the first day and after a year"
    what = f"{name}, a whole ivr call"
    yield Figure(
        "P13", f"{what}, ring to hang-up", "s", pairs[1], means, floor=pairs[0], ratio=pairs[1] / pairs[0], note=note
    )
    if count:
        ratio = pairs[3] / pairs[2]
        told = {"floor": pairs[2], "ratio": ratio, "at_most": 1.1}
        yield Figure(
            "P13", f"{what}, statements", "", pairs[3], means, note=f"{note}; what rests costs is taken off", **told
        )


def _statements(told: Callable[[], tuple[int, int]]) -> int:
    return told()[0]


def _measured(portal: whole_portal.Portal, count: Callable[[], int] | None) -> list[tuple[float, float]]:
    """Seconds of some calls, and their statements without those of a portal at rest for as long."""
    if count is None:
        return [(_call(portal), 0.0) for _ in range(CALLS)]
    begin, before = time.monotonic(), count()
    time.sleep(_REST_SECONDS)
    at_rest = (count() - before) / (time.monotonic() - begin)
    found = []
    for _ in range(CALLS):
        before, begin = count(), time.monotonic()
        seconds = _call(portal)
        found.append((seconds, count() - before - at_rest * (time.monotonic() - begin)))
    return found


def _call(portal: whole_portal.Portal) -> float:
    return portal.call()
