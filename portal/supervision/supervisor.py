"""Keeps the processes of ``make run`` running: ``python -m portal.supervision.supervisor FILE_DESCRIPTOR``.

``manage.py start`` prepares the database and becomes this. It lives as long as the portal does and imports nothing but
the standard library, so that it costs next to nothing. What it runs it reads, as JSON, from a pipe: the greeting holds
a password, which neither arguments nor the environment may show.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any, NoReturn

_READY_SECONDS = 60
_STOP_SECONDS = 25
_LONGEST_PAUSE = 30.0
_LOOK_SECONDS = 0.5  # between two looks at the children
_PATIENCE_SECONDS = 2.0  # for an answer while it is asked whether a process is ready


@dataclass(frozen=True)
class Address:
    """Names where a process answers 200 once it is ready: port, path, and the host by which it is asked."""

    port: int
    path: str
    host: str = "127.0.0.1"

    def answers(self) -> bool:
        request = f"GET {self.path} HTTP/1.0\r\nHost: {self.host}\r\n\r\n".encode()
        try:
            with socket.create_connection(("127.0.0.1", self.port), _PATIENCE_SECONDS) as line:
                line.sendall(request)
                return b" 200 " in line.recv(64)
        except OSError:
            return False


@dataclass(frozen=True)
class Process:
    """Describes a process: its name, what runs it, and where it tells that it is ready, if it does.

    ``before_others``: the others are started when it is ready.
    """

    name: str
    command: list[str]
    address: Address | None = None
    before_others: bool = False


@dataclass(frozen=True)
class Plan:
    """Holds all that the supervisor is told: the processes, in the order of their start, and the greeting."""

    processes: list[Process]
    greeting: str

    def supervise(self) -> NoReturn:
        """Become the supervisor: the same process id, without anything that was imported so far."""
        reading, writing = os.pipe()
        os.set_inheritable(reading, True)
        with os.fdopen(writing, "w") as pipe:  # far less than what a pipe takes without a reader
            pipe.write(self.as_json())
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-m", "portal.supervision.supervisor", str(reading)])  # noqa: S606

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, descriptor: int) -> "Plan":
        with os.fdopen(descriptor) as pipe:
            told = json.load(pipe)
        return cls([_process(**one) for one in told["processes"]], told["greeting"])


def _process(address: dict[str, Any] | None, **told: Any) -> Process:
    return Process(address=Address(**address) if address else None, **told)


@dataclass
class Child:
    """Keeps one process: the running one, and when it may be started again."""

    process: Process
    running: "subprocess.Popen[bytes] | None" = None
    pause: float = 0.5
    due: float = 0.0
    started: float = field(default=0.0)

    def start(self) -> None:
        line = [sys.executable, "-m", "portal.supervision.child", str(os.getpid()), *self.process.command]
        self.running = subprocess.Popen(line, start_new_session=True)  # noqa: S603  all ours
        self.started = time.monotonic()

    def tend(self) -> None:
        """Start it again when it ended: after 0.5 s, and after longer each time it ends soon."""
        now = time.monotonic()
        if self.running is not None and self.running.poll() is not None:
            _signal_group(self.running.pid, signal.SIGKILL)  # what it may have left behind
            self.pause = 0.5 if now - self.started > 60 else min(self.pause * 2, _LONGEST_PAUSE)
            self.running, self.due = None, now + self.pause
        if self.running is None and now >= self.due:
            self.start()


def run(plan: Plan) -> None:
    """Run every process until SIGTERM or Ctrl-C."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    children: list[Child] = []
    try:
        _say("Starting …")
        for process in plan.processes:
            children.append(Child(process))
            children[-1].start()
            if process.before_others:
                _wait_until_ready(children)
        _wait_until_ready(children)
        _say(plan.greeting)
        while True:
            for child in children:
                child.tend()
            time.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        _say("\nStopping …")
    finally:
        _stop(children)


def _wait_until_ready(children: list[Child]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    addresses = [child.process.address for child in children if child.process.address]
    while not all(address.answers() for address in addresses):
        if time.monotonic() > deadline:
            sys.exit(f"The portal did not become ready within {_READY_SECONDS} s; see the lines above.")
        for child in children:
            child.tend()
        time.sleep(0.2)


def _stop(children: list[Child]) -> None:
    running = [child.running for child in children if child.running is not None]
    for process in running:
        process.terminate()
    deadline = time.monotonic() + _STOP_SECONDS
    for process in running:
        try:
            process.wait(max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            pass
        _signal_group(process.pid, signal.SIGKILL)


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        pass


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  a pipe or a file would keep it back


if __name__ == "__main__":
    run(Plan.read(int(sys.argv[1])))
