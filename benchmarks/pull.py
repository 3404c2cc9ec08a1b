"""P10: a pull of 10,000 unchanged applications of one kind against raw HTTP + JSON paging of the same."""

import json
import multiprocessing
import statistics
import time
from collections.abc import Iterator
from typing import Any

import httpx
from django.db import connection

from applications.kinds import KINDS
from applications.pulls.pulls import pull
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.quick_telnyx import serve

ROUNDS, APPLICATIONS = 5, 10_000
KIND = KINDS[0]


def run() -> Iterator[str]:
    """Lines to print."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, APPLICATIONS), daemon=True)
    server.start()
    try:
        account = TelnyxAccount(name="bench-pull", base_url=ours.recv())
        account.api_key = "KEY-of-the-benchmark"
        account.save()
        yield _compared(account)
    finally:
        ours.send("done")
        server.join(10)
        server.terminate()


def _compared(account: TelnyxAccount) -> str:
    pull(KIND, account, PORTAL)  # the first brings them, and warms
    rounds = [(_seconds(_paged, account), _seconds(_pulled, account)) for _ in range(ROUNDS)]  # interleaved
    bare, ours = (statistics.median(values) for values in zip(*rounds, strict=True))
    ratio = statistics.median(ours / bare for bare, ours in rounds)
    told = f"floor {bare:.2f} s, portal {ours:.2f} s ({APPLICATIONS / ours:.0f}/s), ratio {ratio:.1f} (goal at most 3)"
    return f"{connection.vendor}: {told}"


def _seconds(work: Any, account: TelnyxAccount) -> float:
    begin = time.perf_counter()
    assert work(account) == APPLICATIONS
    return time.perf_counter() - begin


def _pulled(account: TelnyxAccount) -> int:
    return pull(KIND, account, PORTAL).unchanged


def _paged(account: TelnyxAccount) -> int:
    seen, number, last = 0, 1, 1
    with httpx.Client(trust_env=False) as client:
        while number <= last:
            query = {"page[number]": number, "page[size]": 250}
            answer = json.loads(client.get(f"{account.base_url}/{KIND.resource}", params=query).content)
            seen, number, last = seen + len(answer["data"]), number + 1, answer["meta"]["total_pages"]
    return seen
