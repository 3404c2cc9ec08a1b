"""Processes die in the midst of their work, or have a wrong clock: what they left is finished, once."""

import pytest

from tests.faults.child import wait_until
from tests.faults.client import Load
from tests.faults.evidence import owed_ids
from tests.faults.scenarios import stall_both_workers_beside_wrong_clocks
from tests.faults.world import World, thorough


@pytest.mark.row("F05")
@pytest.mark.parametrize("point", ["claimed", "projected"])
def test_an_event_whose_worker_dies_of_it_is_finished_once(world: World, point: str) -> None:
    client, portal = world.client, world.portal
    event = client.ring().event("call.initiated")
    portal.freeze("sweep")  # so that it is a child of the worker that dies
    portal.arm(point, role="events")
    client.insist(event)
    world.until_struck()
    world.leases_run_out()
    portal.thaw("sweep")
    evidence = world.settled()
    assert [row["attempts"] for row in evidence.events] == [2]
    assert [(row["action"], row["status"]) for row in evidence.commands] == [("answer", "ok")]


@pytest.mark.row("F05")
def test_how_late_an_event_came_stays_so_for_a_worker_that_is_at_it_when_leases_run_out(world: World) -> None:
    client, portal = world.client, world.portal
    portal.freeze("sweep")
    portal.arm("projected", "stall 3", role="events")
    client.insist(client.ring().event("call.initiated", -20))
    # a wake-up said once more would lie there for another worker when the lease is over
    wait_until(lambda: not portal.armed(), "failpoint that struck")
    world.leases_run_out()
    wait_until(lambda: not owed_ids(portal, client.line)["voice.process_event"], "end of the event")
    portal.thaw("sweep")
    evidence = world.settled()
    assert ([row["attempts"] for row in evidence.events], evidence.calls[0]["late_seconds"] > 15) == ([1], True)


@pytest.mark.row("F05")
@pytest.mark.parametrize("point", [thorough("sending"), "sent", thorough("answered")])
@pytest.mark.parametrize(("role", "other"), [("commands", "sweep"), thorough("sweep", "commands")])
def test_a_command_whose_sender_dies_is_sent_again_under_the_same_id(
    world: World, point: str, role: str, other: str
) -> None:
    client, portal = world.client, world.portal
    leg = client.ring()
    client.insist(leg.event("call.initiated"))
    world.settled()
    portal.freeze(other)
    portal.arm(point, role=role)
    # of all actions this one makes sense for longer than a lease
    status, command = portal.ask("POST", f"/api/v1/calls/{leg.call_control_id}/actions/hangup/", {})
    assert status == 202, command
    world.until_struck()
    world.leases_run_out()
    portal.thaw(other)
    portal.restart(role)
    evidence = world.settled()
    assert [(row["action"], row["status"]) for row in evidence.commands] == [("answer", "ok"), ("hangup", "ok")]
    assert len(evidence.commands[1]["attempts"]) == 2
    again = ["executed"] if point == "sending" else ["executed", "deduplicated"]
    assert [one["outcome"] for one in evidence.ledger if one["action"] == "hangup"] == again


@pytest.mark.row("F06")
def test_every_process_is_killed_once_under_load(world: World) -> None:
    client, portal = world.client, world.portal

    def more_is_acknowledged() -> None:
        before = len(client.answered(200))
        wait_until(lambda: len(client.answered(200)) > before + 10, "acknowledged webhooks")

    with Load(client, real=True):
        for role in ("events", "commands", "sweep"):
            more_is_acknowledged()
            portal.kill(role)
        portal.start()
        more_is_acknowledged()
        portal.restart("web")
        more_is_acknowledged()
    world.leases_run_out()
    world.settled()


@pytest.mark.row("F19")
@pytest.mark.parametrize("minutes", [10, -10])
def test_a_web_server_with_a_wrong_clock_takes_nothing_and_loses_nothing(world: World, minutes: int) -> None:
    client, portal = world.client, world.portal
    event = client.ring().event("call.initiated")
    portal.set_clock("web", minutes * 60)
    wait_until(lambda: client.post(event).status == 400, "refusal by the wrong clock")
    portal.set_clock("web", 0)
    wait_until(lambda: client.post(event).status == 200, "200 by the right clock")
    assert [row["action"] for row in world.settled().commands] == ["answer"]


@pytest.mark.row("F19")
def test_a_lease_is_by_the_databases_clock(world: World) -> None:
    stall_both_workers_beside_wrong_clocks(world)
