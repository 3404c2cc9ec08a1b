"""Webhooks come a hundred times at once, in the wrong order, late, stale, forged, or in a flood."""

import pytest

from tests.faults.client import burst
from tests.faults.scenarios import deliver_a_hundred_copies_at_once, deliver_stale_and_forged_requests
from tests.faults.world import World


@pytest.mark.row("F14")
def test_a_hundred_copies_at_once_on_two_servers_are_one_event_and_one_command(world: World) -> None:
    deliver_a_hundred_copies_at_once(world)


@pytest.mark.row("F16")
def test_a_call_whose_end_comes_first_is_ended_and_nothing_is_sent(world: World) -> None:
    client = world.client
    leg = client.ring()
    for event in reversed(leg.life()):
        client.insist(event)
    evidence = world.settled()
    assert [row["state"] for row in evidence.calls] == ["ended"]
    assert [row for row in evidence.commands if row["first_sent_at"]] == []
    assert evidence.ledger == []


@pytest.mark.row("F16", "F17")
def test_an_event_of_an_hour_ago_tells_of_its_call_and_sends_nothing(world: World) -> None:
    client = world.client
    leg = client.ring()
    client.insist(leg.event("call.initiated", -3600))
    client.insist(leg.event("call.answered", -3590))
    evidence = world.settled()
    assert [row["state"] for row in evidence.calls] == ["answered"]
    assert {row["status"] for row in evidence.commands} == {"expired"}
    assert evidence.ledger == []


@pytest.mark.row("F17")
def test_stale_and_forged_requests_are_refused_and_leave_nothing(world: World) -> None:
    deliver_stale_and_forged_requests(world)


@pytest.mark.row("F42")
def test_a_flood_is_answered_200_or_503_and_all_that_was_taken_is_processed(world: World, long: bool) -> None:
    client = world.client
    events = burst(client.ring, 20) + burst(client.leg, 2000 if long else 60)
    sent = client.post_all(events, threads=64)
    assert {one.status for one in sent} <= {200, 503}
    for event in [event for event, one in zip(events, sent, strict=True) if one.status == 503]:
        client.insist(event)  # as Telnyx does
    evidence = world.settled(seconds=600)
    assert len(evidence.events) == len(events)
