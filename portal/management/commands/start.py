"""Runs the whole portal under one roof: ``make run``."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError, call_command
from django.db import connection

from portal.accounts import ensure_accounts
from portal.celery import app
from portal.runtime.child import die_with_parent

_READY_SECONDS = 60
_STOP_SECONDS = 25
_LONGEST_PAUSE = 30.0


@dataclass
class Child:
    """Keeps one process: what runs it, the running one, and when it may be started again."""

    name: str
    command: list[str]
    process: "subprocess.Popen[bytes] | None" = None
    pause: float = 0.5
    due: float = 0.0
    started: float = field(default=0.0)

    def start(self) -> None:
        line = [sys.executable, "-m", "portal.runtime.child", str(os.getpid()), *self.command]
        self.process = subprocess.Popen(line, cwd=settings.BASE_DIR, start_new_session=True)  # noqa: S603  all ours
        self.started = time.monotonic()

    def tend(self) -> None:
        """Start it again when it ended: after 0.5 s, and after longer each time it ends soon."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            _signal_group(self.process.pid, signal.SIGKILL)  # what it may have left behind
            self.pause = 0.5 if now - self.started > 60 else min(self.pause * 2, _LONGEST_PAUSE)
            self.process, self.due = None, now + self.pause
        if self.process is None and now >= self.due:
            self.start()


class Command(BaseCommand):
    """Migrates, makes what a first start needs, runs every process and keeps them running."""

    help = "Run web, worker, beat, sweep and (if an account points at it) the sandbox, until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--with-parent", action="store_true", help="Stop when the calling process ends.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["with_parent"]:
            die_with_parent(os.getppid())
        for name, port in (("PORT", settings.PORT), ("SANDBOX_PORT", settings.SANDBOX_PORT)):
            _refuse_taken_port(name, port)
        self._say("Preparing the database …")
        call_command("migrate", verbosity=0, interactive=False)
        administrator = _make_first_administrator()
        sandbox = ensure_accounts()
        connection.close()
        self._run(_children(with_sandbox=sandbox is not None), administrator, sample=sandbox is not None)

    def _run(self, children: list[Child], administrator: tuple[str, str] | None, *, sample: bool) -> None:
        signal.signal(signal.SIGTERM, _interrupt)
        signal.signal(signal.SIGINT, _interrupt)
        try:
            for child in children:
                child.start()
            self._wait_until_ready(children)
            if sample:
                subprocess.run([sys.executable, "manage.py", "create_sample"], cwd=settings.BASE_DIR, check=False)
            app.send_task("applications.pull_all", retry=False, ignore_result=True)  # not only at the next full hour
            self._greet(administrator)
            while True:
                for child in children:
                    child.tend()
                time.sleep(0.2)
        except KeyboardInterrupt:
            self._say("\nStopping …")
        finally:
            _stop(children)

    def _wait_until_ready(self, children: list[Child]) -> None:
        self._say("Starting …")
        deadline = time.monotonic() + _READY_SECONDS
        urls = [f"http://127.0.0.1:{settings.PORT}/readyz"]
        if any(child.name == "sandbox" for child in children):
            urls.append(f"http://127.0.0.1:{settings.SANDBOX_PORT}/sandbox/ready")
        while not all(_answers(url) for url in urls):
            if time.monotonic() > deadline:
                raise CommandError(f"The portal did not become ready within {_READY_SECONDS} s; see the lines above.")
            for child in children:
                child.tend()
            time.sleep(0.2)

    def _greet(self, administrator: tuple[str, str] | None) -> None:
        self.stdout.write(self.style.SUCCESS(f"\n  The voice portal is at http://127.0.0.1:{settings.PORT}/admin/"))
        if administrator:
            name, password = administrator
            self.stdout.write(f"  Sign in as   {name}   with the password   {password}   (shown once)")
        self._say(f"  Data lies in {settings.VAR_DIR}.  Ctrl-C stops everything.\n")

    def _say(self, text: str) -> None:
        """Write it out at once: this process runs on, and a pipe or a file would keep it back."""
        self.stdout.write(text)
        self.stdout.flush()


def _children(*, with_sandbox: bool) -> list[Child]:
    python, manage = sys.executable, [sys.executable, "manage.py"]
    celery = [python, "-m", "celery", "-A", "portal", "--quiet"]
    worker = [*celery, "worker", "--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING"]
    children = [Child("web", [python, "-m", "gunicorn", "portal.wsgi", *_web_options()])]
    if connection.vendor == "sqlite":
        # threads: a fork must not inherit SQLite's handles, and one process writes anyway
        children.append(Child("worker", [*worker, "-P", "threads", "-c", "8", "-Q", "events,commands"]))
    else:
        events = [*worker, "-P", "prefork", "-c", "2", "-Q", "events", "-n", "events@%h"]
        commands = [*worker, "-P", "threads", "-c", "32", "-Q", "commands", "-n", "commands@%h"]
        children += [Child("events", events), Child("commands", commands)]
    schedule = str(settings.VAR_DIR / "beat-schedule")
    children.append(Child("beat", [*celery, "beat", "-s", schedule, "--pidfile=", "-l", "WARNING"]))
    children.append(Child("sweep", [*manage, "sweep"]))
    if with_sandbox:
        children.append(Child("sandbox", [*manage, "sandbox", "--port", str(settings.SANDBOX_PORT)]))
    return children


def _web_options() -> list[str]:
    workers = "1" if connection.vendor == "sqlite" else "2"
    bind = f"127.0.0.1:{settings.PORT}"
    threads = ["-k", "portal.runtime.web_worker.WebWorker", "-w", workers, "--threads", "8"]
    # its control socket would lie in the home directory, one for all portals
    # a request that is here may wait for Telnyx, for 8 s at most
    times = ["--timeout", "60", "--graceful-timeout", "9"]
    return ["-b", bind, *threads, "--log-level", "warning", *times, "--no-control-socket"]


def _make_first_administrator() -> tuple[str, str] | None:
    """Return name and password of the first administrator when it was made just now.

    ``admin`` is for the sandbox: with a Telnyx key there is somebody to guard against, who would know it.
    """
    users = get_user_model().objects
    if users.exists():
        return None
    name = f"admin-{secrets.token_hex(3)}" if settings.TELNYX_API_KEY else "admin"
    password = secrets.token_urlsafe(12)
    users.create_superuser(name, password=password)
    return name, password


def _refuse_taken_port(name: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise CommandError(f"Port {port} is in use. Choose another, for example {name}={port + 100}.") from None


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  always http
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _stop(children: list[Child]) -> None:
    running = [child.process for child in children if child.process is not None]
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
