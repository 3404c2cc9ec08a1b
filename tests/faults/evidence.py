"""What is left after a run: rows, the client's memory, the sandbox's ledger, logs. ``checker`` judges it."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tests.faults.child import wait_until
from tests.faults.client import CALLED, CANARY, Client, Sent
from tests.faults.processes import Line, Portal

Row = dict[str, Any]

_EVENTS = """SELECT id, dedupe_key, event_id, event_type, source, status, occurred_at, received_at, known_since,
    processed_at, call_control_id, call_leg_id, call_session_id, connection_id, call_id, body, payload, error, attempts,
    lease_until
    FROM voice_callevent WHERE account_id = %s ORDER BY received_at"""
_CALLS = "SELECT * FROM voice_call WHERE account_id = %s"
_COMMANDS = "SELECT * FROM voice_callcommand WHERE account_id = %s ORDER BY created_at, sequence"


@dataclass
class Evidence:
    """All that the checker looks at. Times of rows are aware datetimes, those of the ledger are read to such."""

    history: list[Sent] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    calls: list[Row] = field(default_factory=list)
    commands: list[Row] = field(default_factory=list)
    ledger: list[Row] = field(default_factory=list)  # the sandbox's "commands"
    logs: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)


def gather(portal: Portal, *clients: Client) -> Evidence:
    """Everything there is about the lines of these clients, as it stands now."""
    found = Evidence(history=[sent for client in clients for sent in client.history], logs=portal.logs())
    found.secrets, found.numbers = portal.secrets(), [CANARY, CALLED]
    with portal.connect() as database, database.cursor(row_factory=dict_row) as cursor:
        for line in {client.line for client in clients}:
            for kind, query in (("events", _EVENTS), ("calls", _CALLS), ("commands", _COMMANDS)):
                getattr(found, kind).extend(cursor.execute(query, (line.account,)).fetchall())
    # by application: the sandbox is one account of Telnyx's, and a recovery may bring calls of other lines as well
    ours = {client.line.connection_id for client in clients}
    legs = {row["call_control_id"] for row in found.events if row["connection_id"] in ours} - {""}
    found.ledger = [one for one in portal.telnyx.ledger()["commands"] if one["call_control_id"] in legs]
    return found


def owed(portal: Portal, line: Line) -> int:
    """Events and commands of the line that are not in a final state."""
    with portal.connect() as database:
        row = database.execute(
            """SELECT (SELECT count(*) FROM voice_callevent WHERE account_id = %(id)s AND status = 'received')
            + (SELECT count(*) FROM voice_callcommand WHERE account_id = %(id)s AND status IN ('queued', 'sending'))""",
            {"id": line.account},
        ).fetchone()
    return int(row[0])


def owed_ids(portal: Portal, line: Line) -> dict[str, list[str]]:
    """The same by the task that does it."""
    with portal.connect() as database:
        events = database.execute(
            "SELECT id FROM voice_callevent WHERE account_id = %s AND status = 'received'", (line.account,)
        ).fetchall()
        commands = database.execute(
            "SELECT id FROM voice_callcommand WHERE account_id = %s AND status = 'queued'", (line.account,)
        ).fetchall()
    return {
        "voice.process_event": [str(row[0]) for row in events],
        "voice.send_command": [str(row[0]) for row in commands],
    }


def settle(portal: Portal, *clients: Client, seconds: float = 300) -> Evidence:
    """Wait until nothing is owed any more, at most so long; the evidence as it is then."""
    lines = {client.line for client in clients}
    try:
        wait_until(lambda: not any(owed(portal, line) for line in lines), "end of what is owed", seconds, 0.2)
    except AssertionError:
        pass  # the checker says what is left over, and how
    time.sleep(0.2)
    return gather(portal, *clients)


def make_older(portal: Portal, line: Line, seconds: float) -> None:
    """Move whatever is owed on the line so far into the past, as if that time had gone by. No sender may be at it.

    When an event came stays: a worker may be at it, or its call have been told by it already how late that was.
    """
    by = timedelta(seconds=seconds)
    with portal.connect() as database:
        database.execute(
            """UPDATE voice_callevent SET lease_until = lease_until - %s
            WHERE account_id = %s AND status = 'received'""",
            (by, line.account),
        )
        rows = database.execute(
            "SELECT id, attempts FROM voice_callcommand WHERE account_id = %s AND status IN ('queued', 'sending')",
            (line.account,),
        ).fetchall()
        for id, attempts in rows:
            older = [one | {"at": (moment(one["at"]) - by).isoformat()} for one in attempts]
            database.execute(
                """UPDATE voice_callcommand SET lease_until = lease_until - %(by)s, expires_at = expires_at - %(by)s,
                first_sent_at = first_sent_at - %(by)s, attempts = %(attempts)s WHERE id = %(id)s""",
                {"by": by, "attempts": Jsonb(older), "id": id},
            )


def moment(text: str) -> datetime:
    """A time of the ledger or of an attempt."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
