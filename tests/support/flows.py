"""Flows as REST takes them, and as a page sends them."""

from typing import Any

from rest_framework.test import APIClient

from tests.support.factories import CONNECTION
from tests.support.rest import FLOWS
from tests.support.rows import Flow

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


def flow_form(*rules: dict[str, str], known: int = 0, of: Flow | None = None, **values: str) -> dict[str, str]:
    """What a browser sends for a flow and its rules; for the flow ``of`` as it is now, if it is there already."""
    seen = of.history.latest().history_id if of else ""  # type: ignore[attr-defined]
    sent = {"rules-TOTAL_FORMS": str(len(rules)), "rules-INITIAL_FORMS": str(known)}
    for at, rule in enumerate(rules):
        blank = {"position": str(at), "event_type": "call.initiated", "direction": "incoming", "step": "", "stop": "on"}
        sent |= {f"rules-{at}-{name}": value for name, value in ({"when": "", "do": ""} | blank | rule).items()}
    return {"name": "greeting", "active": "on", "seen": str(seen)} | values | sent


def as_drawn(page: Any) -> dict[str, str]:
    """What a browser would send of a flow's page that somebody has only looked at."""
    (rules,) = (inline.formset for inline in page.context["inline_admin_formsets"])
    fields = [field for form in (page.context["adminform"].form, rules.management_form, *rules.forms) for field in form]
    values = {field.html_name: field.value() for field in fields}
    told = {name: value for name, value in values.items() if value is not None and value is not False}
    return {name: "on" if value is True else str(value) for name, value in told.items()}
