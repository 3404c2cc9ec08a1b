"""Streams and SIPREC sessions begin, are told of, and end when told to or with their call."""

import pytest

from tests.support.media_servers import MediaServer
from tests.support.sandbox_http import refusal
from tests.support.sandbox_texml import Account, wait_form
from tests.support.webhook_receiver import Receiver

KINDS = {"Streams": {"Url": "wss://example.com/audio"}, "Siprec": {"ConnectorName": "archive"}}
FAILING = {"Streams": {"Url": "wss://example.com/fail"}, "Siprec": {"ConnectorName": "will fail"}}
WORDS = {"Streams": "Stream", "Siprec": "Siprec"}


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_told_of_and_stopped(account: Account, talking: str, receiver: Receiver, kind: str) -> None:
    more = {"Name": "mine", "StatusCallback": f"{receiver.origin}/own"}
    status, made = account("POST", f"Calls/{talking}/{kind}.json", KINDS[kind] | more)
    assert (status, made["status"], made["call_sid"]) == (200, "in-progress", talking)
    word = WORDS[kind]
    started = wait_form(receiver, **{f"{word}Sid": made["sid"], f"{word}Event": f"{word.lower()}-started"})
    assert (started["CallSid"], started[f"{word}Name"]) == (talking, "mine")
    stopped = account.form(f"Calls/{talking}/{kind}/{made['sid']}.json", {"Status": "stopped"})[1]
    assert (stopped["sid"], stopped["status"]) == (made["sid"], "stopped")
    wait_form(receiver, **{f"{word}Event": f"{word.lower()}-stopped"})
    again = account("POST", f"Calls/{talking}/{kind}/{made['sid']}.json", {"Status": "stopped"})
    assert (again[0], again[1]["status"]) == (200, "stopped")
    account.http.end(talking)
    events = [hook.body[f"{word}Event"] for hook in receiver.hooks if f"{word}Event" in hook.body]
    assert events == [f"{word.lower()}-started", f"{word.lower()}-stopped"]


@pytest.mark.parametrize("kind", KINDS)
def test_it_ends_with_its_call(account: Account, talking: str, receiver: Receiver, kind: str) -> None:
    body = KINDS[kind] | {"StatusCallback": f"{receiver.origin}/own"}
    assert account("POST", f"Calls/{talking}/{kind}.json", body)[0] == 200
    account("POST", f"Calls/{talking}", {"Status": "completed"})
    wait_form(receiver, **{f"{WORDS[kind]}Event": f"{WORDS[kind].lower()}-stopped"})
    assert account("POST", f"Calls/{talking}/{kind}.json", body)[0] == 404


@pytest.mark.parametrize("kind", KINDS)
def test_it_may_fail(account: Account, talking: str, receiver: Receiver, kind: str) -> None:
    body = FAILING[kind] | {"StatusCallback": f"{receiver.origin}/own"}
    assert account("POST", f"Calls/{talking}/{kind}.json", body)[0] == 200
    word = WORDS[kind]
    failed = wait_form(receiver, **{f"{word}Event": f"{word.lower()}-failed"})
    assert failed[f"{word}Error"] == "connection_failed"


@pytest.mark.parametrize(("kind", "pointer"), [("Streams", "/Url"), ("Siprec", "/ConnectorName")])
def test_it_needs_where_to_and_a_status_that_there_is(account: Account, talking: str, kind: str, pointer: str) -> None:
    assert refusal(account("POST", f"Calls/{talking}/{kind}.json", {})) == (422, "10004", pointer)
    sid = account("POST", f"Calls/{talking}/{kind}.json", KINDS[kind])[1]["sid"]
    path = f"Calls/{talking}/{kind}/{sid}.json"
    assert refusal(account("POST", path, {"Status": "paused"})) == (422, "10032", "/Status")
    other = {"Streams": "Siprec", "Siprec": "Streams"}[kind]
    assert account("POST", f"Calls/{talking}/{other}/{sid}.json", {"Status": "stopped"})[0] == 404


def test_a_stream_is_a_websocket(account: Account, talking: str, receiver: Receiver) -> None:
    with MediaServer() as server:
        asked = {"Url": server.url, "Track": "both_tracks", "BidirectionalMode": "rtp", "Name": "ears"}
        made = account("POST", f"Calls/{talking}/Streams.json", asked | {"StatusCallback": f"{receiver.origin}/own"})[1]
        assert wait_form(receiver, StreamEvent="stream-started")["StreamSid"] == made["sid"]
        start = server.wait("start")
        assert (start["stream_id"], start["start"]["call_control_id"]) == (made["sid"], talking)
        account.http("POST", f"/sandbox/calls/{talking}/press", {"keys": "7"})
        assert server.wait("dtmf")["dtmf"] == {"digit": "7"}
        account.form(f"Calls/{talking}/Streams/{made['sid']}.json", {"Status": "stopped"})
        server.wait("stop")
        wait_form(receiver, StreamEvent="stream-stopped")


def test_an_address_where_nobody_is_is_said(account: Account, talking: str, receiver: Receiver) -> None:
    body = {"Url": "ws://127.0.0.1:1/", "StatusCallback": f"{receiver.origin}/own"}
    sid = account("POST", f"Calls/{talking}/Streams.json", body)[1]["sid"]
    failed = wait_form(receiver, StreamSid=sid, StreamEvent="stream-failed")
    assert failed["StreamError"] == "connection_failed: Connection refused"
