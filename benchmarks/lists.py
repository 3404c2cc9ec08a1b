"""Every list, filter, search and page of a large house against 100 k calls, in buffers and SQL; whole pages, in CPU.

``SEED=10m`` says how large; both databases are filled once and kept. A process for each size: Django has one database.
``ONLY=calls`` asks the call log and the pages of calls alone. Buffers are pages of the database that its statements
touched, in memory or not: where other work is done they are the figure to go by. ``ROUNDS=0`` counts them alone.
"""

import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from urllib.parse import quote, unquote

from benchmarks import seed
from benchmarks.figures import Figure

SMALL, PAGES = "100k", 20
ROUNDS, ONLY = int(os.environ.get("ROUNDS", "3")), os.environ.get("ONLY", "")
MOST, MOST_BUFFERS, MOST_CPU = 1.5, 100, 100.0
_FEW = 40  # buffers that a walk may take more, whatever it took: an index of more rows is a level deeper
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
    for name, (cpu, statements) in (large[1] if ROUNDS else {}).items():
        means = "how soon the page can be drawn at all, and how many people a web process serves"
        note = f"{statements} statements"
        yield Figure("P9", f"{name} at {size} calls", "ms of CPU", cpu, means, at_most=MOST_CPU, note=note)


def _said(module: str, size: str) -> list[str]:
    line = [sys.executable, "-W", "ignore", "-m", module, size]
    done = subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.splitlines()


def _compared(small: list[Any], large: list[Any], size: str) -> Iterator[str | Figure]:
    """What each took at both sizes. What is asked for has another value there, and the same name."""
    by_name = dict(small)
    pairs = [(name, by_name[name], told) for name, told in large if name in by_name]
    yield f"{len(pairs)} addresses at both sizes; {len(large) - len(pairs)} only at {size}"
    yield from _buffers([(name, floor["buffers"], told["buffers"]) for name, floor, told in pairs], size)
    most, name = max((told["most"], name) for name, _, told in pairs)
    means = "a search takes as long next year as today"
    yield Figure("P8", "buffers of one statement at most", "", most, means, at_most=MOST_BUFFERS, note=name)
    if ROUNDS:
        yield from _times([(name, floor["ms"], told["ms"]) for name, floor, told in pairs], size)


