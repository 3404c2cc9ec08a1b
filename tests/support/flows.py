"""Flows as REST takes them."""

from typing import Any

from rest_framework.test import APIClient

from tests.support.factories import CONNECTION
from tests.support.rest import FLOWS

# The interface page's example
EXAMPLE: dict[str, Any] = {
    "name": "greeting",
    "account": "main",
    "connection_id": CONNECTION,
    "active": True,
    "rules": [
        {
            "event_type": "call.initiated",
            "when": [{"field": "event.payload.direction", "op": "eq", "value": "incoming"}],
            "do": [{"action": "answer", "parameters": {}}],
            "step": "menu",
            "stop": True,
        },
        {
            "event_type": "call.gather.ended",
            "when": [
                {"field": "event.payload.digits", "op": "eq", "value": "1"},
                {"field": "call.step", "op": "eq", "value": "menu"},
            ],
            "do": [{"action": "transfer", "parameters": {"to": "{{ event.payload.from }}"}}],
            "step": "transferred",
            "stop": True,
        },
    ],
}


def make(api: APIClient, **changes: Any) -> Any:
    return api.post(FLOWS, EXAMPLE | changes, format="json")


def one_rule(**members: Any) -> list[dict[str, Any]]:
    return [{"event_type": "call.initiated", "do": [{"action": "answer"}]} | members]
