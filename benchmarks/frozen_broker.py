"""P6 and "must hold": webhooks while the broker is frozen, against the same while it works: answered, and processed."""

import os
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.db import connection

from benchmarks import stage
from portal.models import TelnyxAccount
from tests.faults.proxy import Proxy
from tests.support.factories import make_flow
from voice.models import CallCommand, CallEvent

WEBHOOKS = 500


def run() -> Iterator[str]:
    """Lines to print; nothing to measure without a broker."""
    broker = os.environ.get("CELERY_BROKER_URL", "")
    if not broker:
        yield "left out: CELERY_BROKER_URL names no broker"
        return
    parts = urlsplit(broker)
    proxy = Proxy(parts.port or {"amqp": 5672, "redis": 6379}[parts.scheme])
    address = parts.netloc.rpartition("@")[0]
    through = parts._replace(netloc=f"{address}{'@' if address else ''}127.0.0.1:{proxy.port}").geturl()
    try:
        yield from _compared({"CELERY_BROKER_URL": through}, proxy)
    finally:
        proxy.close()


def _compared(environment: dict[str, str], proxy: Proxy) -> Iterator[str]:
    with stage.telnyx(0.1) as (telnyx_port, _):
        account = stage.make_account("bench-frozen", telnyx_port)
        make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
        with (
            stage.workers(environment),
            stage.process(["manage.py", "sweep"], environment),
            stage.web("portal.wsgi", environment) as (port, _),
        ):
            _measure(port, account, 20)  # the workers read the SDK before they are of use
            _measure(port, account)
            alive = _measure(port, account)
            proxy.spoil("blackhole")
            _measure(port, account, 50)  # what hung in its connections has found out
            frozen = _measure(port, account)
            proxy.heal()
    for what, goal, at in (
        ("webhooks a second", "goal at least 0.9, 0.7 with commands flowing", 0),
        ("longest answer, ms", "goal below 250 ms", 1),
        ("all processed after, s", "goal at most 5 s", 2),
        ("no command owed after, s", "Telnyx takes 100 ms", 3),
    ):
        ratio = frozen[at] / alive[at]
        yield f"{connection.vendor}, {what}: {alive[at]:.1f} → {frozen[at]:.1f}, ratio {ratio:.2f} ({goal})"


def _measure(port: int, account: TelnyxAccount, count: int = WEBHOOKS) -> tuple[float, ...]:
    """Webhooks a second, the longest answer in ms, seconds until no event and no command is owed."""
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
            assert time.perf_counter() - begin < 120, f"{rows.count()} are still owed"
            time.sleep(0.01)
        after.append(time.perf_counter() - begin)
    return rate, longest, *after
