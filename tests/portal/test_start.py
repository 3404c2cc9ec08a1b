"""``make run``: every process comes back when it is killed, none is left behind, and the data stays."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.support.portal_processes import Portal, answers, processes, wait_for

# Each child by what its command line shows once it runs.
ROLES = {"web": "gunicorn", "worker": "work", "sandbox": "portal.stand_in"}
pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"), pytest.mark.long]


def below(ancestor: int) -> set[int]:
    """``ancestor`` and everything it started, directly or not."""
    everything, found = processes(), {ancestor}
    while more := {pid for pid, (parent, _) in everything.items() if parent in found} - found:
        found |= more
    return found & everything.keys()


def children(supervisor: int) -> dict[str, int]:
    """The running children of the supervisor by role. One that has not become its command yet does not count."""
    found = {}
    for pid, (parent, line) in processes().items():
        if parent == supervisor and "portal.supervision.child" not in line:
            found |= {role: pid for role, word in ROLES.items() if word in line.split() or f"{word} " in line}
    return found


def leaves_nothing(pids: set[int], log: Path) -> None:
    wait_for(lambda: not pids & processes().keys(), f"the end of {len(pids)} processes", log)


def test_it_starts_restarts_what_is_killed_and_keeps_its_data(tmp_path):
    portal = Portal(tmp_path)
    manage = [sys.executable, "manage.py", "start"]
    with portal.started(*manage) as supervisor:
        assert portal.is_ready()
        assert answers(f"http://127.0.0.1:{portal.sandbox_port}/sandbox/ready")
        assert "with the password" in portal.log.read_text()
        webhook_url = portal.webhook_url()
        before = children(supervisor)
        assert set(before) == set(ROLES)
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)

        def all_are_new() -> bool:
            now = children(supervisor)
            return set(now) == set(ROLES) and not set(now.values()) & set(before.values())

        wait_for(all_are_new, "the return of every child", portal.log)
        wait_for(portal.is_ready, "being ready again", portal.log)
        everyone = below(supervisor)
        os.kill(supervisor, signal.SIGKILL)
        leaves_nothing(everyone - {supervisor}, portal.log)
    parent = [sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])", *manage, "--with-parent"]
    with portal.started(*parent) as shell:
        assert portal.is_ready()
        assert "with the password" not in portal.log.read_text()
        assert portal.webhook_url() == webhook_url
        everyone = below(shell)
        os.kill(shell, signal.SIGKILL)
        leaves_nothing(everyone - {shell}, portal.log)


def test_a_taken_port_is_said_in_one_line(tmp_path):
    portal = Portal(tmp_path)
    with socket.create_server(("127.0.0.1", portal.port)):
        line = [sys.executable, "manage.py", "start"]
        done = subprocess.run(
            line,
            env=portal.environment,
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert done.returncode != 0
    assert done.stderr.strip().splitlines() == [
        f"CommandError: Port {portal.port} is in use. Choose another, for example PORT={portal.port + 100}."
    ]
