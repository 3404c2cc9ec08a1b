"""Runs the whole portal under one roof: ``make run``."""

import os
import secrets
import socket
import sys
from argparse import ArgumentParser
from contextlib import closing
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError, call_command
from django.core.management.commands import migrate
from django.db import connection
from kombu.exceptions import OperationalError

from portal.accounts import ensure_accounts
from portal.celery import app
from portal.environment import setting
from portal.progress import Bar
from portal.supervision.child import die_with_parent
from portal.supervision.supervisor import Address, Plan, Process

_LAST_PORT = 65535


class Command(BaseCommand):
    """Migrates, makes what a first start needs, then becomes the supervisor, which knows no Django."""

    help = "Run web, worker with sweep and timers, and (if an account points at it) the sandbox, until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--with-parent", action="store_true", help="Stop when the calling process ends.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["with_parent"]:
            die_with_parent(os.getppid())
        for name, port in (("PORT", settings.PORT), ("SANDBOX_PORT", settings.SANDBOX_PORT)):
            _refuse_taken_port(name, port)
        self._say("Preparing the database …")
        with closing(Bar(self.stderr, "migrations begun")) as bar:
            call_command(_Migrating(bar), verbosity=0, interactive=False)
        administrator = _make_first_administrator()
        sandbox = ensure_accounts()
        if sandbox is not None:
            self._make_sample()
        if settings.HAS_BROKER:
            self._pull()
        connection.close()
        os.chdir(settings.BASE_DIR)
        Plan(_processes(with_sandbox=sandbox is not None), self._greeting(administrator)).supervise()

    def _make_sample(self) -> None:
        try:
            call_command("create_sample", "--with-sandbox")
        except CommandError as error:
            self.stderr.write(self.style.ERROR(str(error)))

    def _pull(self) -> None:
        """Have applications pulled as soon as a worker is there: not only at the next full hour."""
        try:
            app.send_task("applications.pull_all", retry=False, ignore_result=True)
        except OperationalError as error:
            self.stderr.write(f"The broker does not take messages ({error}); the sweep does the work meanwhile.")

    def _greeting(self, administrator: tuple[str, str] | None) -> str:
        lines = ["", self.style.SUCCESS(f"  The voice portal is at http://127.0.0.1:{settings.PORT}/admin/")]
        if administrator:
            name, password = administrator
            lines.append(f"  Sign in as   {name}   with the password   {password}   (shown once)")
        return "\n".join([*lines, f"  Data lies in {settings.VAR_DIR}.  Ctrl-C stops everything.", ""])

    def _say(self, text: str) -> None:
        """Write it out at once: this process runs on, and a pipe or a file would keep it back."""
        self.stdout.write(text)
        self.stdout.flush()


class _Migrating(migrate.Command):
    """Tells how many migrations it has begun: on a large table one takes minutes."""

    def __init__(self, bar: Bar) -> None:
        super().__init__()
        self._bar, self._begun = bar, 0

    def migration_progress_callback(self, action: str, migration: Any | None = None, fake: bool = False) -> None:
        if action == "apply_start":
            self._begun += 1
            self._bar.update(self._begun, None)


def _processes(*, with_sandbox: bool) -> list[Process]:
    python = sys.executable
    web = [python, "-m", "gunicorn", "portal.wsgi", *_web_options()]
    processes = [Process("web", web, Address(settings.PORT, "/readyz", _host()))]
    if not settings.HAS_BROKER:
        # threads of one process: each further one would cost a hundred megabytes
        processes.append(Process("worker", [python, "manage.py", "work"]))
    else:
        processes += _processes_of_many()
    if with_sandbox:
        address = Address(settings.SANDBOX_PORT, "/sandbox/ready")
        command = [python, "-m", "portal.stand_in", "--port", str(settings.SANDBOX_PORT)]
        # the first: whatever the others begin with may be asked of it
        processes.insert(0, Process("sandbox", command, address, before_others=True))
    return processes


def _processes_of_many() -> list[Process]:
    """Return this host's worker, and those of several hosts: processes for events, threads for commands."""
    celery = [sys.executable, "-m", "celery", "-A", "portal", "--quiet"]
    worker = [*celery, "worker", "--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING"]
    schedule = str(settings.VAR_DIR / "beat-schedule")
    return [
        # the short way for what comes to this host; Celery's take what comes elsewhere, or what it has no room for
        Process("worker", [sys.executable, "manage.py", "worker"]),
        Process("events", [*worker, "-P", "prefork", "-c", "2", "-Q", "events", "-n", "events@%h"]),
        Process("commands", [*worker, "-P", "threads", "-c", "32", "-Q", "commands", "-n", "commands@%h"]),
        Process("beat", [*celery, "beat", "-s", schedule, "--pidfile=", "-l", "WARNING"]),
        Process("sweep", [sys.executable, "manage.py", "sweep"]),
    ]


def _host() -> str:
    """Return a host name by which the web process lets itself be asked."""
    named = [host for host in settings.ALLOWED_HOSTS if host != "*"] or ["127.0.0.1"]
    return "127.0.0.1" if "127.0.0.1" in named else named[0].lstrip(".")


def _web_options() -> list[str]:
    workers = "1" if connection.vendor == "sqlite" else "2"
    bind = f"127.0.0.1:{settings.PORT}"
    threads = ["-k", "portal.runtime.web_worker.WebWorker", "-w", workers, "--threads", "8"]
    # its control socket would lie in the home directory, one for all portals
    # a request that is here may wait for Telnyx, for 8 s at most
    times = ["--timeout", "60", "--graceful-timeout", "9"]
    proxies = setting("FORWARDED_ALLOW_IPS", str, "127.0.0.1,::1")  # one that is empty would be nobody to gunicorn
    options = ["--forwarded-allow-ips", proxies, "--log-level", "warning", "--no-control-socket"]
    return ["-b", bind, *threads, *times, *options]


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
        except PermissionError:
            raise CommandError(
                f"This user may not serve on port {port}. Choose one from 1024 on, for example {name}={port + 8000}."
            ) from None
        except OSError:
            other = port + 100 if port + 100 <= _LAST_PORT else port - 100
            raise CommandError(f"Port {port} is in use. Choose another, for example {name}={other}.") from None
