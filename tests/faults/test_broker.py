"""The broker is down, frozen, emptied, or says everything ten times: nothing is lost, nothing done twice."""

from typing import Any

import pytest

from tests.faults.client import burst
from tests.faults.world import World


@pytest.mark.row("F01", "F02")
@pytest.mark.parametrize(("fault", "legs"), [("kill", 20), ("freeze", 100)])
def test_webhooks_are_answered_and_processed_while_the_broker_is_away(
    world_of_each_broker: World, fault: str, legs: int
) -> None:
    world = world_of_each_broker
    client, portal = world.client, world.portal
    client.insist(client.ring().event("call.initiated"))  # every connection to the broker is open
    getattr(portal.broker, fault)()
    events = burst(client.ring, legs // 5) + burst(client.leg, legs - legs // 5)
    assert {sent.status for sent in client.post_all(events)} == {200}
    evidence = world.settled()
    assert not portal.broker.answers()  # all of it was done while it still was away
    assert len(evidence.events) == len(events) + 1


@pytest.mark.row("F03")
def test_nothing_is_lost_when_the_broker_is_wiped(world_of_each_broker: World) -> None:
    world = world_of_each_broker
    client, portal = world.client, world.portal
    portal.freeze("sweep", "events", "commands")  # so that wake-ups pile up
    events = burst(client.ring, 10) + burst(client.leg, 10)
    assert {sent.status for sent in client.post_all(events)} == {200}
    portal.broker.wipe()
    portal.thaw("sweep", "events", "commands")
    assert len(world.settled().events) == len(events)
    portal.freeze("sweep")  # and the workers listen again
    client.insist(client.ring().event("call.initiated"))
    assert [row["status"] for row in world.settled().commands if row["action"] == "answer"][-1] == "ok"


def _sent(command: dict[str, Any]) -> dict[str, Any]:
    """A command without the moment at which the reports were told of it."""
    return {name: value for name, value in command.items() if name != "reported_at"}


@pytest.mark.row("F04")
def test_wake_ups_said_ten_times_have_one_effect(world: World) -> None:
    client, portal = world.client, world.portal
    portal.freeze("sweep", "events", "commands")
    events = burst(client.ring, 10)
    assert {sent.status for sent in client.post_all(events)} == {200}
    with portal.connect() as database:
        rows = database.execute("SELECT id FROM voice_callevent WHERE account_id = %s", (client.line.account,))
        ids = [str(row[0]) for row in rows]
    portal.wake("voice.process_event", ids * 10)
    portal.thaw("sweep", "events", "commands")
    evidence = world.settled()
    portal.wake("voice.process_event", ids)
    portal.wake("voice.send_command", [str(row["id"]) for row in evidence.commands] * 10)
    again = world.settled()
    assert [_sent(one) for one in again.commands] == [_sent(one) for one in evidence.commands]
    assert again.ledger == evidence.ledger
