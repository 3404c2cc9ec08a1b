"""SIGTERM: no request to Telnyx begins after it, what has left is answered, and the process ends in time."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from portal import stopping
from portal.models import TelnyxAccount
from tests.support.commands import act, outcomes, seen
from tests.support.factories import make_call
from tests.support.http_servers import Listener, answer, serving
from tests.support.portal_processes import Portal, wait_for
from voice.dispatch import sender
from voice.models import AccountBreaker

YES = answer("200 OK", b'{"data": {"result": "ok"}}')
COMMANDS = 60
# start_siprec takes no command_id: sent and not answered it would be uncertain at once
PREPARE = f"""
from django.utils import timezone
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from voice.commands import outbox
from voice.models import Call
from portal.celery import app
account = TelnyxAccount.objects.get(name="default")
for at in range({COMMANDS}):
    told = dict(call_control_id=f"v3:{{at}}", connection_id="1", state="answered", started_at=timezone.now())
    call = Call.objects.create(account=account, **told)
    action = ("hangup", "start_siprec")[at % 2]
    command = outbox.act(call, action, {{}}, PORTAL)
    app.send_task("voice.send_command", args=[str(command.pk)])
"""
TELL = """
import json
from voice.models import CallCommand
rows = CallCommand.objects.values_list("call_control_id", "status", "first_sent_at")
print(json.dumps([[leg, status, sent is not None] for leg, status, sent in rows]))
"""
WAKE = """
from portal.runtime.wakeups import publisher
from voice.models import CallCommand
for pk in CallCommand.objects.values_list("pk", flat=True):
    while publisher._here.send("voice.send_command", str(pk), patient=True).name != "SENT":
        pass  # it reads the SDK first
"""
PROCESSES = {
    "worker of the host": (["manage.py", "worker"], "the worker ends"),
    "sweep": (["manage.py", "sweep"], "the sweep ends"),
    "worker": (
        ["-m", "celery", "-A", "portal", "worker", "-P", "threads", "-c", "8", "-Q", "events,commands"],
        "worker: begins no request any more",
    ),
    "all of it": (["manage.py", "work"], "the worker ends"),
}


@pytest.fixture
def slow() -> Iterator[tuple[Listener, threading.Event]]:
    """A Telnyx that answers nobody until it is let, and then everybody."""
    released = threading.Event()

    def behave(connection: Any) -> None:
        released.wait(3.5)  # the portal would give up after four
        connection.sendall(YES)

    with serving(behave) as listener:
        yield listener, released
        released.set()


def begun(listener: Listener) -> list[bytes]:
    """The requests so far, without connections on which none came."""
    return [request for request in listener.requests if request]


@pytest.mark.parametrize("role", PROCESSES)
def test_a_process_begins_no_request_after_sigterm(
    tmp_path: Path, migrated: Path, slow: tuple[Listener, threading.Event], role: str
) -> None:
    listener, released = slow
    portal, (line, ending) = Portal(tmp_path), PROCESSES[role]
    portal.environment |= {"TELNYX_API_KEY": "KEY-of-the-tests", "TELNYX_BASE_URL": f"{listener.url}/v2"}
    portal.begin_with(migrated)
    portal.run("manage.py", "ensure_accounts")
    portal.run("manage.py", "shell", "-v", "0", "-c", PREPARE)
    with portal.log.open("w") as log:
        command = [sys.executable, *line]
        process = subprocess.Popen(
            command, env=portal.environment, cwd=settings.BASE_DIR, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        if role == "worker of the host":
            wait_for((tmp_path / "var" / "wakeups.sock").exists, "a socket", portal.log)
            portal.run("manage.py", "shell", "-v", "0", "-c", WAKE)
        wait_for(lambda: len(begun(listener)) >= 4, "a few requests", portal.log, 120)
        process.send_signal(signal.SIGTERM)
        wait_for(lambda: ending in portal.log.read_text(), "the end", portal.log)
        listener.catch_up()  # with what had left by then
        left = begun(listener)
        released.set()
        process.wait(60)  # the 10 s of docs/running.md are no bound for a machine under load
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, begun(listener)) == (0, left)
    asked = {request.split(b"/")[3].decode() for request in left}
    rows = json.loads(portal.run("manage.py", "shell", "-v", "0", "-c", TELL))
    assert len(rows) == COMMANDS
    assert {status for leg, status, _ in rows if leg in asked} == {"ok"}
    others = {(status, sent) for leg, status, sent in rows if leg not in asked}
    assert others <= {
        ("queued", False),
        ("expired", False),
    }  # the latter where the start took longer than they are fresh


# --- One sender ------------------------------------------------------------------------------------------------------


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is told to end, for as long as the test lasts."""
    monkeypatch.setattr(stopping._Process, "is_ending", True)


@pytest.mark.django_db
@pytest.mark.parametrize("action", ["hangup", "start_siprec"])
def test_what_was_claimed_and_has_not_left_is_anybodys_at_once(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    command = act(make_call(account), action)
    claimed = sender._claim(command.pk)
    assert claimed is not None
    with monkeypatch.context() as told:
        told.setattr(stopping._Process, "is_ending", True)
        assert sender._settle(claimed, sender._attempt(claimed)) == []
    assert (seen(command).status, seen(command).first_sent_at) == ("queued", None)
    assert outcomes(command) == ["unavailable"]
    assert not AccountBreaker.objects.exists()  # it tells nothing of Telnyx
    assert sender.due(9) == [command.pk]


@pytest.mark.django_db
@pytest.mark.usefixtures("ending")
def test_nothing_is_claimed_any_more(account: TelnyxAccount) -> None:
    command = act(make_call(account))
    assert sender.send(command.pk) == []
    assert (seen(command).status, seen(command).attempts) == ("queued", [])


def test_a_sweep_that_hangs_is_ended_by_an_alarm(tmp_path: Path) -> None:
    """As one does whose database answers nothing any more."""
    script = """
import os, signal, time
from voice.management.commands import sweep
sweep._END_SECONDS = 0.2
signal.signal(signal.SIGTERM, sweep.end)
os.kill(os.getpid(), signal.SIGTERM)
while True:
    try:
        time.sleep(60)
    except BaseException:
        pass
"""
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", script],
        env=Portal(tmp_path).environment,
        cwd=settings.BASE_DIR,
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGALRM


def test_a_process_that_does_all_the_work_ends_with_its_sweep(tmp_path: Path, migrated: Path) -> None:
    """The supervisor starts it anew; going on without would look as if all was well."""
    portal = Portal(tmp_path)
    portal.begin_with(migrated)
    script = """
from voice.management.commands import sweep, work
def fail(): raise RuntimeError("a fault of the sweep")
sweep.run = fail
work.Command().handle()
"""
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", script],
        env=portal.environment,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "the sweep has failed" in done.stderr
