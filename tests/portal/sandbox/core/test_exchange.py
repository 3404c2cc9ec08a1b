"""The exchange goes on after a restart, and forgets after a reset."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest
import telnyx

from portal.sandbox.server.server import Sandbox
from tests.support.clock import STANDING_STILL
from tests.support.polling import eventually
from tests.support.sandbox_applications import make_application
from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver


def client(sandbox: Sandbox) -> telnyx.Telnyx:
    return telnyx.Telnyx(api_key="KEY", base_url=sandbox.base_url, max_retries=0)


def test_a_restart_delivers_what_was_not_delivered(tmp_path: Path, receiver: Receiver) -> None:
    state = tmp_path / "state.sqlite3"
    with Sandbox(state) as first, client(first) as sdk:
        make_application(sdk, receiver)
        Http(first.port).fault("delay", path="call.initiated", value=60)
        id = Http(first.port).ring()
    assert receiver.hooks == []
    with Sandbox(state):
        receiver.wait("call.initiated", id)


def test_a_webhook_under_way_leaves_no_trace_after_a_reset(http: Http, application: Any, receiver: Receiver) -> None:
    arrived, answered = threading.Event(), threading.Event()
    receiver.react = lambda hook: (arrived.set(), answered.wait(60))[0]
    http.ring()
    assert arrived.wait(60)
    http("POST", "/sandbox/reset", {})
    answered.set()
    eventually(lambda: receiver.hooks)
    make_application_by(http, receiver)
    http.ring()
    receiver.wait("call.initiated", count=2)
    eventually(lambda: http.ledger("deliveries"))
    assert len(http.ledger("deliveries")) == 1


@pytest.mark.usefixtures("application")
def test_a_leap_lets_the_same_time_pass_for_every_call(http: Http, receiver: Receiver, sandbox: Sandbox) -> None:
    """Whoever hangs up after two seconds is waited for; the other's fifteen are thirteen then."""
    first, second = http.ring("caller_hangs_up"), http.ring("answered")
    receiver.wait("call.hangup", first)
    timer = sandbox.store.first_timer()
    assert timer
    assert timer.call_id == second
    assert timer.due - time.time() == pytest.approx(13 * STANDING_STILL, rel=0.01)


def make_application_by(http: Http, receiver: Receiver) -> None:
    body = {"application_name": "next", "webhook_event_url": receiver.url, "webhook_api_version": "2"}
    assert http("POST", "/v2/call_control_applications", body)[0] == 201
