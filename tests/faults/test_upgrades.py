"""What an upgrade does to a running portal: it locks tables, and ends processes one after another."""

from collections.abc import Callable

import pytest

from tests.faults.child import wait_until
from tests.faults.client import Load
from tests.faults.world import World


@pytest.mark.row("F36")
def test_webhooks_get_503_while_a_migration_holds_their_table_and_then_go_on(world: World) -> None:
    client, portal = world.client, world.portal
    client.insist(client.leg().event("call.initiated"))
    with portal.connect() as database, database.transaction():
        database.execute("LOCK TABLE voice_callevent IN ACCESS EXCLUSIVE MODE")
        sent = client.post_all([client.leg().event("call.initiated") for _ in range(12)], threads=12)
    assert {one.status for one in sent} == {503}
    client.insist(client.leg().event("call.initiated"))
    world.leases_run_out()
    world.settled()


@pytest.mark.row("F41")
def test_deployments_under_load_lose_nothing_and_do_nothing_twice(
    world: World, amount: Callable[[int, int], int]
) -> None:
    client, portal = world.client, world.portal
    with Load(client, real=True):
        for _ in range(amount(1, 15)):
            for role in ("events", "commands", "sweep", "web"):
                before = len(client.answered(200))
                portal[role].stop()
                portal.start(role)
                wait_until(lambda before=before: len(client.answered(200)) > before + 5, "acknowledged webhooks")
    world.leases_run_out()
    evidence = world.settled()
    assert {row["status"] for row in evidence.events} <= {"processed", "ignored"}
