"""P6 and "must hold": webhooks while the broker is frozen, against the same while it works: answered, and processed.

Of a host that only the broker wakes: one with a worker of its own would not notice.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.db import connection

from benchmarks import stage
from benchmarks.figures import Figure, Unmeasured, compared
from portal.models import TelnyxAccount
from tests.faults.proxy import Proxy
from tests.support.factories import make_event, make_flow
from voice.models import CallCommand, CallEvent

ROUNDS, WEBHOOKS = int(os.environ.get("BENCH_ROUNDS", "3")), 500


@dataclass(frozen=True)
class Round:
    """Webhooks a second, the longest answer in ms, seconds until no event and until no command is owed."""

    rate: float
    longest: float
    processed: float
    sent: float


def run() -> Iterator[Figure | str]:
    """Lines to print; nothing to measure without a broker."""
    broker = os.environ.get("CELERY_BROKER_URL", "")
    if not broker:
        yield "P6 left out: CELERY_BROKER_URL names no broker"
        return
    parts = urlsplit(broker)
    proxy = Proxy(parts.port or {"amqp": 5672, "redis": 6379}[parts.scheme])
    address = parts.netloc.rpartition("@")[0]
    through = parts._replace(netloc=f"{address}{'@' if address else ''}127.0.0.1:{proxy.port}").geturl()
    try:
        for commands in (False, True):
            yield from _compared({"CELERY_BROKER_URL": through}, proxy, commands)
    finally:
        proxy.close()


def _compared(environment: dict[str, str], proxy: Proxy, commands: bool) -> Iterator[Figure]:
    with stage.telnyx(0.1) as (telnyx_port, arrivals):
        account = stage.make_account(f"bench-frozen-{commands}", telnyx_port)
        flow = make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
        with stage.workers(environment, but="worker"), stage.web("portal.wsgi", environment) as (port, _):
            path = stage.path_of(account)
            stage.warm(port, path, arrivals, lambda leg: stage.webhook(path, make_event(leg=leg)))
            flow.active = commands
            flow.save()
            _measure(port, account)
            stage.know_the_tables()
            rounds = []
            for _ in range(ROUNDS):
                alive = _measure(port, account)
                proxy.spoil("blackhole")
                _measure(port, account, 50)  # what hung in its connections has found out
                rounds.append((alive, _measure(port, account)))
                proxy.heal()
                _measure(port, account, 50)
    yield from _told(rounds, "with commands" if commands else "events alone", 0.7 if commands else 0.9)


def _told(rounds: list[tuple[Round, Round]], how: str, bound: float) -> Iterator[Figure]:
    def pairs(name: str) -> list[tuple[float, float]]:
        return [(getattr(alive, name), getattr(frozen, name)) for alive, frozen in rounds]

    how = f"{connection.vendor}, {how}: broker frozen,"
    means = "a broker that hangs loses no event, and callers do not notice"
    yield compared("P6", f"{how} webhooks", "/s", pairs("rate"), means, at_least=bound)
    told: dict[str, float | bool] = {"of_ratio": False}
    yield compared("P6", f"{how} longest answer", "ms", pairs("longest"), means, at_most=250, **told)
    yield compared("P6", f"{how} all processed after", "s", pairs("processed"), means, at_most=5, **told)
    if "with" in how:
        yield compared("P6", f"{how} no command owed after", "s", pairs("sent"), means, **told)


def _measure(port: int, account: TelnyxAccount, count: int = WEBHOOKS) -> Round:
    requests = [stage.webhook(stage.path_of(account)) for _ in range(count)]
    begin = time.perf_counter()
    answered = stage.fire(port, requests)
    rate, longest = count / (time.perf_counter() - begin), max(answered) * 1000
    owed = (
        CallEvent.objects.filter(account=account, status="received"),
        CallCommand.objects.filter(account=account, status__in=("queued", "sending")),
    )
    after = []
    for rows in owed:
        while rows.exists():
            if time.perf_counter() - begin > 120:
                raise Unmeasured(f"{rows.count()} are still owed after two minutes")
            time.sleep(0.01)
        after.append(time.perf_counter() - begin)
    return Round(rate, longest, *after)
