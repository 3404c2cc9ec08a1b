"""P12: the whole stack as `make run` starts it, when nothing happens, new and after work; and the sandbox alone."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from benchmarks import scratch, stage, whole_portal
from benchmarks.figures import Figure, Unmeasured
from portal.sandbox.client import Client

SANDBOX_REST = 60.0  # seconds
_CALLS = 3  # and as many pages as somebody opens who looks around
_PAGES = (
    *("/admin/", "/admin/voice/call/", "/admin/voice/callevent/", "/admin/voice/callcommand/", "/admin/voice/limits/"),
    *("/admin/applications/callcontrolapplication/", "/admin/applications/callcontrolapplication/add/"),
    "/admin/voice/flow/",
)
SETTLE, REST = float(os.environ.get("BENCH_SETTLE", "60")), float(os.environ.get("BENCH_REST", "120"))


def run() -> Iterator[Figure | str]:
    """Lines to print: without any server, and with those that are given."""
    yield from _sandbox()
    yield from _rested("SQLite", {}, bounds=(3.0, 400.0))
    broker = os.environ.get("CELERY_BROKER_URL", "")
    if scratch.url():
        with scratch.another() as url:
            given = {"DATABASE_URL": url, "CELERY_BROKER_URL": broker}
            name = f"PostgreSQL and {broker.partition('://')[0] or 'no broker'}"
            yield from _rested(name, given, bounds=(None, None))


def _rested(name: str, environment: dict[str, str], bounds: tuple[float | None, float | None]) -> Iterator[Figure]:
    with whole_portal.running(environment) as portal:
        yield from _at_rest(portal, f"{name}, new", bounds)
        for _ in range(_CALLS):
            portal.call()
        portal.open_pages(*_PAGES)
        yield from _at_rest(portal, f"{name}, when it has worked", bounds)


def _at_rest(portal: whole_portal.Portal, name: str, bounds: tuple[float | None, float | None]) -> Iterator[Figure]:
    time.sleep(SETTLE)
    cpu, begin = portal.cpu(), time.monotonic()
    time.sleep(REST)
    share = (portal.cpu() - cpu) / (time.monotonic() - begin) * 100
    memory = portal.memory()
    means = "what a portal costs that nobody calls"
    yield Figure("P12", f"{name}: of one core at rest", "%", share, means, at_most=bounds[0], of_ratio=False)
    each = ", ".join(f"{one.name} {one.resident:.0f}" for one in memory)
    note = f"PSS {sum(one.proportional for one in memory):.0f} MiB; {each}; the servers' own memory is not in it"
    resident = sum(one.resident for one in memory)
    yield Figure("P12", f"{name}: RSS at rest", "MiB", resident, means, at_most=bounds[1], of_ratio=False, note=note)


def _sandbox() -> Iterator[Figure]:
    line = [sys.executable, "-m", "portal.sandbox", "--port", "0"]
    with subprocess.Popen(line, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True) as started:
        try:
            assert started.stdout is not None
            told = re.search(r"(http://\S+)/v2", started.stdout.readline())
            if told is None:
                raise Unmeasured("the sandbox did not start")
            yield from _sandbox_rested(started.pid, "new")
            _call(Client(f"{told[1]}/v2", "KEY-bench"))
            yield from _sandbox_rested(started.pid, "after a call")
        finally:
            started.terminate()


def _call(client: Client) -> None:
    """Have somebody call, who gives up, and wait until that is over and told."""
    nobody = {"application_name": "bench", "webhook_event_url": "http://127.0.0.1:9/"}
    client.ask("POST", "/v2/call_control_applications", nobody)
    call = client.ring({"at": 1, "hangup": True})
    if not client.ledger("deliveries", event_type="call.hangup", call_control_id=call, wait=30):
        raise Unmeasured("the call of the sandbox did not end")
    time.sleep(5)


def _sandbox_rested(pid: int, when: str) -> Iterator[Figure]:
    cpu, begin = stage.cpu_seconds(pid), time.monotonic()
    time.sleep(SANDBOX_REST)
    share = (stage.cpu_seconds(pid) - cpu) / (time.monotonic() - begin) * 100
    resident = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    means = "what a sandbox costs that nobody asks: 0.2 % and 40 MiB are what it may"
    yield Figure("P12", f"sandbox alone, {when}: of one core at rest", "%", share, means)
    if resident:
        yield Figure("P12", f"sandbox alone, {when}: RSS at rest", "MiB", int(resident[1]) / 1024, means)