def _buffers(pairs: list[tuple[str, int, int]], size: str) -> Iterator[str | Figure]:
    ratios = sorted(((told / max(floor, 1), name, floor, told) for name, floor, told in pairs), reverse=True)
    above = [one for one in ratios if one[0] > MOST and one[3] - one[2] > _FEW]
    yield f"buffers, {size} against {SMALL}: {len(ratios) - len(above)} within {MOST} × or {_FEW} more"
    for ratio, name, floor, told in above:
        yield f"  {ratio:.1f} ×: {floor} → {told} buffers {name}"
    means = "a search takes as long next year as today"
    ratio, name, floor, told = above[0] if above else ratios[0]
    judged = ratio if above else min(ratio, MOST)
    yield Figure("P8", "the list that grows most", "buffers", told, means, floor, judged, at_most=MOST, note=name)
    middle = ratios[len(ratios) // 2]
    yield Figure("P8", "the middle one", "buffers", middle[3], means, middle[2], middle[0], at_most=MOST)


def _times(pairs: list[tuple[str, float, float]], size: str) -> Iterator[str | Figure]:
    ratios = sorted(((ms / max(floor, 1e-3), name, floor, ms) for name, floor, ms in pairs), reverse=True)
    held = sum(ratio <= MOST for ratio, *_ in ratios)
    yield f"time, {size} against {SMALL}: {held} of {len(ratios)} within {MOST} ×"
    for ratio, name, floor, ms in ratios[1:_TOLD]:
        yield f"  {ratio:.1f} ×: {floor:.1f} → {ms:.1f} ms {name}"
    means = "a search takes as long next year as today"
    ratio, name, floor, ms = ratios[0]
    yield Figure("P8", "the slowest list", "ms", ms, means, floor=floor, ratio=ratio, at_most=MOST, note=name)
    middle = ratios[len(ratios) // 2]
    yield Figure("P8", "the middle one", "ms", middle[3], means, floor=middle[2], ratio=middle[0], at_most=MOST)


# --- the process of one size ------------------------------------------------------------------------------------------


def main(size: str) -> None:
    """Print two lines of JSON: ``[[name, {"ms", "buffers", "most"}], …]``, and pages with CPU and statements."""
    seed.connect(size)
    import_module("django.conf").settings.ALLOWED_HOSTS = ["*"]
    import_module("django.test.utils").setup_test_environment()
    print(json.dumps(_walked()), flush=True)
    print(json.dumps(_pages() if ROUNDS else {}), flush=True)


def _walked() -> list[Any]:
    walked, plans = import_module("tests.support.walked_lists"), import_module("tests.support.plans")
    calls = import_module("voice.models").Call.objects
    call = calls.order_by("started_at")[1000]
    values = walked.Values(walked.words_of(call), seed.noted_end(), walked.searches_of(call))
    client, api = _signed_in()
    asked: list[tuple[Any, Any, str]] = [(walked.walked_in_admin, client, one) for one in _of_calls(call)]
    for model in walked.admin_lists():
        if not ONLY or model is type(call):
            asked += [(walked.walked_in_admin, client, one) for one in walked.admin_addresses(client, model, values)]
    for listed in walked.rest_lists():
        is_asked = listed.path == "/api/v1/calls/" if ONLY else "{" not in listed.path and "texml" not in listed.path
        if is_asked:  # nobody answers as Telnyx here
            offered = walked.rest_addresses(listed, listed.path, values)
            asked += [(walked.walked_over_rest, api, one) for one in offered]
    names, big, found = _names(call), plans.big_tables(), []
    for walk, by, address in asked:
        with plans.explained(big) as told:
            turns = [label for label, status in walk(by, iter([address])) if status == 200]
        if turns:
            ms = statistics.median(_once(walk, by, address) for _ in range(ROUNDS)) if ROUNDS else 0.0
            found.append([_named(address, names), {"ms": ms, "buffers": told.total, "most": told.buffers}])
    return found


def _once(walk: Any, by: Any, address: str) -> float:
    with _timed() as spent:
        list(walk(by, iter([address])))
    return sum(spent) * 1000


def _of_calls(call: Any) -> Iterator[str]:
    """Pages of a call, of a number that called seldom and of one that is called much; a page deep in the list."""
    yield f"/admin/voice/call/{call.pk}/change/"
    yield from (f"/admin/voice/call/{call.pk}/{what}" for what in ("number/", "timeline.svg"))
    dialled = type(call).objects.filter(direction="outgoing").order_by("started_at")[100]
    yield f"/admin/voice/call/{dialled.pk}/number/?dialled"
    place = import_module("portal.keyset").Place(False, (call.started_at.isoformat(), str(call.pk))).text
    yield from (f"/admin/voice/call/?{text}p={quote(place)}" for text in ("", "q=rows%3Alegs&", "q=sip%3A486&"))


def _names(call: Any) -> dict[str, str]:
    """Map each value of the call that is asked for by to a name that is the same at every size."""
    told = ("pk", "call_control_id", "call_leg_id", "call_session_id", "connection_id", "from_number", "to_number")
    names = {str(getattr(call, name)): name for name in told}
    return names | {call.from_number[-4:]: "last_four"}


def _named(address: str, names: dict[str, str]) -> str:
    text = re.sub(r"[?&]p=[^&]*", " (deep)", unquote(address))
    for value, name in names.items():
        text = text.replace(value, f"<{name}>")
    return re.sub(r"(?<=/call/)[0-9a-f-]{36}(?=.*dialled)", "<dialled>", text)


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
