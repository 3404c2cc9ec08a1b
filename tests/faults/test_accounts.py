"""Two accounts side by side: what one is told touches nothing of the other."""

from tests.faults.conftest import World


def test_what_one_account_is_told_touches_no_call_of_another(world: World) -> None:
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
