"""The sandbox of ``make run``: a process without Django's models and without the SDK, whatever it is asked."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.support.portal_processes import free_ports, wait_for
from tests.support.sandbox_http import Http

HEAVY = {"django.db", "django.apps.registry", "celery", "rest_framework", "telnyx", "pydantic", "httpx"}
# It tells what it has imported when it is asked to, and goes on
TELLING = f"""
import signal, sys
signal.signal(signal.SIGUSR1, lambda *_: print("imported:", sorted({HEAVY!r} & set(sys.modules)), flush=True))
from portal import stand_in
stand_in.main()
"""
# whoever it tells that it serves stops it at once
STOPPED = """
import os, signal
from portal import stand_in
stand_in._logger.info = lambda line: os.kill(os.getpid(), signal.SIGTERM)
stand_in.main()
"""
APPLICATION = {"application_name": "one", "webhook_event_url": "https://example.com/"}


class StandIn:
    """One that runs, on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log, (self.port, _) = folder, folder / "log", free_ports()
        environment = {"PATH": os.environ["PATH"], "PORTAL_VAR_DIR": str(folder / "var")}
        line = [sys.executable, "-c", TELLING, "--port", str(self.port)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(line, cwd=settings.BASE_DIR, env=environment, stdout=log, stderr=log)
        # said after its port is written down; it answers before
        wait_for(lambda: "The sandbox serves" in self.log.read_text(), "the sandbox", self.log)
        self.http = Http(self.port)

    def imported(self) -> str:
        before = self.log.read_text().count("imported:")
        self.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: self.log.read_text().count("imported:") > before, "what it imported", self.log)
        return self.log.read_text().rpartition("imported:")[2].strip()


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    started = StandIn(tmp_path)
    yield started
    started.process.kill()
    started.process.wait()


def test_it_judges_what_it_is_sent_without_reading_the_sdk(stand_in: StandIn) -> None:
    assert stand_in.http("POST", "/v2/call_control_applications", APPLICATION | {"nonsense": 1})[0] == 422
    assert stand_in.http("POST", "/v2/call_control_applications", APPLICATION)[0] == 201
    assert stand_in.http("POST", "/sandbox/calls", {"scenario": "answered"})[0] == 200
    assert stand_in.imported() == "[]"


def test_it_tells_its_port_and_ends_at_sigterm(stand_in: StandIn) -> None:
    note = stand_in.folder / "var" / "sandbox.json"
    assert json.loads(note.read_text()) == {"port": stand_in.port, "pid": stand_in.process.pid}
    stand_in.process.send_signal(signal.SIGTERM)
    assert stand_in.process.wait(60) == 0
    assert not note.exists()


def test_who_is_told_that_it_serves_may_stop_it_at_once(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "PORTAL_VAR_DIR": str(tmp_path)}
    line = [sys.executable, "-c", STOPPED, "--port", str(free_ports()[0])]
    assert subprocess.run(line, cwd=settings.BASE_DIR, env=environment, timeout=120, check=False).returncode == 0
    assert not (tmp_path / "sandbox.json").exists()


def test_a_taken_port_is_said_in_one_line(stand_in: StandIn, tmp_path: Path) -> None:
    line = [sys.executable, "-m", "portal.stand_in", "--port", str(stand_in.port)]
    environment = {"PATH": os.environ["PATH"], "PORTAL_VAR_DIR": str(tmp_path / "other")}
    done = subprocess.run(
        line, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert done.stderr.strip().startswith(f"portal: The sandbox cannot serve on port {stand_in.port}")
    assert len(done.stderr.strip().splitlines()) == 1
