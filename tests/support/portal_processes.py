"""A portal of its own with all its processes, and what Linux tells of them."""

import fcntl
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.conf import settings


def processes() -> dict[int, tuple[int, str]]:
    """Parent and command line of every process, as Linux tells them; zombies left out."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if state != "Z":
            found[int(folder.name)] = (int(parent), line)
    return found


def wait_for(true: Callable[[], object], what: str, log: Path, seconds: int = 120) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what} did not happen:\n{log.read_text()}"
        time.sleep(0.1)


def free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        return one.getsockname()[1], two.getsockname()[1]


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


class Portal:
    """A portal of its own in a directory of its own."""

    def __init__(self, folder: Path) -> None:
        self.port, self.sandbox_port = free_ports()
        self.log = folder / "log"
        self.environment = {
            "PATH": os.environ["PATH"],
            "PORTAL_VAR_DIR": str(folder / "var"),
            "PORT": str(self.port),
            "SANDBOX_PORT": str(self.sandbox_port),
            "C_FORCE_ROOT": "1",
        }
        self.run("-m", "portal.keys")

    def run(self, *command: str) -> str:
        line = [sys.executable, *command]
        done = subprocess.run(
            line, env=self.environment, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def begin_with(self, migrated: Path) -> None:
        """Have the database that ``manage.py migrate`` would make of nothing."""
        shutil.copyfile(migrated, Path(self.environment["PORTAL_VAR_DIR"]) / "portal.sqlite3")

    @contextmanager
    def started(self, *command: str) -> Iterator[int]:
        """The process id of ``command`` once the portal is ready; whatever is left of it is killed at the end."""
        with self.log.open("w") as log:
            process = subprocess.Popen(command, env=self.environment, cwd=settings.BASE_DIR, stdout=log, stderr=log)
        try:
            wait_for(lambda: "voice portal is at" in self.log.read_text(), "being ready", self.log, 300)
            yield process.pid
        finally:
            while left := self.processes():
                for pid in left:
                    _kill(pid)
                time.sleep(0.1)
            process.wait(60)

    def processes(self) -> set[int]:
        """Whatever runs with this portal's data directory, whoever its parent is by now."""
        mark = f"PORTAL_VAR_DIR={self.environment['PORTAL_VAR_DIR']}".encode()
        return {pid for pid in processes() if mark in _environment(pid)}

    def is_ready(self) -> bool:
        return answers(f"http://127.0.0.1:{self.port}/readyz")

    def webhook_url(self) -> str:
        return self.run("manage.py", "webhook_url")


def migrated_once(folder: Path) -> Path:
    """The file of SQLite that ``manage.py migrate`` makes of nothing, for all processes that share ``folder``.

    Whoever asks first makes it; the others wait for that. It takes longer than most files of tests.
    """
    made = folder / "migrated.sqlite3"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            portal = Portal(folder)
            portal.run("manage.py", "migrate", "-v", "0")
            with closing(sqlite3.connect(folder / "var" / "portal.sqlite3")) as database:
                database.execute("VACUUM INTO ?", [str(made)])
    return made


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
