"""A process that a test starts, kills, freezes and starts again: always by its own pids, never by name."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

_PORTS, _given = range(20_000, 32_000), set[int]()
# Linux ends a child with the *thread* that started it (PR_SET_PDEATHSIG): so all are started from one that stays.
_launcher = ThreadPoolExecutor(1, thread_name_prefix="launcher")


def wait_until(true: Callable[[], object], what: str, seconds: float = 180, pause: float = 0.05) -> None:
    """Deadlines are generous: a loaded machine may take its time, and no test judges how long."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"within {seconds:g} s there was no {what}")
        time.sleep(pause)


def free_port() -> int:
    """A port that nobody listens on now, each time another one: below those that outgoing connections get."""
    while (port := secrets.choice(_PORTS)) in _given:
        pass
    _given.add(port)
    try:
        with socket.create_server(("127.0.0.1", port)):
            return port
    except OSError:
        return free_port()


def listens(port: int) -> bool:
    """Whether somebody accepts connections there. A frozen process does too: its kernel answers for it."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


@dataclass
class Child:
    """One process and whatever it starts. ``user`` is a numeric id to run as, None for our own.

    ``ready`` tells whether it can be used; ``start`` returns only then.
    """

    name: str
    command: list[str]
    environment: dict[str, str]
    folder: Path
    cwd: Path = Path("/")
    user: int | None = None
    ready: Callable[[], bool] = lambda: True
    patience: float = 240
    process: "subprocess.Popen[bytes] | None" = None
    frozen: bool = False
    _gone: set[int] = field(default_factory=set)

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int:
        assert self.process is not None, f"{self.name} was never started"
        return self.process.pid

    def launch(self) -> None:
        """Start it, without waiting until it is ready."""
        with self.log.open("ab") as log:
            self.process = _launcher.submit(
                subprocess.Popen,
                self._line(),
                env=self.environment,
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            ).result()
        self.frozen = False

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self.launch()
        self.wait_ready()

    def wait_ready(self) -> None:
        wait_until(self._is_ready, f"readiness of {self.name}:\n{self.tail()}", self.patience)

    def _is_ready(self) -> bool:
        if not self.is_running():
            raise AssertionError(f"{self.name} ended by itself:\n{self.tail()}")
        return self.ready()

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def pids(self) -> list[int]:
        """Itself and all its descendants, parents first."""
        return tree(self.pid) if self.is_running() else []

    def children(self) -> list[int]:
        """Its descendants: the workers of gunicorn, the children of a prefork pool."""
        return self.pids()[1:]

    def tell(self, number: signal.Signals, *pids: int) -> None:
        for pid in pids or (self.pid,):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def freeze(self) -> None:
        """SIGSTOP to all of it: it keeps its sockets and answers nothing."""
        self.tell(signal.SIGSTOP, *self.pids())
        self.frozen = True

    def thaw(self) -> None:
        if self.is_running():
            self.tell(signal.SIGCONT, *self.pids())
        self.frozen = False

    def kill(self) -> None:
        """kill -9 to all of it at once."""
        if not self.is_running():
            return
        everyone = self.pids()
        self.tell(signal.SIGKILL, *everyone)
        assert self.process is not None
        self.process.wait(30)
        wait_until(lambda: not any(is_alive(pid) for pid in everyone), f"end of {self.name}", 30)
        self.frozen = False

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 30) -> None:
        """Ask it to end; what does not is killed."""
        if not self.is_running():
            return
        self.thaw()
        everyone = self.pids()
        self.tell(number)
        assert self.process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        self.tell(signal.SIGKILL, *(pid for pid in everyone if is_alive(pid)))
        self.process.wait(30)

    def restart(self) -> None:
        """Kill it if it still runs, and start it again."""
        self.kill()
        self.start()

    def tail(self, size: int = 3000) -> str:
        """The end of its log, shown when a test fails."""
        return self.log.read_text(errors="replace")[-size:] if self.log.exists() else ""

    def _line(self) -> list[str]:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            return self.command
        as_user = [f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups"] if self.user is not None else []
        return [setpriv, "--pdeathsig", "KILL", *as_user, *self.command]


def is_alive(pid: int) -> bool:
    """Whether it runs (or is stopped); a zombie does not."""
    return _state_and_parent(pid)[0] not in ("", "Z")


def tree(ancestor: int) -> list[int]:
    """``ancestor`` and its descendants, parents first, as Linux tells them now."""
    parents = {int(path.name): _state_and_parent(int(path.name))[1] for path in Path("/proc").glob("[0-9]*")}
    found = [ancestor]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def _state_and_parent(pid: int) -> tuple[str, int]:
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return "", 0
    return state, int(parent)
