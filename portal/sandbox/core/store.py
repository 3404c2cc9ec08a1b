"""Stores what the sandbox remembers in one SQLite file: one row per object, so that a restart goes on there."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from portal.json_types import JsonObject

LEDGER_LENGTH = 10_000  # entries kept of each kind; older ones go
_VERSION = 2
_TABLES = ("applications", "calls", "timers", "deliveries", "commands", "ledger", "objects")
_OBJECTS = """CREATE TABLE objects (seq INTEGER PRIMARY KEY AUTOINCREMENT, resource TEXT NOT NULL,
  id TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (resource, id))"""
_SCHEMA = """
CREATE TABLE applications (id TEXT PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE calls (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, connection_id TEXT NOT NULL,
  session_id TEXT NOT NULL, alive INTEGER NOT NULL, ended_at REAL, body TEXT NOT NULL);
CREATE INDEX calls_alive ON calls (alive, connection_id);
CREATE INDEX calls_session ON calls (session_id);
CREATE TABLE timers (seq INTEGER PRIMARY KEY, due REAL NOT NULL, call_id TEXT NOT NULL, name TEXT NOT NULL,
  arguments TEXT NOT NULL);
CREATE INDEX timers_due ON timers (due);
CREATE INDEX timers_call ON timers (call_id);
CREATE TABLE deliveries (seq INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE commands (scope TEXT NOT NULL, command_id TEXT NOT NULL, at REAL NOT NULL, answer TEXT NOT NULL,
  PRIMARY KEY (scope, command_id));
CREATE TABLE ledger (seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX ledger_kind ON ledger (kind, seq);
"""


@dataclass
class Call:
    """Holds one leg.

    Times are Unix seconds. ``peer`` is the leg it is bridged with, ``bridge_to`` the one to bridge with once answered.
    ``script`` names what the person at the far end does. ``state`` is ringing, answered or ended. ``options`` begin
    with the answer; ``running`` is what is under way, by kind: recordings, streams … ``texml`` is what only a leg of a
    TeXML application has: where its callbacks go, its label; None for all others. ``part`` is what the person at the
    far end was told to do, step by step. ``rivals`` ring beside it until one of them answers; ``supervises`` names the
    leg it listens to, and its role there. A leg that leads to a SIP user has the leg of their ``device``, which is the
    ``device_of`` that one. ``line`` is what was told of how it sounds, ``trust`` of who vouches for the
    caller.
    """

    call_control_id: str
    call_leg_id: str
    call_session_id: str
    connection_id: str
    direction: str
    from_number: str
    to_number: str
    started_at: float
    state: str = "ringing"
    answered_at: float | None = None
    ended_at: float | None = None
    hangup_cause: str | None = None
    hangup_source: str | None = None
    sip_hangup_cause: str | None = None
    reason: str = ""
    client_state: str | None = None
    script: str = ""
    peer: str | None = None
    bridge_to: str | None = None
    parks: bool = False
    webhook_url: str | None = None
    webhook_urls: dict[str, list[str]] = field(default_factory=dict)
    webhook_method: str = "POST"
    webhook_urls_method: str = "POST"
    webhook_retries: dict[str, list[int]] = field(default_factory=dict)
    machine_detection: str | None = None
    no_answer_cause: str = "timeout"
    ring_limit: float = 30.0
    caller_id_name: str | None = None
    custom_headers: list[JsonObject] = field(default_factory=list)
    sip_headers: list[JsonObject] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    playing: JsonObject | None = None
    queue: list[JsonObject] = field(default_factory=list)
    gather: JsonObject | None = None
    options: JsonObject = field(default_factory=dict)
    running: dict[str, list[JsonObject]] = field(default_factory=dict)
    texml: JsonObject | None = None
    part: JsonObject | None = None
    rivals: list[str] = field(default_factory=list)
    supervises: JsonObject | None = None
    device: str | None = None
    device_of: str | None = None
    line: JsonObject = field(default_factory=dict)
    trust: JsonObject = field(default_factory=dict)

    @property
    def alive(self) -> bool:
        return self.state != "ended"


@dataclass(frozen=True)
class Timer:
    seq: int
    due: float
    call_id: str
    name: str
    arguments: JsonObject


class Store:
    """Keeps the SQLite file behind one lock: whoever holds ``transaction()`` is alone with it."""

    def __init__(self, path: Path, *, empty: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._depth = 0
        self._entered = 0  # lines of the ledger since the start
        self._entering = threading.Condition()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
        path.chmod(0o600)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        with self.transaction():
            self._prepare(empty)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run all or nothing; nested ones join the outer. Other threads wait."""
        with self._lock:
            self._depth += 1
            try:
                if self._depth == 1:
                    self._db.execute("BEGIN IMMEDIATE")
                yield
                if self._depth == 1:
                    self._db.execute("COMMIT")
                    self._tell_waiting()
            except BaseException:
                if self._depth == 1 and self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            finally:
                self._depth -= 1

    def _tell_waiting(self) -> None:
        with self._entering:
            self._entering.notify_all()

    def entered(self) -> int:
        """Return how many lines were written into the ledger since the start."""
        return self._entered

    def wait_for_line(self, since: int, seconds: float) -> None:
        """Return once more lines than ``since`` were written into the ledger and kept, or so many seconds went by."""
        with self._entering:
            self._entering.wait_for(lambda: self._entered > since, seconds)

    def clear(self) -> None:
        """Forget everything."""
        with self.transaction():
            for table in _TABLES:
                self._run(f"DELETE FROM {table}")  # noqa: S608  our own names

    # applications

    def save_application(self, kind: str, body: JsonObject) -> None:
        self._run("INSERT OR REPLACE INTO applications VALUES (?, ?, ?)", body["id"], kind, json.dumps(body))

    def application(self, kind: str, id: str) -> JsonObject | None:
        rows = self._run("SELECT body FROM applications WHERE kind = ? AND id = ?", kind, id)
        return json.loads(rows[0][0]) if rows else None

    def applications(self, kind: str) -> list[JsonObject]:
        return [json.loads(body) for (body,) in self._run("SELECT body FROM applications WHERE kind = ?", kind)]

    def delete_application(self, id: str) -> None:
        self._run("DELETE FROM applications WHERE id = ?", id)

    # whatever else Telnyx keeps, one row each: numbers, profiles, audit events, records of deliveries

    def put(self, resource: str, id: str, body: JsonObject, most: int | None = None) -> None:
        """Keep one object; of more than ``most`` the oldest go, now and then."""
        with self.transaction():
            self._run(
                "INSERT INTO objects (resource, id, body) VALUES (?, ?, ?) "
                "ON CONFLICT (resource, id) DO UPDATE SET body = excluded.body",
                resource,
                id,
                json.dumps(body),
            )
            if most and int(self._run("SELECT last_insert_rowid()")[0][0]) % 500 == 0:
                old = "SELECT seq FROM objects WHERE resource = ? ORDER BY seq DESC LIMIT 1 OFFSET ?"
                self._run(f"DELETE FROM objects WHERE resource = ? AND seq <= ({old})", resource, resource, most)  # noqa: S608

    def get(self, resource: str, id: str) -> JsonObject | None:
        rows = self._run("SELECT body FROM objects WHERE resource = ? AND id = ?", resource, id)
        return json.loads(rows[0][0]) if rows else None

    def all(self, resource: str) -> list[JsonObject]:
        """Return every object of a resource, oldest first."""
        rows = self._run("SELECT body FROM objects WHERE resource = ? ORDER BY seq", resource)
        return [json.loads(body) for (body,) in rows]

    def named(self, resource: str) -> list[tuple[str, JsonObject]]:
        """Return (id, object) of every object of a resource, oldest first."""
        rows = self._run("SELECT id, body FROM objects WHERE resource = ? ORDER BY seq", resource)
        return [(id, json.loads(body)) for id, body in rows]

    def has(self, resource: str) -> bool:
        return bool(self._run("SELECT 1 FROM objects WHERE resource = ? LIMIT 1", resource))

    def having(self, resource: str, place: str, value: str) -> list[JsonObject]:
        """Return the objects of a resource whose member at ``place`` (``$.webhook.id``) is ``value``, oldest first."""
        sql = "SELECT body FROM objects WHERE resource = ? AND json_extract(body, ?) = ? ORDER BY seq"
        return [json.loads(body) for (body,) in self._run(sql, resource, place, value)]

    def remove(self, resource: str, id: str) -> None:
        self._run("DELETE FROM objects WHERE resource = ? AND id = ?", resource, id)

    # calls

    def save_call(self, call: Call) -> None:
        self._run(
            "INSERT INTO calls (id, connection_id, session_id, alive, ended_at, body) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET alive = excluded.alive, ended_at = excluded.ended_at, body = excluded.body",
            call.call_control_id,
            call.connection_id,
            call.call_session_id,
            call.alive,
            call.ended_at,
            json.dumps(asdict(call)),
        )

    def call(self, id: str) -> Call | None:
        rows = self._run("SELECT body FROM calls WHERE id = ?", id)
        return Call(**json.loads(rows[0][0])) if rows else None

    def session(self, session_id: str) -> list[str]:
        """Return the ids of a session's legs, oldest first."""
        return [id for (id,) in self._run("SELECT id FROM calls WHERE session_id = ? ORDER BY seq", session_id)]

    def live_calls(self, connection_id: str) -> list[tuple[int, str]]:
        """Return (sequence number, id) of the legs alive in one application, oldest first."""
        sql = "SELECT seq, id FROM calls WHERE alive AND connection_id = ? ORDER BY seq"
        return [(seq, id) for seq, id in self._run(sql, connection_id)]

    def every_live_call(self) -> list[str]:
        """Return the ids of the legs alive in all applications, oldest first."""
        return [id for (id,) in self._run("SELECT id FROM calls WHERE alive ORDER BY seq")]

    def newest_calls(self, most: int) -> list[str]:
        """Return the ids of so many legs: those alive first, then the newest."""
        sql = "SELECT id FROM calls ORDER BY alive DESC, seq DESC LIMIT ?"
        return [id for (id,) in self._run(sql, most)]

    def texml_calls(self) -> list[str]:
        """Return the ids of all legs of TeXML applications, newest first."""
        sql = "SELECT id FROM calls WHERE json_extract(body, '$.texml') IS NOT NULL ORDER BY seq DESC"
        return [id for (id,) in self._run(sql)]

    def forget_calls(self, before: float) -> None:
        """Drop the legs that ended before that time, and the command ids of then."""
        self._run("DELETE FROM calls WHERE ended_at < ?", before)
        self._run("DELETE FROM commands WHERE at < ?", before)

    # timers

    def add_timer(self, due: float, call_id: str, name: str, arguments: JsonObject) -> None:
        sql = "INSERT INTO timers (due, call_id, name, arguments) VALUES (?, ?, ?, ?)"
        self._run(sql, due, call_id, name, json.dumps(arguments))

    def first_timer(self) -> Timer | None:
        rows = self._run("SELECT seq, due, call_id, name, arguments FROM timers ORDER BY due, seq LIMIT 1")
        if not rows:
            return None
        seq, due, call_id, name, arguments = rows[0]
        return Timer(seq, due, call_id, name, json.loads(arguments))

    def bring_forward(self, seconds: float) -> None:
        """Have every timer due so much earlier."""
        self._run("UPDATE timers SET due = due - ?", seconds)

    def drop_timer(self, seq: int) -> None:
        self._run("DELETE FROM timers WHERE seq = ?", seq)

    def cancel_timers(self, call_id: str, name: str | None = None, spared: tuple[str, ...] = ()) -> None:
        """Drop the timers of that name, or all but those spared."""
        marks = ", ".join("?" * len(spared))
        sql = f"DELETE FROM timers WHERE call_id = ? AND name = coalesce(?, name) AND name NOT IN ({marks})"  # noqa: S608  marks only
        self._run(sql, call_id, name, *spared)

    # deliveries owed

    def add_delivery(self, session_id: str, body: JsonObject) -> int:
        with self.transaction():
            self._run("INSERT INTO deliveries (session_id, body) VALUES (?, ?)", session_id, json.dumps(body))
            return int(self._run("SELECT last_insert_rowid()")[0][0])

    def owed_deliveries(self) -> list[tuple[int, JsonObject]]:
        return [(seq, json.loads(body)) for seq, body in self._run("SELECT seq, body FROM deliveries ORDER BY seq")]

    def count_deliveries(self, session_id: str) -> int:
        return int(self._run("SELECT count(*) FROM deliveries WHERE session_id = ?", session_id)[0][0])

    def count_timers(self, session_id: str) -> int:
        sql = "SELECT count(*) FROM timers JOIN calls ON calls.id = timers.call_id WHERE session_id = ?"
        return int(self._run(sql, session_id)[0][0])

    def drop_delivery(self, seq: int) -> None:
        self._run("DELETE FROM deliveries WHERE seq = ?", seq)

    # command ids and the ledger

    def remember_command(self, scope: str, command_id: str, at: float, answer: JsonObject) -> None:
        self._run("INSERT OR REPLACE INTO commands VALUES (?, ?, ?, ?)", scope, command_id, at, json.dumps(answer))

    def remembered_command(self, scope: str, command_id: str, since: float) -> JsonObject | None:
        sql = "SELECT answer FROM commands WHERE scope = ? AND command_id = ? AND at > ?"
        rows = self._run(sql, scope, command_id, since)
        return json.loads(rows[0][0]) if rows else None

    def enter(self, kind: str, body: JsonObject) -> None:
        """Write one line into the ledger."""
        with self.transaction():
            self._run("INSERT INTO ledger (kind, body) VALUES (?, ?)", kind, json.dumps(body))
            self._entered += 1
            seq = int(self._run("SELECT last_insert_rowid()")[0][0])
            if seq % 500 == 0:
                old = "SELECT seq FROM ledger WHERE kind = ? ORDER BY seq DESC LIMIT 1 OFFSET ?"
                self._run(f"DELETE FROM ledger WHERE kind = ? AND seq <= ({old})", kind, kind, LEDGER_LENGTH)  # noqa: S608

    def entries(self, kind: str) -> list[JsonObject]:
        """Return the newest ``LEDGER_LENGTH`` lines of one kind, oldest first."""
        sql = "SELECT body FROM (SELECT seq, body FROM ledger WHERE kind = ? ORDER BY seq DESC LIMIT ?) ORDER BY seq"
        return [json.loads(body) for (body,) in self._run(sql, kind, LEDGER_LENGTH)]

    def lines(self, kind: str, since: int) -> list[tuple[int, JsonObject]]:
        """Return (number, line) of the newest ``LEDGER_LENGTH`` lines of one kind after that number, oldest first."""
        sql = "SELECT seq, body FROM ledger WHERE kind = ? AND seq > ? ORDER BY seq DESC LIMIT ?"
        return [(seq, json.loads(body)) for seq, body in self._run(sql, kind, since, LEDGER_LENGTH)][::-1]

    # everything at once

    def dump(self) -> JsonObject:
        """Return every row of every table."""
        with self._lock:
            return {table: [list(row) for row in self._run(f"SELECT * FROM {table}")] for table in _TABLES}  # noqa: S608

    def load(self, rows: JsonObject) -> None:
        """Have these rows, and no others; within a transaction. ``sqlite3.Error`` when they are none of ours."""
        self.clear()
        for table in _TABLES:
            for row in rows.get(table, []):
                self._run(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", *row)  # noqa: S608  our own names

    def _run(self, sql: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def _prepare(self, empty: bool) -> None:
        (version,) = self._run("PRAGMA user_version")[0]
        if version == _VERSION and not empty:
            return
        if version == 1 and not empty:  # it lacks one table: what people made in it stays
            self._run(_OBJECTS)
            self._run(f"PRAGMA user_version = {_VERSION}")
            return
        for table in _TABLES:
            self._run(f"DROP TABLE IF EXISTS {table}")
        for statement in _SCHEMA.split(";\n"):
            self._run(statement)
        self._run(_OBJECTS)
        self._run(f"PRAGMA user_version = {_VERSION}")
