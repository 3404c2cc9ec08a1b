"""The supervisor: small, in the right order, patient until all are ready, and silent about the password."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from portal.supervision.supervisor import Address, Plan, Process
from tests.support.http_servers import answer, serving
from tests.support.portal_processes import processes, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
PASSWORD = "not for everybody"
# It becomes what it is told, as ``manage.py start`` does
BECOME = """
import sys
from portal.supervision.supervisor import *
Plan([{processes}], "Ready: {password}").supervise()
"""
SLEEPER = [sys.executable, "-c", "import time; print('{name}', flush=True); time.sleep(600)"]


def sleeper(name: str) -> list[str]:
    return [part.format(name=name) for part in SLEEPER]


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[bytes], Path]]]:
    started: list[subprocess.Popen[bytes]] = []
    log = tmp_path / "log"

    def start(*plan: Process) -> tuple[subprocess.Popen[bytes], Path]:
        script = tmp_path / "start.py"
        script.write_text(BECOME.format(processes=", ".join(map(repr, plan)), password=PASSWORD))
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(settings.BASE_DIR)}
        with log.open("w") as out:
            line = [sys.executable, str(script)]
            started.append(subprocess.Popen(line, cwd=settings.BASE_DIR, env=environment, stdout=out, stderr=out))
        return started[-1], log

    yield start
    for process in started:
        process.kill()
        process.wait()


def children(supervisor: int) -> set[int]:
    told = processes().items()
    return {pid for pid, (parent, line) in told if parent == supervisor and "supervision.child" not in line}


def test_it_imports_the_standard_library_alone() -> None:
    tell = "import sys, portal.supervision.supervisor; print({name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", tell], cwd=settings.BASE_DIR, capture_output=True, text=True, check=True
    )
    roots = set(re.findall(r"'(\w+)'", done.stdout))
    assert (
        roots - sys.stdlib_module_names - {"portal", "__main__", "_distutils_hack", "_virtualenv", "sitecustomize"}
        == set()
    )


def test_it_greets_when_all_are_ready_and_starts_the_others_after_the_first(supervised: Any) -> None:
    told = {"ready": False}

    def behave(connection: Any) -> None:
        connection.sendall(answer("200 OK" if told["ready"] else "503 Not yet", b"{}"))

    with serving(behave) as listener:
        port = int(listener.url.rpartition(":")[2])
        first = Process("first", sleeper("first runs"), Address(port, "/ready"), before_others=True)
        process, log = supervised(first, Process("second", sleeper("second runs")))
        wait_for(lambda: len(listener.requests) >= 3, "questions whether it is ready", log)
        assert len(children(process.pid)) == 1
        assert b"GET /ready " in listener.requests[0]
        told["ready"] = True
        wait_for(lambda: "Ready: " in log.read_text(), "the greeting", log)
        wait_for(lambda: "second runs" in log.read_text(), "the second process", log)


def test_the_greeting_is_in_no_argument_and_no_environment(supervised: Any) -> None:
    process, log = supervised(Process("one", sleeper("one runs")))
    wait_for(lambda: "one runs" in log.read_text(), "the process", log)
    shown = b"".join(
        Path(f"/proc/{pid}/{what}").read_bytes()
        for pid in (process.pid, *children(process.pid))
        for what in ("cmdline", "environ")
    )
    assert PASSWORD in log.read_text()
    assert PASSWORD.encode() not in shown


def test_it_starts_again_what_ends_and_stops_all_of_it_at_sigterm(supervised: Any) -> None:
    process, log = supervised(Process("one", sleeper("one runs")), Process("two", sleeper("two runs")))
    wait_for(lambda: len(children(process.pid)) == 2, "both", log)
    before = children(process.pid)
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: len(now := children(process.pid)) == 2 and victim not in now, "another one", log)
    after = children(process.pid)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert "Stopping" in log.read_text()
    assert not after & processes().keys()


def test_what_is_not_ready_in_time_ends_the_start() -> None:
    script = "import portal.supervision.supervisor as s; s._READY_SECONDS = 0.5\n"
    script += f"s.run(s.Plan([s.Process('one', {sleeper('runs')!r}, s.Address(9, '/'))], ''))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert "did not become ready" in done.stderr


def test_a_plan_comes_out_of_the_pipe_as_it_went_in() -> None:
    plan = Plan([Process("a", ["b"], Address(1, "/c"), before_others=True), Process("d", [])], "hello")
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as pipe:
        pipe.write(plan.as_json())
    assert Plan.read(reading) == plan
