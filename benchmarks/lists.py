"""Every list, filter, search and page of a large house against 100 k calls, in SQL; whole pages, in CPU.

``SEED=10m`` says how large; both databases are filled once and kept. A process for each size: Django has one database.
"""

import http.client
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from benchmarks import seed
from benchmarks.figures import Figure

SMALL, ROUNDS, PAGES = "100k", 3, 20
MOST, MOST_BUFFERS, MOST_CPU = 1.5, 100, 100.0
_TOLD = 5  # of the slowest


def run() -> Iterator[str | Figure]:
    """Lines to print, and figures."""
    server = os.environ.get("DATABASE_URL", "")
    size = os.environ.get("SEED", "").lower()
    if not server.startswith("postgres"):
        yield "not measured: it needs DATABASE_URL (PostgreSQL)"
        return
    if size not in seed.SIZES:
        yield f"not measured: give SEED={'|'.join(seed.SIZES)}; filling 10m takes an hour, and is done once"
        return
    for one in (SMALL, size):
        yield from (f"{one}: {line}" for line in _said("benchmarks.seed", one))
    small, large = ([json.loads(line) for line in _said("benchmarks.lists", one)] for one in (SMALL, size))
    yield from _compared(small[0], large[0], size)
    for name, (cpu, statements) in large[1].items():
        means = "how soon the page can be drawn at all, and how many people a web process serves"
        note = f"{statements} statements"
        yield Figure("P9", f"{name} at {size} calls", "ms of CPU", cpu, means, at_most=MOST_CPU, note=note)


def _said(module: str, size: str) -> list[str]:
    line = [sys.executable, "-W", "ignore", "-m", module, size]
    done = subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.splitlines()


def _compared(small: list[Any], large: list[Any], size: str) -> Iterator[str | Figure]:
    """What each took at both sizes: asked in the same order, of the same values."""
    by_label = dict(small)
    pairs = [(label, by_label[label][0], ms, buffers) for label, (ms, buffers) in large if label in by_label]
    ratios = sorted(((ms / max(floor, 1e-3), label, floor, ms) for label, floor, ms, _ in pairs), reverse=True)
    held = sum(ratio <= MOST for ratio, *_ in ratios)
    yield f"{len(ratios)} addresses, {size} against {SMALL}: {held} within {MOST} ×"
    for ratio, label, floor, ms in ratios[1:_TOLD]:
        yield f"  {ratio:.1f} ×: {floor:.1f} → {ms:.1f} ms {label}"
    means = "a search takes as long next year as today"
    ratio, label, floor, ms = ratios[0]
    yield Figure("P8", "the slowest list", "ms", ms, means, floor=floor, ratio=ratio, at_most=MOST, note=label)
    middle = ratios[len(ratios) // 2]
    yield Figure("P8", "the middle one", "ms", middle[3], means, floor=middle[2], ratio=middle[0], at_most=MOST)
    most, label = max((buffers, label) for label, _, _, buffers in pairs)
    yield Figure("P8", "buffers of one statement at most", "", most, means, at_most=MOST_BUFFERS, note=label)


# --- the process of one size ------------------------------------------------------------------------------------------


def main(size: str) -> None:
    """Print two lines of JSON: ``[[label, [ms, buffers]], …]``, and pages with CPU and statements."""
    seed.connect(size)
    import_module("django.conf").settings.ALLOWED_HOSTS = ["*"]
    import_module("django.test.utils").setup_test_environment()
    print(json.dumps(_walked()), flush=True)
    print(json.dumps(_pages()), flush=True)


def _walked() -> list[Any]:
    walked, plans = import_module("tests.support.walked_lists"), import_module("tests.support.plans")
    call = import_module("voice.models").Call.objects.order_by("started_at")[1000]
    values = walked.Values(walked.words_of(call), seed.noted_end())
    client, api = _signed_in()
    asked: list[tuple[Any, Any, str]] = []
    for model in walked.admin_lists():
        asked += [(walked.walked_in_admin, client, one) for one in walked.admin_addresses(client, model, values)]
    for listed in walked.rest_lists():
        if "{" not in listed.path and "texml" not in listed.path:  # nobody answers as Telnyx here
            offered = walked.rest_addresses(listed, listed.path, values)
            asked += [(walked.walked_over_rest, api, one) for one in offered]
    big, found = plans.big_tables(), []
    for walk, by, address in asked:
        with plans.explained(big) as told:
            turns = [label for label, status in walk(by, iter([address])) if status == 200]
        took = []
        for _ in range(ROUNDS):
            with _timed() as spent:
                list(walk(by, iter([address])))
            took.append(sum(spent) * 1000)
        if turns:
            found.append([address, [statistics.median(took), told.buffers]])
    return found


@contextmanager
def _timed() -> Iterator[list[float]]:
    """Collect the seconds of each statement."""
    spent: list[float] = []

    def execute(run: Any, *asked: Any) -> Any:
        begin = time.perf_counter()
        try:
            return run(*asked)
        finally:
            spent.append(time.perf_counter() - begin)

    with import_module("django.db").connection.execute_wrapper(execute):
        yield spent


def _signed_in() -> tuple[Any, Any]:
    users = import_module("django.contrib.auth").get_user_model()
    user = users.objects.filter(username="benchmark").first() or users.objects.create_superuser("benchmark")
    client = import_module("django.test").Client()
    client.force_login(user)
    return client, import_module("tests.support.rest").api_for(user)


def _pages() -> dict[str, tuple[float, int]]:
    """Each page by name: CPU of one over HTTP, of the server alone, and the statements of one."""
    stage, client = import_module("benchmarks.stage"), _signed_in()[0]
    addresses = {
        "home": "/admin/",
        "applications": "/admin/applications/callcontrolapplication/",
        "calls": "/admin/voice/call/",
        "events": "/admin/voice/callevent/",
        "commands": "/admin/voice/callcommand/",
        "limits": "/admin/voice/limits/",
        "inbox": "/admin/voice/rejectedrequest/inbox/",
    }
    found = {}
    with stage.web("portal.wsgi", {}) as (port, process):
        for name, address in addresses.items():
            with _timed() as spent:
                client.get(address)
            _fetch(port, client, address, 4)  # warm: each worker
            before = stage.cpu_seconds(process)
            _fetch(port, client, address, PAGES)
            found[name] = ((stage.cpu_seconds(process) - before) * 1000 / PAGES, len(spent))
    return found


def _fetch(port: int, client: Any, address: str, times: int) -> None:
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    for _ in range(times):
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=90)
        line.request("GET", address, headers={"Cookie": cookies})
        answer = line.getresponse()
        answer.read()
        assert answer.status == 200, (address, answer.status)
        line.close()


if __name__ == "__main__":
    main(sys.argv[1])
