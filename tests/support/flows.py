"""Flows as REST takes them, and as a page sends them."""

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


def flow_form(*rules: dict[str, str], known: int = 0, **values: str) -> dict[str, str]:
    """What a browser sends for a flow and its rules."""
    sent = {"rules-TOTAL_FORMS": str(len(rules)), "rules-INITIAL_FORMS": str(known)}
    for at, rule in enumerate(rules):
        blank = {"position": str(at), "event_type": "call.initiated", "direction": "incoming", "step": "", "stop": "on"}
        sent |= {f"rules-{at}-{name}": value for name, value in ({"when": "", "do": ""} | blank | rule).items()}
    return {"name": "greeting", "active": "on"} | values | sent
