"""The database dies, freezes, or has no connection left: 503 and never 500, and what was acknowledged is there."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.faults.child import wait_until
from tests.faults.client import Load
from tests.faults.processes import Portal, ask
from tests.faults.world import World, thorough

Amount = Callable[[int, int], int]


@pytest.mark.row("F08")
def test_crashes_of_the_database_under_load_lose_nothing_that_was_acknowledged(world: World, amount: Amount) -> None:
    postgres, client = world.portal.postgres, world.client

    def more_is_acknowledged() -> None:
        before = len(client.answered(200))
        wait_until(lambda: len(client.answered(200)) > before + 10, "acknowledged webhooks")

    with Load(client):
        for _ in range(amount(2, 10)):
            more_is_acknowledged()
            postgres.crash()
            wait_until(postgres.answers, "answer of the restarted database")
        more_is_acknowledged()
        postgres.kill()
        wait_until(lambda: client.answered(503), "a 503")
        postgres.start()
        more_is_acknowledged()
    assert {sent.status for sent in client.history} <= {200, 503}
    world.leases_run_out()
    world.settled()


@contextlib.contextmanager
def away(world: World, how: str) -> Iterator[None]:
    if how == "frozen":
        world.portal.postgres.freeze()
    else:
        world.portal.database_proxy.spoil(how)
    yield
    if how == "frozen":
        world.portal.postgres.thaw()
    else:
        world.portal.database_proxy.heal()


@pytest.mark.row("F10")
@pytest.mark.parametrize("how", ["frozen", thorough("blackhole"), thorough("reset")])
def test_webhooks_get_503_while_the_database_does_not_answer(world: World, how: str) -> None:
    client = world.client
    client.insist(client.ring().event("call.initiated"))
    with away(world, how):
        # more than the web server has threads: if each of them left one hanging, the last would get no answer at all
        sent = client.post_all([client.leg().event("call.initiated") for _ in range(24)], threads=24)
        assert {one.status for one in sent} == {503}
        assert ask(world.portal.port, "GET", "/livez")[0] == 200
    client.insist(client.leg().event("call.initiated"))
    world.settled()


@pytest.mark.row("F10")
def test_every_door_answers_503_while_the_database_does_not_answer(world: World) -> None:
    paths = ["/api/v1/calls/", "/readyz", "/metrics", "/admin/login/"]
    with away(world, "blackhole"), ThreadPoolExecutor(len(paths)) as pool:
        found = dict(zip(paths, pool.map(lambda path: world.portal.ask("GET", path)[0], paths), strict=True))
    # the form to sign in asks nothing of the database any more: whoever sends it is told
    assert found == dict.fromkeys(paths, 503) | {"/admin/login/": 200}


@pytest.mark.row("F11")
def test_webhooks_get_503_when_the_database_has_no_connection_left(world: World) -> None:
    client, portal = world.client, world.portal
    client.insist(client.leg().event("call.initiated"))
    with every_connection(portal):
        sent = client.post_all([client.leg().event("call.initiated") for _ in range(20)], threads=8)
        assert {one.status for one in sent} == {503}
    client.insist(client.leg().event("call.initiated"))
    world.leases_run_out()
    world.settled()


def _of(connection: psycopg.Connection[Any], portal: Portal) -> int:
    counted = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", (portal.name,)).fetchone()
    return int(counted[0]) if counted else 0


@contextlib.contextmanager
def every_connection(portal: Portal) -> Iterator[None]:
    """Take every connection there is: the portal's own are ended, and new ones taken before it can."""
    stopping, held = threading.Event(), []
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"

    def take() -> None:
        while not stopping.is_set():
            try:
                held.append(portal.postgres.connect("postgres"))
            except psycopg.OperationalError:
                held[0].execute(others, (portal.name,))

    thread = threading.Thread(target=take)
    thread.start()
    try:
        wait_until(lambda: len(held) > portal.postgres.max_connections // 2, "database full of connections")
        # what is freed by ending one of the portal's may be the portal's again: only with none of them it stays so
        wait_until(lambda: not _of(held[0], portal) and not portal.postgres.answers(), "database without connections")
        yield
    finally:  # else no later test would find a connection
        stopping.set()
        thread.join(30)
        for connection in held:
            connection.close()
