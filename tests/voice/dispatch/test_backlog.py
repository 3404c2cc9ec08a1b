"""A backlog costs the call that comes now nothing: PostgreSQL reads none of it, whatever its statistics say."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.factories import make_event, make_flow
from tests.support.rows import CallCommand
from voice.dispatch import ordering, sender
from voice.events import intake, processing

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite keeps no statistics by itself"),
]
BACKLOG = 300
MOST = 60  # rows that a statement reads in vain; the backlog is five times as many


def receive(
    account: TelnyxAccount, count: int, name: str = "call.initiated", legs: list[str] | None = None
) -> list[Any]:
    """Store so many events, of calls of their own or of these, none of them processed."""
    stored = []
    for leg in legs or [uuid.uuid4().hex for _ in range(count)]:
        body = json.dumps(make_event(name, 0 if name == "call.initiated" else 1, leg=leg)).encode()
        stored.append(intake.record(account, "webhook", {}, body, timezone.now())[0].pk)
    return stored


@contextmanager
def reading() -> Iterator[dict[str, int]]:
    """How many rows each statement read and did not use, by its text. It is undone, and then executed as it came."""
    found: dict[str, int] = {}
    is_ours = False

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal is_ours
        if not is_ours and sql.lstrip().startswith(("SELECT", "UPDATE", "INSERT")):
            is_ours = True
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
                told = cursor.fetchone()[0]
                transaction.set_rollback(True)
            is_ours = False
            found[sql] = _removed(told[0]["Plan"])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        yield found


def _removed(plan: dict[str, Any]) -> int:
    mine = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
    return int(mine) + sum(_removed(one) for one in plan.get("Plans", ()))


@pytest.fixture
def busy(account: TelnyxAccount) -> TelnyxAccount:
    """An account whose tables were counted while nothing was owed, and to which then all came at once."""
    make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
    list(processing.process_all(receive(account, BACKLOG)))
    CallCommand.objects.update(status="ok")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return account


def test_a_call_that_comes_reads_none_of_the_events_that_wait(busy: TelnyxAccount) -> None:
    mine, *_ = receive(busy, BACKLOG)
    with reading() as found:
        following = processing.process(mine, sends=True)
    assert following.begun is not None
    assert len(found) > 5
    assert max(found.values()) < MOST, max(found, key=lambda sql: found[sql])


def test_a_command_that_goes_reads_none_of_the_commands_that_wait(busy: TelnyxAccount) -> None:
    list(processing.process_all(receive(busy, BACKLOG)))
    command = CallCommand.objects.filter(status="queued").first()
    assert command is not None
    with reading() as found:
        claimed = sender._claim(command.pk)
        assert claimed is not None
        claimed.answer = {"result": "ok"}
        assert ordering.close_ok(claimed) is False
        assert ordering.next_free(claimed) == []
    assert len(found) > 4
    assert max(found.values()) < MOST, max(found, key=lambda sql: found[sql])
