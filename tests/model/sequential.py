"""Plays all that Telnyx told once more, in order, by one process, for another account: its calls are to be the same."""

import json
from datetime import timedelta

from tests.model.clock import BEGIN
from tests.model.telnyx import Webhook
from tests.model.world import World, call_application
from tests.support.accounts import make_account
from voice.events import intake, processing
from voice.models import Call

_COLUMNS = (
    *("call_leg_id", "call_session_id", "connection_id", "direction", "from_number", "to_number", "state"),
    *("started_at", "answered_at", "bridged_at", "ended_at", "hangup_cause", "client_state", "has_recording"),
)


def differences_to_a_sequential_run(world: World) -> list[str]:
    account = make_account("sequential")
    call_application(account)
    for webhook in world.telnyx.webhooks:
        body = json.dumps({"data": webhook.data, "meta": {"attempt": 1}}).encode()
        event, _ = intake.record(account, "webhook", {}, body, BEGIN + timedelta(seconds=webhook.at))
        processing.process(event.pk)
    mine = {call.call_control_id: call for call in Call.objects.filter(account=world.account)}
    begun = {one.data["payload"].get("call_control_id") for one in world.telnyx.webhooks if _begins(one)}
    found = []
    for there in Call.objects.filter(account=account, call_control_id__in=begun):
        here = mine.get(there.call_control_id)
        names = [name for name in _COLUMNS if here is None or getattr(here, name) != getattr(there, name)]
        if names:
            found.append(f"a call differs from that of the sequential run in {', '.join(names)}")
    return found


def _begins(webhook: Webhook) -> bool:
    """Tell whether the call is one that the history began; the others were there before."""
    return bool(webhook.data["event_type"] == "call.initiated")
