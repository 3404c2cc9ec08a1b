"""Runs Celery without a broker: a kombu transport on one SQLite file.

A message is a row; taking it hides it until its visibility ends, acknowledging deletes it. So a worker's death loses
nothing, and since every message here is only a wake-up, neither would the loss of the file.
"""

import sqlite3
import threading
import time
import uuid
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, virtual
from kombu.utils.json import dumps, loads

MOST_WAITING = 10_000  # messages; where nobody takes them the oldest go, which the sweep has long seen to
VISIBILITY_SECONDS = 60  # longer than the longest task may run (25 s)
_BUSY_SECONDS = 2.0  # one message is often followed by another: an event by its command
_BUSY_POLL_SECONDS, _IDLE_POLL_SECONDS = 0.002, 0.025
_LOOK_SECONDS = 1.0  # without a change: what a dead worker had taken becomes visible by the clock alone
_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY, queue TEXT NOT NULL, tag TEXT NOT NULL UNIQUE,
    hidden_until REAL NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS message_queue ON message (queue, id);
"""


class Channel(virtual.Channel):
    """Puts, gets and acknowledges messages. One connection a thread, since SQLite's must not travel."""

    supports_fanout = False
    do_restore = False  # nothing to restore: an unacknowledged message comes back by itself

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._local = threading.local()

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        tag = message["properties"]["delivery_tag"] = str(uuid.uuid4())
        sql = "INSERT INTO message (queue, tag, hidden_until, body) VALUES (?, ?, 0, ?)"
        self._execute(sql, (queue, tag, dumps(message)))
        self._execute("DELETE FROM message WHERE id <= (SELECT max(id) FROM message) - ?", (MOST_WAITING,))

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        sql = """UPDATE message SET hidden_until = ? WHERE id = (
                     SELECT id FROM message WHERE queue = ? AND hidden_until < ? ORDER BY id LIMIT 1)
                 RETURNING body"""
        now = time.time()
        # looked at before it is updated: an idle worker polls all the time and must not take the write lock
        if not self._execute("SELECT 1 FROM message WHERE queue = ? AND hidden_until < ? LIMIT 1", (queue, now)):
            raise Empty
        taken = self._execute(sql, (now + VISIBILITY_SECONDS, queue, now))
        if not taken:
            raise Empty
        return loads(taken[0][0])

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        super().basic_ack(delivery_tag, multiple)
        self._execute("DELETE FROM message WHERE tag = ?", (delivery_tag,))

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        self.qos.ack(delivery_tag)
        if requeue:
            self._execute("UPDATE message SET hidden_until = 0 WHERE tag = ?", (delivery_tag,))
        else:
            self._execute("DELETE FROM message WHERE tag = ?", (delivery_tag,))

    def version(self) -> int:
        """Return a number that changes when anybody else has written: asking it costs a tenth of a look."""
        found: int = self._execute("PRAGMA data_version", ())[0][0]
        return found

    def _size(self, queue: str) -> int:
        counted: int = self._execute("SELECT count(*) FROM message WHERE queue = ?", (queue,))[0][0]
        return counted

    def _purge(self, queue: str) -> int:
        size = self._size(queue)
        self._execute("DELETE FROM message WHERE queue = ?", (queue,))
        return size

    def _execute(self, sql: str, values: tuple[Any, ...]) -> list[Any]:
        return self._connection().execute(sql, values).fetchall()

    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._local, "connection"):
            transport: Any = self.connection
            path = "/" + transport.client.virtual_host.lstrip("/")
            self._local.connection = sqlite3.connect(path, timeout=5, isolation_level=None)
            # losing the last messages at a power cut is harmless: the sweep runs what they would have woken
            self._local.connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _SCHEMA)
        connection: sqlite3.Connection = self._local.connection
        return connection


class Transport(virtual.Transport):
    """Opens ``embedded:////path/of/queue.sqlite3``."""

    Channel = Channel
    driver_type = driver_name = "sqlite"
    default_port = None
    can_parse_url = False
    _busy_until = 0.0
    _seen = -1  # the version of the file when it was last looked at

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:  # type: ignore[override]
        """Look often while messages come, so that a call is answered at once; else only when the file has changed."""
        if time.monotonic() < self._busy_until:
            self.polling_interval = _BUSY_POLL_SECONDS
        else:
            self.polling_interval = _IDLE_POLL_SECONDS
            timeout = self._await_change(timeout)
        super().drain_events(connection, timeout)  # raises when none came
        self._busy_until = time.monotonic() + _BUSY_SECONDS

    def _await_change(self, timeout: float | None) -> float | None:
        """Return how long is left of ``timeout``, which is all of it where there is no channel to ask."""
        channel: Any = next(iter(self.channels or ()), None)
        if timeout is None or channel is None:
            return timeout
        until = time.monotonic() + min(timeout, _LOOK_SECONDS)
        while (version := channel.version()) == self._seen and time.monotonic() < until:
            time.sleep(_IDLE_POLL_SECONDS)
        self._seen = version
        return 0.0  # one look, and whoever asked comes back

    def driver_version(self) -> str:
        return sqlite3.sqlite_version


def register() -> None:
    """Make ``embedded://`` known to kombu."""
    TRANSPORT_ALIASES["embedded"] = "portal.runtime.sqlite_broker:Transport"
