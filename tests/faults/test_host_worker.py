"""The worker of a host, which datagrams wake: it dies, is not heard of, and works beside those of other hosts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.child import wait_until
from tests.faults.world import World, thorough

BY_BROKER = ("events", "commands")


@pytest.fixture
def host(world: World) -> Iterator[World]:
    """One with that worker, and nobody else who takes up what it leaves but the sweep."""
    world.portal.host_worker()
    yield world
    world.portal.dismiss("worker")


def socket_of(world: World) -> Path:
    return Path(world.portal.environment["PORTAL_VAR_DIR"]) / "wakeups.sock"


@pytest.mark.row("F43")
@pytest.mark.parametrize(("point", "attempts", "status"), [("claimed", 2, "ok"), ("begun", 1, "uncertain")])
def test_an_event_whose_worker_is_killed_is_finished_once(host: World, point: str, attempts: int, status: str) -> None:
    """``begun``: between the commit of the event, with its command on its way, and the request for that.

    Its lease ends when an answer makes no sense any more, and nobody knows whether it was sent.
    """
    client, portal = host.client, host.portal
    event = client.ring().event("call.initiated")
    portal.freeze("sweep", *BY_BROKER)
    portal.arm(point, role="worker")
    client.insist(event)
    wait_until(lambda: portal.armed() == 0, "failpoint that struck")
    host.leases_run_out()
    portal.thaw("sweep", *BY_BROKER)
    evidence = host.settled()
    assert [row["attempts"] for row in evidence.events] == [attempts]
    assert [(row["action"], row["status"]) for row in evidence.commands] == [("answer", status)]
    assert len(evidence.ledger) == (status == "ok")


@pytest.mark.row("F43")
@pytest.mark.parametrize("point", [thorough("sending"), "sent"])
def test_a_command_whose_worker_is_killed_is_sent_again_under_the_same_id(host: World, point: str) -> None:
    client, portal = host.client, host.portal
    leg = client.ring()
    client.insist(leg.event("call.initiated"))
    host.settled()
    portal.freeze("sweep", *BY_BROKER)
    portal.arm(point, role="worker")
    status, command = portal.ask("POST", f"/api/v1/calls/{leg.call_control_id}/actions/hangup/", {})
    assert status == 202, command
    wait_until(lambda: portal.armed() == 0, "failpoint that struck")
    host.leases_run_out()
    portal.thaw("sweep", *BY_BROKER)
    evidence = host.settled()
    assert [(row["action"], row["status"]) for row in evidence.commands] == [("answer", "ok"), ("hangup", "ok")]
    assert len(evidence.commands[1]["attempts"]) == 2


@pytest.mark.row("F44")
def test_an_event_whose_datagram_is_lost_is_found_in_its_row(host: World) -> None:
    client, portal = host.client, host.portal
    event = client.ring().event("call.initiated")
    portal.freeze("sweep", *BY_BROKER, "worker")
    client.insist(event)
    portal.kill("worker")  # and with it what lay in its socket
    portal.thaw("sweep", *BY_BROKER)
    evidence = host.settled()
    assert [(row["action"], row["status"]) for row in evidence.commands] == [("answer", "ok")]


@pytest.mark.row("F45")
def test_without_its_file_nothing_is_lost_and_then_there_is_another(host: World) -> None:
    client = host.client
    socket_of(host).unlink()
    client.insist(client.ring().event("call.initiated"))
    wait_until(socket_of(host).exists, "another file")
    client.insist(client.ring().event("call.initiated"))
    evidence = host.settled()
    assert [(row["action"], row["status"]) for row in evidence.commands] == [("answer", "ok")] * 2


@pytest.mark.row("F46")
def test_two_events_of_one_call_on_two_hosts_are_applied_once_each(host: World) -> None:
    """The other host is that of the broker's workers: both are told of both."""
    client, portal = host.client, host.portal
    for _ in range(5):
        leg = client.ring()
        events = [leg.event("call.initiated", -1), leg.event("call.answered")]
        for sent in client.post_all(events, threads=2):
            assert sent.status == 200
        with portal.connect() as database:
            ids = [str(row[0]) for row in database.execute("SELECT id FROM voice_callevent WHERE status = 'received'")]
        portal.wake("voice.process_event", ids)
    evidence = host.settled()
    assert len(evidence.events) == 10
    assert {row["status"] for row in evidence.events} <= {"processed", "ignored"}
    assert [row["action"] for row in evidence.commands].count("answer") == 5


@pytest.mark.row("F47")
def test_a_key_that_is_withdrawn_opens_no_door_any_more(world: World) -> None:
    client, portal = world.client, world.portal
    ports = [portal.port, portal.another_web("other")]
    try:
        for port in ports * 8:  # each process of each server has taken one, and knows the account
            client.insist(client.leg().event("call.initiated"), port=port)
        with portal.connect() as database:
            key = database.execute(
                "UPDATE portal_telnyxaccount a SET public_key = '' FROM portal_telnyxaccount b"
                " WHERE a.id = %s AND b.id = a.id RETURNING b.public_key",
                (client.line.account,),
            ).fetchone()[0]
        refused = [client.post(client.leg().event("call.initiated"), port=port).status for port in ports * 8]
        with portal.connect() as database:
            database.execute(
                "UPDATE portal_telnyxaccount SET public_key = %s WHERE id = %s", (key, client.line.account)
            )
        assert refused == [400] * len(refused)
    finally:
        portal.dismiss("other")
    world.settled()
