"""A real web process and a real sweep with a database of their own, and sockets to speak to it byte by byte."""

import base64
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connections
from django.test import override_settings
from nacl.signing import SigningKey

from applications.models import CallControlApplication
from portal.environment import database
from portal.management.commands import start
from portal.models import TelnyxAccount
from tests.corpus.cases import CANARY_SECRET
from tests.corpus.documents import FOREIGN
from tests.corpus.transport import Wire
from tests.support.portal_processes import answers, free_ports, wait_for
from tests.support.signing import TELNYX_KEY
from voice.models import CallEvent

NOWHERE = "http://127.0.0.1:9/v2"
ALIAS = "street"  # the running portal's database, for the ORM of the tests
OTHER_KEY = SigningKey(b"another account's signing key...")
PREVIOUS_KEY = SigningKey(b"the key before, for a rotation..")
PATIENCE = 60  # s


@dataclass
class Answer:
    """``status`` is 0 when the connection closed without an answer."""

    status: int
    raw: bytes
    text: str = field(init=False)

    def __post_init__(self) -> None:
        self.text = self.raw.decode("latin-1")


class Street:
    """The portal as the street sees it. ``ask_rows`` runs a query of the ORM in its database."""

    def __init__(self, folder: Path, unblock: Callable[[], Any]) -> None:
        self.port = free_ports()[0]
        self.log = folder / "log"
        self.host = f"127.0.0.1:{self.port}"
        self.pids: dict[str, int] = {}
        self.workers = self.threads = 0
        self.account = _account("main", TELNYX_KEY, PREVIOUS_KEY)
        self._unblock = unblock
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "SECRET_KEY", "PORTAL_ENCRYPTION_KEYS")},
            "PORTAL_VAR_DIR": str(folder),
            "PORT": str(self.port),
            "DATABASE_URL": f"sqlite:///{folder / 'street.sqlite3'}",
        }

    @property
    def wire(self) -> Wire:
        """Writes requests to the account's webhook address."""
        return self._wire("call-control/")

    @property
    def texml(self) -> Wire:
        """Writes requests to one of the account's addresses for TeXML."""
        return self._wire("texml/status")

    def _wire(self, end: str) -> Wire:
        return Wire(f"/webhooks/{self.account.webhook_token}/{end}", self.host, TELNYX_KEY, time.time)

    def ask_rows(self, ask: Callable[[], Any]) -> Any:
        with self._unblock():
            try:
                return ask()
            finally:
                connections[ALIAS].close()

    def events(self, **filters: Any) -> list[CallEvent]:
        rows: list[CallEvent] = self.ask_rows(
            lambda: list(CallEvent.objects.using(ALIAS).select_related("call").filter(**filters))
        )
        return rows

    def count(self) -> int:
        counted: int = self.ask_rows(lambda: CallEvent.objects.using(ALIAS).count())
        return counted

    def settle(self) -> None:
        """Wait until the sweep has worked off everything."""
        wait_for(lambda: not self.events(status="received"), "the end of the backlog", self.log)

    def connect(self, patience: float = PATIENCE, source: str = "127.0.0.1") -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=patience, source_address=(source, 0))

    def send(self, *pieces: bytes, patience: float = PATIENCE) -> Answer:
        """Each piece after an answer or a pause, then what comes back until the end of the answer."""
        with self.connect(patience) as connection:
            raw = b""
            for at, piece in enumerate(pieces):
                if at:
                    connection.settimeout(1)
                    raw = _received(connection)
                    connection.settimeout(patience)
                try:
                    connection.sendall(piece)
                except OSError:
                    break  # refused before it was whole
            if not raw.startswith(b"HTTP/1.1 1"):
                raw = b""
            raw = raw.partition(b"\r\n\r\n")[2] + _received(connection, method=pieces[0].split(b" ")[0])
            if raw.startswith(b"HTTP/1.1 1"):  # "go on", said after the pause
                raw = raw.partition(b"\r\n\r\n")[2] or _received(connection, method=pieces[0].split(b" ")[0])
        found = re.match(rb"HTTP/1\.[01] (\d{3})", raw)
        return Answer(int(found.group(1)) if found else 0, raw)

    def resident(self) -> int:
        """The memory of the web process that answers, in bytes."""
        lines = Path(f"/proc/{self.worker()}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) * 1024

    def worker(self) -> int:
        children = Path(f"/proc/{self.pids['web']}/task/{self.pids['web']}/children").read_text().split()
        return int(children[0])


def _received(connection: socket.socket, method: bytes = b"POST") -> bytes:
    """One answer: by its length, or up to the end of the connection."""
    data = b""
    while not _is_whole(data, method):
        try:
            more = connection.recv(65_536)
        except OSError:
            return data
        if not more:
            return data
        data += more
    return data


def _is_whole(data: bytes, method: bytes) -> bool:
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        return False
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    if head.startswith(b"HTTP/1.1 1") or method == b"HEAD" or body.endswith(b"0\r\n\r\n"):
        return True
    return bool(length and len(body) >= int(length.group(1)))


@contextmanager
def open_street(folder: Path, migrated: Path, unblock: Callable[[], Any], *more: str) -> Iterator[Street]:
    """``migrated``: what a file of SQLite begins as; ``more``: options of gunicorn beside those of the portal."""
    street = Street(folder, unblock)
    with _database(street), override_settings(PORT=street.port):
        _prepare(street, migrated)
        options = [*start._web_options(), *more]
        street.workers = int(options[options.index("-w") + 1])
        street.threads = street.workers * int(options[options.index("--threads") + 1])
        commands = {
            "web": [sys.executable, "-m", "gunicorn", "portal.wsgi", *options],
            "sweep": [sys.executable, "manage.py", "sweep"],
        }
        with street.log.open("ab") as log:
            running = {name: _run(street, line, log) for name, line in commands.items()}
        street.pids = {name: process.pid for name, process in running.items()}
        try:
            wait_for(lambda: answers(f"http://{street.host}/readyz"), "being ready", street.log, 300)
            yield street
        finally:
            for process in running.values():
                process.terminate()
            for process in running.values():
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _run(street: Street, line: list[str], log: Any) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(line, env=street.environment, cwd=settings.BASE_DIR, stdout=log, stderr=log)


def _prepare(street: Street, migrated: Path) -> None:
    scheme, _, file = street.environment["DATABASE_URL"].partition(":///")
    if scheme == "sqlite":
        shutil.copyfile(migrated, file)
    else:
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        with street.log.open("ab") as log:
            assert _run(street, migrate, log).wait(300) == 0, street.log.read_text()
    street.ask_rows(lambda: _make_rows(street))


def _make_rows(street: Street) -> None:
    """The account, and another one that has an application of its own."""
    other = _account("other", OTHER_KEY, OTHER_KEY)
    for account in (street.account, other):
        account.save(using=ALIAS)
    application = CallControlApplication(account=other, telnyx_id=FOREIGN, application_name="theirs")
    CallControlApplication.objects.using(ALIAS).bulk_create([application])


def _account(name: str, key: SigningKey, previous: SigningKey) -> TelnyxAccount:
    current, before = (base64.b64encode(bytes(one.verify_key)).decode() for one in (key, previous))
    account = TelnyxAccount(name=name, base_url=NOWHERE, public_key=current, previous_public_key=before)
    account.api_key = f"KEY{CANARY_SECRET}"
    return account


@contextmanager
def _database(street: Street) -> Iterator[None]:
    """A new database beside the one of ``DATABASE_URL``, or a file; known to the ORM as ``ALIAS`` meanwhile."""
    given, name = os.environ.get("DATABASE_URL", ""), f"street_{uuid.uuid4().hex[:12]}"
    if given.startswith("postgres"):
        street.environment["DATABASE_URL"] = f"{given.rpartition('/')[0]}/{name}"
        with psycopg.connect(given, autocommit=True) as server:
            server.execute(f'CREATE DATABASE "{name}"')
    config = database(street.environment["DATABASE_URL"])
    config["OPTIONS"].pop("pool", None)
    connections.settings[ALIAS] = connections.configure_settings({"default": {}, ALIAS: config})[ALIAS]
    try:
        yield
    finally:
        connections[ALIAS].close()
        del connections[ALIAS], connections.settings[ALIAS]
        if given.startswith("postgres"):
            with psycopg.connect(given, autocommit=True) as server:
                server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
