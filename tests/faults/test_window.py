"""The 50 seconds within which Telnyx surely recognises a repeat."""

import pytest

from tests.faults.child import wait_until
from tests.faults.conftest import World
from tests.faults.evidence import gather


@pytest.mark.row("F22")
def test_what_still_makes_sense_is_not_sent_again_after_fifty_seconds(world: World) -> None:
    client, portal = world.client, world.portal
    leg = client.ring()
    client.insist(leg.event("call.initiated"))
    world.settled()
    portal.telnyx.fault("cut", path=f"/calls/{leg.call_control_id}/actions/hangup", times=None)
    status, command = portal.ask("POST", f"/api/v1/calls/{leg.call_control_id}/actions/hangup/", {})
    assert status == 202, command

    def is_tried() -> bool:
        attempts = [row["attempts"] for row in gather(portal, client).commands if row["action"] == "hangup"]
        return bool(attempts and attempts[0] and "outcome" in attempts[0][-1])

    wait_until(is_tried, "first attempt")
    portal.freeze("commands", "sweep")
    world.leases_run_out(55)
    portal.telnyx.heal()
    portal.thaw("commands", "sweep")
    evidence = world.settled()
    assert {row["action"]: row["status"] for row in evidence.commands} == {"answer": "ok", "hangup": "uncertain"}
    assert [one["action"] for one in evidence.ledger] == ["answer"]
