"""What a test of the suite plays, and ``test_bites`` plays again with the guard switched off."""

from nacl.signing import SigningKey

from tests.faults.child import wait_until
from tests.faults.evidence import gather, owed
from tests.faults.world import World


def tell_one_account_of_anothers_call(world: World) -> None:
    client, other = world.client, world.another_client()
    leg = client.ring()
    client.insist(leg.event("call.initiated"))
    world.settled()
    # rightly signed, at the other's own address, of the other's own application: and naming a call that is not its own
    other.insist(leg.event("call.hangup", connection_id=other.line.connection_id))
    evidence = world.settled(other)
    states = {row["account_id"]: row["state"] for row in evidence.calls}
    assert {str(account): state for account, state in states.items()} == {
        client.line.account: "parked",
        other.line.account: "ended",
    }


def stall_both_workers_beside_wrong_clocks(world: World) -> None:
    client, portal = world.client, world.portal
    portal.arm("projected", "stall 3", role="events")
    portal.arm("sending", "stall 3", role="commands")
    portal.set_clock("commands", -600)
    portal.set_clock("sweep", 3600)
    portal.freeze("sweep")
    client.insist(client.ring().event("call.initiated"))
    world.until_struck(left=1)
    portal.thaw("sweep")
    wait_until(lambda: not (portal.armed() and owed(portal, client.line)), "sender that has the command")
    assert not portal.armed()
    evidence = world.settled()
    # the sweep took nothing away from those who were at it
    assert [row["attempts"] for row in evidence.events] == [1]
    found = [(row["status"], row["error"], len(row["attempts"])) for row in evidence.commands]
    assert found == [("ok", "", 1)]


def deliver_a_hundred_copies_at_once(world: World) -> None:
    client, portal = world.client, world.portal
    second = portal.another_web("failover")
    leg = client.ring()
    sent = client.at_once(leg.event("call.initiated"), [portal.port, second] * 50)
    evidence = world.settled()
    portal.dismiss("failover")
    assert {one.status for one in sent} == {200}
    assert len(evidence.events) == 1
    assert [(row["action"], row["status"]) for row in evidence.commands] == [("answer", "ok")]
    assert [one["outcome"] for one in evidence.ledger] == ["executed"]


def deliver_stale_and_forged_requests(world: World) -> None:
    client = world.client
    leg = client.ring()
    stranger = SigningKey(b"somebody else's key".ljust(32, b"."))
    client.insist(leg.event("call.initiated"))
    sent = [client.post(leg.event("call.hangup"), age=age) for age in (3600, 302, -302)]
    sent += [client.post(leg.event("call.hangup"), key=stranger), client.post(b"nonsense", key=stranger)]
    assert {one.status for one in sent} == {400}
    evidence = world.settled()
    assert len(evidence.events) == 1
    assert [row["ended_at"] for row in evidence.calls] == [None]


def leave_a_command_unanswered_for_fifty_seconds(world: World) -> None:
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
