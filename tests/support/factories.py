"""Events as Telnyx sends them, and rows, as plain functions."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from portal.models import TelnyxAccount
from voice.dispatch import sender
from voice.events import processing
from voice.flows.rules import problems
from voice.models import Call, Flow

FROM, TO = "+13125550101", "+13125550199"
CONNECTION = "1293384261075731499"


def make_event(
    event_type: str = "call.initiated", seconds: float = 0, leg: str = "a", **payload: Any
) -> dict[str, Any]:
    """The whole envelope. ``seconds`` after (or before) now it occurred; ``leg`` tells the call."""
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    told = {
        "call_control_id": f"v3:{leg}-leg",
        "call_leg_id": str(uuid.uuid5(uuid.NAMESPACE_URL, leg)),
        "call_session_id": str(uuid.uuid5(uuid.NAMESPACE_URL, "session")),
        "connection_id": CONNECTION,
        "client_state": None,
        "from": FROM,
        "to": TO,
    }
    if event_type == "call.initiated":
        told |= {"direction": "incoming", "state": "parked", "start_time": at.isoformat()}
    if event_type == "call.hangup":
        told |= {
            "hangup_cause": "normal_clearing",
            "hangup_source": "caller",
            "sip_hangup_cause": "200",
            "state": "hangup",
            "end_time": at.isoformat(),
        }
    data = {
        "record_type": "event",
        "event_type": event_type,
        "id": str(uuid.uuid4()),
        "occurred_at": at.isoformat().replace("+00:00", "Z"),
        "payload": told | payload,
    }
    return {"data": data, "meta": {"attempt": 1, "delivered_to": "https://portal.example/webhooks/"}}


def make_call(account: TelnyxAccount, leg: str = "a", **columns: Any) -> Call:
    """An incoming call that is being talked on, unless ``columns`` say otherwise."""
    number_from, number_to = columns.pop("from_number", FROM), columns.pop("to_number", TO)
    values = {
        "call_control_id": f"v3:{leg}-leg",
        "call_leg_id": str(uuid.uuid5(uuid.NAMESPACE_URL, leg)),
        "call_session_id": str(uuid.uuid5(uuid.NAMESPACE_URL, "session")),
        "connection_id": CONNECTION,
        "direction": "incoming",
        "state": "answered",
        "started_at": datetime.now(UTC) - timedelta(seconds=20),
        "answered_at": datetime.now(UTC) - timedelta(seconds=17),
        "from_number": number_from,
        "to_number": number_to,
        "from_reversed": number_from[::-1],
        "to_reversed": number_to[::-1],
    }
    return Call.objects.create(account=account, **(values | columns))


def make_flow(account: TelnyxAccount, *rules: dict[str, Any], connection_id: str = CONNECTION, **columns: Any) -> Flow:
    """An active flow; each rule must be one that the service would save."""
    flow = Flow.objects.create(account=account, connection_id=connection_id, **({"name": "greeting"} | columns))
    for position, rule in enumerate(rules):
        assert not problems(rule), problems(rule)
        flow.rules.create(position=position, **rule)
    return flow


def run_owed() -> None:
    """What the sweep does, in this thread: a test's own transaction cannot be seen from another."""
    while due := [
        *((processing.process, one) for one in processing.due(99)),
        *((sender.send, one) for one in sender.due(99)),
    ]:
        for work, identifier in due:
            work(identifier)
