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

_START_SECONDS = 240


@dataclass(frozen=True)
class Portal:
    """One that runs: its supervisor's process id, its folder, and the port of its sandbox."""

    pid: int
    folder: Path
    sandbox: int

    def cpu(self) -> float:
        return stage.cpu_seconds(self.pid)

    def memory(self) -> dict[str, float]:
        """MiB of all processes together: resident, proportional, and their own."""
        sums = {"Rss": 0, "Pss": 0, "Private_Clean": 0, "Private_Dirty": 0}
        for number in stage.family(self.pid):
            try:
                told = Path(f"/proc/{number}/smaps_rollup").read_text()
            except OSError:
                continue
            for name in sums:
                found = re.search(rf"^{name}:\s+(\d+) kB", told, re.MULTILINE)
                sums[name] += int(found[1]) if found else 0
        mib = {name: value / 1024 for name, value in sums.items()}
        return {"rss": mib["Rss"], "pss": mib["Pss"], "uss": mib["Private_Clean"] + mib["Private_Dirty"]}

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
