"""SIGTERM and the web process, as ``manage.py start`` runs it, while it answers requests that wait for Telnyx."""

import http.client
import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from portal.management.commands import start
from tests.support.http_servers import Listener, answer, serving
from tests.support.portal_processes import Portal, answers, wait_for

THREADS = 8
PREPARE = f"""
from django.contrib.auth import get_user_model
from django.utils import timezone
from portal.models import TelnyxAccount
from voice.models import Call
get_user_model().objects.create_superuser("admin")
account = TelnyxAccount.objects.get(name="default")
for at in range({THREADS}):
    told = dict(call_control_id=f"v3:{{at}}", connection_id="1", state="answered", started_at=timezone.now())
    Call.objects.create(account=account, **told)
"""
COMMAND = """
import json
from portal.management.commands.start import _processes
print(json.dumps(_processes(with_sandbox=False)[0].command))
"""
APPLICATION = {"application_name": "router", "webhook_event_url": "https://example.com/hook"}


@pytest.fixture
def slow() -> Iterator[tuple[Listener, threading.Event]]:
    """A Telnyx that answers while it is let."""
    released = threading.Event()
    released.set()
    data = {"id": "1", "call_control_id": "v3:0", "is_alive": True, **APPLICATION}

    def behave(connection: Any) -> None:
        released.wait(3.5)  # the portal would give up after four
        connection.sendall(answer("200 OK", json.dumps({"data": data}).encode()))

    with serving(behave) as listener:
        yield listener, released
        released.set()


class Client:
    """One connection that is kept."""

    def __init__(self, portal: Portal, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", portal.port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, bool, Any]:
        """Status, whether the server closes the connection now, and what it says."""
        self._connection.request(method, path, json.dumps(body or {}), self._headers)
        with self._connection.getresponse() as response:
            text = response.read()
        return response.status, response.will_close, json.loads(text) if text.startswith(b"{") else text

    def refresh(self, at: int) -> tuple[int, bool, Any]:
        return self("POST", f"/api/v1/calls/v3:{at}/refresh/")

    def close(self) -> None:
        self._connection.close()


@pytest.mark.long
def test_the_web_process_begins_no_request_after_sigterm(
    tmp_path: Path, migrated: Path, slow: tuple[Listener, threading.Event]
) -> None:
    listener, released = slow
    portal = Portal(tmp_path)
    portal.environment |= {"TELNYX_API_KEY": "KEY-of-the-tests", "TELNYX_BASE_URL": f"{listener.url}/v2"}
    portal.begin_with(migrated)
    portal.run("manage.py", "ensure_accounts")
    portal.run("manage.py", "shell", "-v", "0", "-c", PREPARE)
    token = portal.run("manage.py", "create_token", "admin").strip()
    command = json.loads(portal.run("manage.py", "shell", "-v", "0", "-c", COMMAND))
    command += ["--keep-alive", "60"]  # no connection is closed but at the end, on a busy machine too
    with portal.log.open("w") as log, ExitStack() as at_the_end:
        process = subprocess.Popen(command, env=portal.environment, cwd=settings.BASE_DIR, stdout=log, stderr=log)
        at_the_end.callback(_end, process)
        # all but one of the threads will wait for Telnyx
        clients = [Client(portal, token) for _ in range(THREADS + 1)]
        kept, late, *people = clients
        for client in clients:
            at_the_end.callback(client.close)
        wait_for(lambda: answers(f"http://127.0.0.1:{portal.port}/livez"), "being ready", portal.log)
        assert late.refresh(0)[0] == 200  # the SDK takes seconds to import
        before = len(_begun(listener))
        released.clear()
        with ThreadPoolExecutor(len(people)) as pool:
            # a create with tags is two requests
            create = APPLICATION | {"tags": ["a"]}
            pressed = [pool.submit(people[0], "POST", "/api/v1/call-control-applications/", create)]
            pressed += [pool.submit(person.refresh, at) for at, person in enumerate(people[1:])]
            wait_for(lambda: len(_begun(listener)) == before + len(people), "requests on the wire", portal.log)
            for client in (kept, late):
                client("GET", "/livez")
            process.send_signal(signal.SIGTERM)
            wait_for(lambda: _says_goodbye(kept), "the process to know it", portal.log)
            with suppress(http.client.HTTPException, OSError):  # its connection may be closed by now
                status, _, told = late.refresh(0)
                assert (status, "stopped before" in told["detail"]) == (503, True)
            released.set()
            made, *refreshed = [one.result(60) for one in pressed]
        process.wait(60)
    assert ({status for status, *_ in refreshed}, made[0], made[2]["id"]) == ({200}, 201, "1")
    assert "stopped before" in " ".join(made[2]["warnings"])
    assert len(_begun(listener)) == before + len(people)
    assert process.returncode == 0


def test_the_web_process_has_ended_after_ten_seconds_whatever_telnyx_does() -> None:
    """What has left may take eight; gunicorn kills what is there after its graceful time-out."""
    (web, *_) = start._processes(with_sandbox=False)
    assert 8 < int(web.command[web.command.index("--graceful-timeout") + 1]) < 10


def _says_goodbye(client: Client) -> bool:
    try:
        return client("GET", "/livez")[1]
    except (http.client.HTTPException, OSError):
        return True  # it has closed the connection


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


def _begun(listener: Listener) -> list[bytes]:
    return [request for request in listener.requests if request]
