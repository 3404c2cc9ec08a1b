"""A whole portal of its own, as `make run` starts it: its processes, its memory, its CPU."""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from benchmarks import stage
from benchmarks.figures import Unmeasured

_START_SECONDS, _CALL_SECONDS = 240, 90
_SIGNED_IN = """
from django.contrib.auth import get_user_model
from django.test import Client
client = Client(HTTP_HOST="127.0.0.1")
client.force_login(get_user_model().objects.get(username="admin"))
print("cookie", *[f"{name}={morsel.value}" for name, morsel in client.cookies.items()])
"""


@dataclass(frozen=True)
class Memory:
    """What a process has, in MiB: resident, its share of what several have, and what is its alone."""

    name: str
    resident: float
    proportional: float
    own: float


def _memory(number: int) -> Memory | None:
    """Read it from the system; None where the process is gone."""
    try:
        told = Path(f"/proc/{number}/smaps_rollup").read_text()
        line = Path(f"/proc/{number}/cmdline").read_bytes().decode().replace("\0", " ")
    except OSError:
        return None
    mib = {name: int(kib) / 1024 for name, kib in re.findall(r"^(\w+):\s+(\d+) kB", told, re.MULTILINE)}
    name = next((name for mark, name in _NAMES if mark in line), "another")
    return Memory(name, mib["Rss"], mib["Pss"], mib["Private_Clean"] + mib["Private_Dirty"])


# what is in the command line of each
_NAMES = (
    *(("supervisor", "supervisor"), ("gunicorn", "web"), ("stand_in", "sandbox"), ("portal.sandbox", "sandbox")),
    *(("manage.py work", "work"), ("-Q events", "events"), ("-Q commands", "commands"), (" beat ", "beat")),
    ("manage.py sweep", "sweep"),
)


@dataclass(frozen=True)
class Portal:
    """One that runs: its supervisor's process id, its folder, and the port of its sandbox."""

    pid: int
    folder: Path
    sandbox: int

    def cpu(self) -> float:
        return stage.cpu_seconds(self.pid)

    def memory(self) -> list["Memory"]:
        """Tell what each of its processes has."""
        return [told for number in stage.family(self.pid) if (told := _memory(number))]

    def call(self) -> float:
        """Have somebody call the sample flow, ``ivr``; return the seconds from the ring until all of it is told."""
        begin = time.monotonic()
        call = self.ask("POST", "/sandbox/calls", {"scenario": "ivr"})["call_control_id"]
        while time.monotonic() - begin < _CALL_SECONDS:
            told = self.ask("GET", f"/sandbox/calls/{call}")
            if told["session_ended"] and not told["owed"]:
                return time.monotonic() - begin
            time.sleep(0.05)
        raise Unmeasured("a call of the sandbox did not end")

    def open_pages(self, *addresses: str) -> None:
        """Have the first administrator look at these pages."""
        cookie = self.shell(_SIGNED_IN).strip().removeprefix("cookie ")
        for address in addresses:
            line = http.client.HTTPConnection("127.0.0.1", int(self.environment["PORT"]), timeout=60)
            line.request("GET", address, headers={"Cookie": cookie})
            answer = line.getresponse()
            answer.read()
            line.close()
            if answer.status != 200:
                raise Unmeasured(f"{address} was answered {answer.status}")

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the sandbox."""
        line = http.client.HTTPConnection("127.0.0.1", self.sandbox, timeout=60)
        try:
            line.request(method, path, json.dumps(body) if body else None)
            return json.loads(line.getresponse().read())
        finally:
            line.close()

    def shell(self, script: str) -> str:
        """Run Python in the portal's own settings."""
        line = [sys.executable, "manage.py", "shell", "-v", "0", "-c", script]
        done = subprocess.run(
            line, cwd=settings.BASE_DIR, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Unmeasured(done.stderr[-500:])
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        told = Path(f"/proc/{self.pid}/environ").read_bytes().split(b"\0")
        return dict(line.decode().split("=", 1) for line in told if b"=" in line)


@contextmanager
def running(environment: dict[str, str]) -> Iterator[Portal]:
    """``manage.py start`` with a data directory and ports of its own, once it is ready."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = one.getsockname()[1], two.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="voice-portal-bench-whole-") as folder:
        own = {"PORTAL_VAR_DIR": folder, "PORT": str(ports[0]), "SANDBOX_PORT": str(ports[1]), "C_FORCE_ROOT": "1"}
        own = {"PATH": os.environ["PATH"], **own, **environment}
        subprocess.run([sys.executable, "-m", "portal.keys"], cwd=settings.BASE_DIR, env=own, check=True)
        log = Path(folder) / "log"
        with log.open("w") as out:
            line = [sys.executable, "manage.py", "start"]
            started = subprocess.Popen(line, cwd=settings.BASE_DIR, env=own, stdout=out, stderr=out)
        try:
            deadline = time.monotonic() + _START_SECONDS
            while "voice portal is at" not in log.read_text():
                if time.monotonic() > deadline or started.poll() is not None:
                    raise Unmeasured(f"the portal did not start: {log.read_text()[-500:]}")
                time.sleep(0.2)
            yield Portal(started.pid, Path(folder), ports[1])
        finally:
            started.terminate()
            started.wait(60)
