"""P10: a pull of 10,000 unchanged applications of one kind against raw HTTP + JSON paging of the same."""

import json
import multiprocessing
import os
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import httpx
from django.db import connection

from applications.kinds import KINDS
from applications.models import CallControlApplication
from applications.pulls.pulls import pull
from benchmarks.figures import Figure, compared
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.quick_telnyx import serve

ROUNDS, APPLICATIONS = int(os.environ.get("BENCH_ROUNDS", "3")), 10_000
KIND = KINDS[0]


def run() -> Iterator[Figure | str]:
    """Lines to print."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, APPLICATIONS), daemon=True)
    server.start()
    try:
        account = TelnyxAccount(name="bench-pull", base_url=ours.recv())
        account.api_key = "KEY-of-the-benchmark"
        account.save()
        yield from _compared(account)
    finally:
        ours.send("done")
        server.join(10)
        server.terminate()


def _compared(account: TelnyxAccount) -> Iterator[Figure]:
    pull(KIND, account, PORTAL)  # the first brings them, and warms
    rounds = [(_seconds(_paged, account), _seconds(_pulled, account)) for _ in range(ROUNDS)]  # interleaved
    means = "a nightly pull ends before anybody waits for it"
    yield compared("P10", f"pull of {APPLICATIONS:,}, nothing changed", "s", rounds, means, at_most=3.0)
    before = _written()
    pull(KIND, account, PORTAL)
    rows = _written() - before
    table = CallControlApplication._meta.db_table
    yield Figure(
        "P10", f"rows written in {table}", "", rows, "no history that tells nothing", at_most=0, of_ratio=False
    )
    tracemalloc.start()
    pull(KIND, account, PORTAL)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    yield Figure("P10", "memory at its most", "MiB", peak, "an account with many applications needs no larger machine")


def _written() -> int:
    """Rows of the applications' table that were inserted, updated or deleted so far; 0 where nobody counts."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(
            "SELECT n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables WHERE relname = %s",
            [CallControlApplication._meta.db_table],
        )
        return int(cursor.fetchone()[0])


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
