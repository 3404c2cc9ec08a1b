"""The two management commands, as a person runs them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import telnyx
from django.conf import settings
from django.core.management import CommandError, call_command

from portal.management.commands import sandbox_call
from portal.sandbox.core.keys import public_key, signing_key
from portal.sandbox.server.server import Sandbox
from tests.support.clock import Clock
from tests.support.sandbox_applications import make_application
from tests.support.sandbox_texml import at, make_texml_application
from tests.support.texml_runs import response
from tests.support.webhook_receiver import Hook, Receiver


@pytest.fixture
def noted(sandbox: Sandbox, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The running sandbox is the one noted in the data directory. While the command sleeps its calls go on."""

    class Waiting(Clock):
        def sleep(self, seconds: float) -> None:
            if sandbox.exchange.is_quiet():
                sandbox.exchange.leap()
                self.now += seconds
            time.sleep(0.001)

    monkeypatch.setattr(sandbox_call, "time", Waiting())
    settings.VAR_DIR = tmp_path
    (tmp_path / "sandbox.json").write_text(json.dumps({"port": sandbox.port, "pid": os.getpid()}))


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("sandbox_call", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.mark.usefixtures("noted")
def test_sandbox_call_waits_for_the_end_and_prints_the_call(application: Any, receiver: Receiver) -> None:
    out, err = run("caller_hangs_up", "--from", "+13125550177", "--to", "+13125550178")
    payload = receiver.wait("call.hangup").payload
    assert out.splitlines()[-1] == payload["call_control_id"]
    assert (payload["from"], payload["to"]) == ("+13125550177", "+13125550178")
    assert err == ""


@pytest.mark.usefixtures("noted")
def test_sandbox_call_tells_the_caller_what_to_do(sdk: telnyx.Telnyx, receiver: Receiver) -> None:
    make_texml_application(sdk, receiver)
    receiver.documents = {"/voice": response('<Gather action="/next" numDigits="2"/>'), "/next": response("<Hangup/>")}
    run("texml_menu", "--digits", "42", "--says", "hello", "--stays", "9")
    assert at(receiver, "/next")[0]["Digits"] == "42"


@pytest.mark.usefixtures("noted")
def test_sandbox_call_says_how_it_sounds_and_who_vouches(sdk: telnyx.Telnyx, receiver: Receiver) -> None:
    application = make_application(sdk, receiver, inbound={"shaken_stir_enabled": True, "channel_limit": 0})
    assert run("answered", "--line", "bad")[1] == "Telnyx did not put it through: D4.\n"
    changes: dict[str, Any] = {"application_name": "tests", "webhook_event_url": receiver.url}
    sdk.call_control_applications.update(application.id, **changes, inbound={"channel_limit": 1})

    def react(hook: Hook) -> None:
        if hook.type == "call.initiated":
            sdk.calls.actions.answer(hook.payload["call_control_id"])

    receiver.react = react
    run("answered", "--line", "bad", "--attestation", "C")
    assert receiver.wait("call.initiated").payload["shaken_stir_attestation"] == "C"
    assert receiver.wait("call.hangup").payload["call_quality_stats"]["inbound"]["mos"] == "2.10"
    with pytest.raises(CommandError, match="inbound_call_screening"):
        run("answered", "--spam")


@pytest.mark.usefixtures("noted")
def test_sandbox_call_tells_its_progress_when_it_takes_long(application: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_call, "QUIET_SECONDS", 0.0)
    _, err = run("caller_hangs_up")
    assert "ringing" in err


@pytest.mark.usefixtures("noted")
def test_sandbox_call_does_not_wait_for_ever(
    application: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox.exchange, "leap", lambda: None)
    monkeypatch.setattr(sandbox_call, "WAIT_SECONDS", 2.0)
    with pytest.raises(CommandError, match="has not ended"):
        run("answered")


@pytest.mark.usefixtures("noted")
def test_sandbox_call_needs_to_know_the_application(sdk: telnyx.Telnyx, receiver: Receiver) -> None:
    with pytest.raises(CommandError, match="could not be found"):
        run("caller_hangs_up")
    applications = [make_application(sdk, receiver, application_name=name) for name in ("one", "two")]
    with pytest.raises(CommandError, match="Say which of the 2"):
        run("caller_hangs_up")
    run("caller_hangs_up", "--connection-id", applications[0].id)
    assert receiver.hooks[0].payload["connection_id"] == applications[0].id


def test_sandbox_call_says_when_no_sandbox_runs(settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    with pytest.raises(CommandError, match="No sandbox is running"):
        run("answered")
    (tmp_path / "sandbox.json").write_text('{"port": 1, "pid": 1}')
    with pytest.raises(CommandError, match="No sandbox answers on port 1"):
        run("answered")


@pytest.fixture
def served(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """``manage.py sandbox`` in its own process and data directory, on a free port."""
    environment = {**os.environ, "PORTAL_VAR_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "tests.settings"}
    line = [sys.executable, "-m", "django", "sandbox", "--port", "0"]
    with subprocess.Popen(line, cwd=settings.BASE_DIR, env=environment, text=True, stdout=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_sandbox_serves_until_it_is_told_to_stop(served: "subprocess.Popen[str]", tmp_path: Path) -> None:
    assert served.stdout
    address, key = served.stdout.readline(), served.stdout.readline()
    note = json.loads((tmp_path / "sandbox.json").read_text())
    assert note["pid"] == served.pid
    assert f"http://127.0.0.1:{note['port']}/v2 " in address
    assert key.strip().endswith(public_key(signing_key(tmp_path / "sandbox.key")))
    with telnyx.Telnyx(api_key="KEY", base_url=f"http://127.0.0.1:{note['port']}/v2") as sdk:
        assert list(sdk.call_control_applications.list()) == []
    served.send_signal(signal.SIGTERM)
    assert served.wait(60) == 0
    assert not (tmp_path / "sandbox.json").exists()


def test_sandbox_says_when_its_port_is_taken(sandbox: Sandbox, settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    with pytest.raises(CommandError, match=f"cannot serve on port {sandbox.port}"):
        call_command("sandbox", "--port", str(sandbox.port))
