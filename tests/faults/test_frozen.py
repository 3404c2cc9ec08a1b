"""A process is frozen with a lock in its hand: nobody waits for it longer than for a lease."""

import pytest

from tests.faults.child import wait_until
from tests.faults.client import burst
from tests.faults.world import World


@pytest.mark.row("F06")
def test_a_worker_frozen_in_its_transaction_holds_up_no_other_call(world: World) -> None:
    client, portal = world.client, world.portal
    leg = client.leg()
    portal.freeze("sweep")
    portal.arm("projected", "stall 600", role="events")
    client.insist(leg.event("call.initiated"))
    wait_until(lambda: not portal.armed(), "a worker in the midst of its transaction")
    portal.freeze("events")
    portal.thaw("sweep")
    client.insist(leg.event("call.hangup", 1))  # it waits for the same call, and the sweep with it
    assert {sent.status for sent in client.post_all(burst(client.leg, 5))} == {200}
    world.leases_run_out()
    evidence = world.settled()
    assert len(evidence.events) == 27
    portal.restart("events")
