"""Telnyx fails after it has acted, says nothing, says nonsense, or says no: one effect, and nothing guessed."""

import time

import pytest

from tests.faults.child import wait_until
from tests.faults.client import Leg
from tests.faults.evidence import Evidence, gather
from tests.faults.world import World, thorough

HTML = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<h1>Hello</h1>\r\n"
TRUNCATED = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{"data": {"resu'
LARGE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10485762\r\n\r\n[" + b"1," * 5242880 + b"]"
)


def answering(world: World, leg: Leg) -> list[tuple[str, str]]:
    """Let the flow answer the call; outcome of each request as the sandbox saw it."""
    world.client.insist(leg.event("call.initiated"))
    return [(one["action"], one["outcome"]) for one in world.settled().ledger]


def statuses(evidence: Evidence) -> list[tuple[str, str]]:
    return [(row["action"], row["status"]) for row in evidence.commands]


def breaker_is_closed(world: World) -> bool:
    with world.portal.connect() as database:
        account = (world.client.line.account,)
        found = database.execute("SELECT state FROM voice_accountbreaker WHERE account_id = %s", account).fetchone()
    return found is None or found[0] == "closed"


@pytest.mark.row("F20")
@pytest.mark.parametrize("value", [500, thorough(503)])
def test_a_5xx_after_telnyx_has_acted_is_sent_again_under_the_same_id(world: World, value: int) -> None:
    leg = world.client.ring()
    path = f"/calls/{leg.call_control_id}/actions/answer"
    world.portal.telnyx.fault("act_then_status", path=path, value=value, times=2)
    assert answering(world, leg) == [("answer", "executed"), ("answer", "deduplicated"), ("answer", "deduplicated")]
    assert statuses(world.settled()) == [("answer", "ok")]


@pytest.mark.row("F21")
@pytest.mark.parametrize("how", ["cut", "silence", "html", thorough("truncated"), thorough("reset")])
def test_an_answer_that_is_lost_is_asked_for_again_under_the_same_id(world: World, how: str) -> None:
    leg, proxy = world.client.ring(), world.telnyx_proxy()
    if how == "cut":
        world.portal.telnyx.fault("act_then_cut", path=f"/calls/{leg.call_control_id}/actions/answer")
    elif how == "silence":
        proxy.spoil("mute", times=1)
    elif how == "reset":
        proxy.spoil("instead", answer=b"", times=1)
    else:
        proxy.spoil("instead", answer=HTML if how == "html" else TRUNCATED, times=1)
    assert answering(world, leg) == [("answer", "executed"), ("answer", "deduplicated")]
    assert statuses(world.settled()) == [("answer", "ok")]


@pytest.mark.row("F21")
def test_what_takes_no_command_id_is_uncertain_when_its_answer_is_lost(world: World) -> None:
    leg = world.client.ring()
    assert answering(world, leg) == [("answer", "executed")]
    world.portal.telnyx.fault("act_then_cut", path=f"/calls/{leg.call_control_id}/actions/siprec_start")
    status, command = world.portal.ask("POST", f"/api/v1/calls/{leg.call_control_id}/actions/start_siprec/", {})
    assert status == 202, command
    evidence = world.settled()
    assert statuses(evidence)[-1] == ("start_siprec", "uncertain")
    assert len(evidence.commands[-1]["attempts"]) == 1


@pytest.mark.row("F22")
def test_an_outage_of_90_seconds_ends_in_uncertain(world: World, long: bool) -> None:
    if not long:
        pytest.skip("only with FAULTS=long: it takes its time")
    client, portal = world.client, world.portal
    leg = client.ring()
    portal.telnyx.fault("act_then_cut", path=f"/calls/{leg.call_control_id}/actions/answer", times=None)
    client.insist(leg.event("call.initiated"))
    time.sleep(90)
    portal.telnyx.heal()
    assert statuses(world.settled()) == [("answer", "uncertain")]


@pytest.mark.row("F23")
def test_a_storm_of_429_is_waited_out_and_opens_no_breaker(world: World) -> None:
    leg = world.client.ring()
    world.portal.telnyx.fault("status", path=f"/calls/{leg.call_control_id}/actions/answer", value=429, times=4)
    assert answering(world, leg) == [("answer", "executed")]
    evidence = world.settled()
    assert statuses(evidence) == [("answer", "ok")]
    assert [one["http_status"] for one in evidence.commands[0]["attempts"]] == [429, 429, 429, 429, 200]
    assert breaker_is_closed(world)


@pytest.mark.row("F24")
@pytest.mark.parametrize("how", [thorough("drip"), thorough("large"), "endless"])
def test_an_answer_too_slow_or_too_long_is_given_up_and_asked_for_again(world: World, how: str) -> None:
    leg, proxy = world.client.ring(), world.telnyx_proxy()
    if how == "drip":
        world.portal.telnyx.fault("drip", path=f"/calls/{leg.call_control_id}/actions/answer", value=1)
    elif how == "large":
        proxy.spoil("instead", answer=LARGE, times=1)
    else:
        proxy.spoil("flood", times=1)
    ledger = answering(world, leg)
    evidence = world.settled()
    assert statuses(evidence) == [("answer", "ok")]
    assert len(evidence.commands[0]["attempts"]) == 2
    assert ledger[0] == ("answer", "executed")
    assert proxy.flooded < 50_000_000  # nobody took more of it than that


@pytest.mark.row("F25")
def test_a_revoked_key_holds_commands_back_while_webhooks_are_still_taken(world: World) -> None:
    client, portal = world.client, world.portal
    legs = [client.ring() for _ in range(4)]
    portal.telnyx.fault("status", path="/calls/", value=401, times=None)
    client.insist(legs[0].event("call.initiated"))
    wait_until(lambda: not breaker_is_closed(world), "an open breaker")
    for leg in legs[1:]:
        client.insist(leg.event("call.initiated"))
    wait_until(lambda: len(gather(portal, client).commands) == len(legs), "commands")
    world.leases_run_out(25)  # an answer makes sense for 20 s
    evidence = world.settled()
    assert {row["status"] for row in evidence.events} == {"processed"}
    assert sorted(row["status"] for row in evidence.commands) == ["expired", "expired", "expired", "refused"]
    assert evidence.ledger == []


@pytest.mark.row("F26")
def test_a_command_for_a_call_that_just_ended_is_refused_and_harms_nothing(world: World) -> None:
    client, portal = world.client, world.portal
    leg = client.ring("caller_hangs_up")
    gone = f"/sandbox/calls/{leg.call_control_id}"
    wait_until(lambda: portal.telnyx("GET", gone)["session_ended"], "end of the call at the sandbox")
    client.insist(leg.event("call.initiated"))
    evidence = world.settled()
    assert [(row["status"], row["error_code"]) for row in evidence.commands] == [("refused", "90018")]
    assert breaker_is_closed(world)
