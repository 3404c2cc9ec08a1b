"""What the floors insert: rows as the portal wrote them, in its own tables; and what the database says of itself."""

import json
import uuid
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from benchmarks import scratch, stage
from portal.models import TelnyxAccount
from tests.support.factories import make_event, make_flow
from voice.events import intake, processing
from voice.models import CallCommand, CallEvent

_FOR_EVER = "2999-01-01 00:00:00+00:00"


def environment(telnyx_port: int = 9) -> dict[str, str]:
    """What the bare functions are told: an event just received, and the command that a rule made of it.

    Both are as rows that are owed, but leased for ever: no worker that runs beside is to take them up.
    """
    account = stage.make_account(f"bench-bare-{uuid.uuid4().hex[:8]}")
    make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
    body = json.dumps(make_event(leg=uuid.uuid4().hex)).encode()
    event = intake.record(account, "webhook", _headers(account), body, timezone.now())[0]
    rows = {"postgres": connection.vendor == "postgresql", "event": _copy(CallEvent, event.pk)}
    processing.process(event.pk)
    command = CallCommand.objects.get(account=account)
    rows["command"] = _copy(CallCommand, command.pk)
    return {
        "BARE_PUBLIC_KEY": stage.PUBLIC_KEY,
        "BARE_TELNYX_PORT": str(telnyx_port),
        "BARE_DATABASE": scratch.url() or str(settings.DATABASES["default"]["NAME"]),
        "BARE_ROWS": json.dumps(rows, default=str),
    }


def _headers(account: TelnyxAccount) -> dict[str, str]:
    lines = stage.webhook(stage.path_of(account)).partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return dict(line.split(": ", 1) for line in lines)


def _copy(model: Any, identifier: uuid.UUID) -> dict[str, Any]:
    """The statement that inserts a row of this table, and its columns with the values of that row."""
    table, names = model._meta.db_table, [field.column for field in model._meta.concrete_fields]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(map(_quoted, names))} FROM {table} WHERE id = %s",
            [identifier if connection.vendor == "postgresql" else identifier.hex],
        )
        row = cursor.fetchone()
    values = [[name, _plain(value)] for name, value in zip(names, row, strict=True)]
    values = [[name, _FOR_EVER if name == "lease_until" else value] for name, value in values]
    marks = ", ".join(["%s" if connection.vendor == "postgresql" else "?"] * len(names))
    return {
        "sql": f"INSERT INTO {table} ({', '.join(map(_quoted, names))}) VALUES ({marks}) ON CONFLICT DO NOTHING",
        "values": values,
    }


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else None if isinstance(value, memoryview) else value


def _quoted(name: str) -> str:
    return f'"{name}"'


def clear() -> None:
    """Take away what the floors inserted: the sweep of another benchmark would look at all of it again and again."""
    CallCommand.objects.filter(account__name__startswith="bench-bare-").delete()
    CallEvent.objects.filter(account__name__startswith="bench-bare-").delete()


def wal() -> int:
    """Bytes of write-ahead log so far, of the whole server; 0 on SQLite."""
    return _one("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn") if connection.vendor == "postgresql" else 0


def backends() -> list[int]:
    """The processes that serve this database, if the server is on this machine."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return [number for (number,) in cursor.fetchall()]


def _one(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.fetchone()[0])
