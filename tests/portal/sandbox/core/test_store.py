"""What outlives a restart, and what reset and ``empty`` leave."""

import threading
from pathlib import Path
from typing import Any

import pytest
import telnyx

from portal.sandbox.core.keys import signing_key
from portal.sandbox.server.server import Sandbox
from tests.support.polling import eventually
from tests.support.sandbox_applications import make_application
from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver


def client(sandbox: Sandbox) -> telnyx.Telnyx:
    return telnyx.Telnyx(api_key="KEY", base_url=sandbox.base_url, max_retries=0)


def test_a_restart_keeps_everything_and_ends_the_calls(tmp_path: Path, receiver: Receiver) -> None:
    state = tmp_path / "state.sqlite3"
    with Sandbox(state, pace=1.0) as first, client(first) as sdk:
        application = make_application(sdk, receiver)
        id = Http(first.port).ring("caller_hangs_up")
        receiver.wait("call.initiated")
        key = first.public_key
    with Sandbox(state, pace=1.0) as second, client(second) as sdk:
        assert second.public_key == key
        assert sdk.call_control_applications.retrieve(application.id).data == application
        assert Http(second.port).ledger("deliveries")
        assert Http(second.port).end(id)["hangup_cause"] == "originator_cancel"
        receiver.wait("call.hangup", id)


def test_a_restart_delivers_what_was_not_delivered(tmp_path: Path, receiver: Receiver) -> None:
    state = tmp_path / "state.sqlite3"
    with Sandbox(state) as first, client(first) as sdk:
        make_application(sdk, receiver)
        Http(first.port).fault("delay", path="call.initiated", value=60)
        id = Http(first.port).ring()
    assert receiver.hooks == []
    with Sandbox(state):
        receiver.wait("call.initiated", id)


def test_empty_keeps_nothing_but_the_key(tmp_path: Path, receiver: Receiver) -> None:
    state = tmp_path / "state.sqlite3"
    with Sandbox(state) as first, client(first) as sdk:
        make_application(sdk, receiver)
        key = first.public_key
        assert state.stat().st_mode & 0o077 == 0
    with Sandbox(state, empty=True) as second, client(second) as sdk:
        assert list(sdk.call_control_applications.list()) == []
        assert second.public_key == key


@pytest.mark.usefixtures("application")
def test_reset_is_as_new(http: Http, sdk: telnyx.Telnyx, sandbox: Sandbox) -> None:
    id, key = http.ring(), sandbox.public_key
    http.fault("cut", path="/calls")
    assert http("POST", "/sandbox/reset", {})[0] == 200
    assert http("GET", f"/v2/calls/{id}")[0] == 404
    assert list(sdk.call_control_applications.list()) == []
    assert http.ledger("deliveries") == []
    assert sandbox.public_key == key


def test_a_webhook_under_way_leaves_no_trace_after_a_reset(http: Http, application: Any, receiver: Receiver) -> None:
    arrived, answered = threading.Event(), threading.Event()
    receiver.react = lambda hook: (arrived.set(), answered.wait(5))[0]
    http.ring()
    assert arrived.wait(5)
    http("POST", "/sandbox/reset", {})
    answered.set()
    eventually(lambda: receiver.hooks)
    make_application_by(http, receiver)
    http.ring()
    receiver.wait("call.initiated", count=2)
    eventually(lambda: http.ledger("deliveries"))
    assert len(http.ledger("deliveries")) == 1


def make_application_by(http: Http, receiver: Receiver) -> None:
    body = {"application_name": "next", "webhook_event_url": receiver.url, "webhook_api_version": "2"}
    assert http("POST", "/v2/call_control_applications", body)[0] == 201


def test_the_signing_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "sandbox.key"
    assert bytes(signing_key(path)) == bytes(signing_key(path))
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_broken_signing_key_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.key"
    path.write_text("no key")
    with pytest.raises(ValueError):  # noqa: PT011  base64's and PyNaCl's own words
        signing_key(path)
    assert path.read_text() == "no key"
