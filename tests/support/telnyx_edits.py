"""Somebody changes an application at Telnyx by name, and the reasons that its history gives."""

from typing import Any

from applications.kinds import Kind
from portal.sandbox.resources import editing
from portal.sandbox.server.server import Sandbox
from tests.support.applications import CALL_CONTROL


def edited(sandbox: Sandbox, row: Any, changes: Any, user: str = "ada@example.com", kind: Kind = CALL_CONTROL) -> None:
    with sandbox.exchange.transaction():
        body = {"resource": kind.resource, "id": row.telnyx_id, "changes": changes, "user": user}
        editing.edit(sandbox.exchange, body)


def reasons(row: Any) -> list[str]:
    return [entry.history_change_reason for entry in row.history.all()]
