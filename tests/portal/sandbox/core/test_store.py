"""What outlives a restart, and what reset and ``empty`` leave."""

from pathlib import Path

import telnyx

from portal.sandbox.server.server import Sandbox
from tests.support.clock import STANDING_STILL
from tests.support.sandbox_applications import make_application
from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver


def client(sandbox: Sandbox) -> telnyx.Telnyx:
    return telnyx.Telnyx(api_key="KEY", base_url=sandbox.base_url, max_retries=0)


def test_a_restart_keeps_everything_and_ends_the_calls(tmp_path: Path, receiver: Receiver) -> None:
    state = tmp_path / "state.sqlite3"
    with Sandbox(state, pace=STANDING_STILL) as first, client(first) as sdk:
        application = make_application(sdk, receiver)
        id = Http(first.port).ring("caller_hangs_up")
        receiver.wait("call.initiated")
        key = first.public_key
    with Sandbox(state, pace=STANDING_STILL) as second, client(second) as sdk:
        assert second.public_key == key
        assert sdk.call_control_applications.retrieve(application.id).data == application
        assert Http(second.port).ledger("deliveries")
        assert Http(second.port, second.exchange).end(id)["hangup_cause"] == "originator_cancel"
        receiver.wait("call.hangup", id)


def test_empty_keeps_nothing_but_the_key(tmp_path: Path, receiver: Receiver) -> None:
    state = tmp_path / "state.sqlite3"
    with Sandbox(state) as first, client(first) as sdk:
        make_application(sdk, receiver)
        key = first.public_key
        assert state.stat().st_mode & 0o077 == 0
    with Sandbox(state, empty=True) as second, client(second) as sdk:
        assert list(sdk.call_control_applications.list()) == []
        assert second.public_key == key
