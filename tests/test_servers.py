"""The portal on PostgreSQL with a real broker: a whole call through real processes. Skipped where neither is given."""

import json
import os
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from kombu import Connection

from tests.support.portal_processes import Portal

DATABASE, BROKER = os.environ.get("DATABASE_URL", ""), os.environ.get("CELERY_BROKER_URL", "")
pytestmark = [pytest.mark.servers, pytest.mark.long]


@pytest.fixture
def fresh_database() -> Iterator[str]:
    """An empty database of its own beside the given one."""
    if not DATABASE.startswith("postgres") or not BROKER:
        if os.environ.get("REQUIRE_SERVERS"):
            pytest.fail("DATABASE_URL (PostgreSQL) and CELERY_BROKER_URL must be set here")
        pytest.skip("needs DATABASE_URL (PostgreSQL) and CELERY_BROKER_URL")
    name = f"portal_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(DATABASE, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            yield f"{DATABASE.rpartition('/')[0]}/{name}"
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def own_broker() -> Iterator[str]:
    """A virtual host would need rights: queues of the default one, which nobody else uses meanwhile, emptied after."""
    with Connection(BROKER) as broker:
        broker.ensure_connection(max_retries=1, timeout=30)
        yield BROKER
        for queue in ("events", "commands"):
            broker.SimpleQueue(queue).queue.delete()


def get(portal: Portal, token: str, path: str) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{portal.port}{path}", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def test_a_whole_call_runs_on_postgresql_with_a_broker(tmp_path: Path, fresh_database: str, own_broker: str) -> None:
    portal = Portal(tmp_path)
    portal.environment |= {"DATABASE_URL": fresh_database, "CELERY_BROKER_URL": own_broker}
    with portal.started(sys.executable, "manage.py", "start"):
        portal.run("manage.py", "sandbox_call", "ivr")
        token = portal.run("manage.py", "create_token", "admin").strip()
        calls = get(portal, token, "/api/v1/calls/")["results"]
        assert {call["state"] for call in calls} == {"ended"}
        (session,) = {call["call_session_id"] for call in calls}
        legs = get(portal, token, f"/api/v1/sessions/{session}/")["calls"]
        assert [leg["direction"] for leg in legs] == ["incoming", "outgoing"]
        commands = get(portal, token, "/api/v1/commands/")["results"]
        assert [(row["action"], row["status"]) for row in reversed(commands)] == [
            ("answer", "ok"),
            ("gather_using_speak", "ok"),
            ("transfer", "ok"),
        ]
        assert get(portal, token, "/readyz")["heartbeats_seconds_ago"].keys() >= {"sweep"}
