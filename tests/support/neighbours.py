"""A second account beside the one of a test, and a second call: so that a filter that is missing shows.

Telnyx's ids are unique in the world; here the neighbour has the same ones on purpose. Its rows are done with, so that
nobody works on them: they are only there to be left alone. It has no application of the same id, since an event of
that would be kept out as not the test's own.
"""

import base64
import uuid
from datetime import timedelta
from functools import cache
from typing import Any

from django.utils import timezone
from nacl.signing import SigningKey
from simple_history.utils import bulk_create_with_history

from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.factories import CONNECTION, FROM, TO, make_call
from tests.support.rows import BYSTANDER, NEIGHBOUR
from voice.flows.rules import problems
from voice.models import Call, CallCommand, CallEvent, Conference, ConferenceParticipant, Flow, Limits, Rule

ROOM = "428c31b6-abf3-3bc1-b7f4-5013ef9657c1"  # as tests.support.conferences has it
_KEY = SigningKey(b"a signing key of the neighbour!!")


def make_neighbour() -> TelnyxAccount:
    """The account with a call that is being talked on, a conference, a flow, and limits that let nobody through."""
    account = make_account(NEIGHBOUR, public_key=base64.b64encode(bytes(_KEY.verify_key)).decode())
    at = timezone.now() - timedelta(hours=1)
    call = make_call(account, started_at=at, answered_at=at, direction="outgoing", step="next door")
    _flow(account)
    room = Conference.objects.create(account=account, conference_id=ROOM, name="next door", started_at=at)
    ConferenceParticipant.objects.create(conference=room, call_control_id=call.call_control_id, call=call, joined_at=at)
    for event_type in ("call.initiated", "call.answered", "call.speak.started"):
        _event(call, event_type, None)
    _event(call, "conference.participant.joined", room)
    dial = {"connection_id": CONNECTION, "from": FROM, "to": TO}
    _command(call, "dial", dial, dials=1, counted_at=timezone.now())
    _command(call, "speak", {"payload": "next door", "voice": "female"})
    Limits.objects.create(account=account, dials_per_minute=1, dials_per_day=1, concurrent_calls=1, allow_sip=False)
    return account


def make_bystander(account: TelnyxAccount) -> Call:
    """A call of ``account`` that has ended, of the same numbers: what is about one call is not about this one."""
    at = timezone.now() - timedelta(minutes=30)
    told = {"call_control_id": BYSTANDER, "call_session_id": "", "connection_id": "bystander", "state": "ended"}
    call = make_call(account, "bystander", started_at=at, ended_at=at, **told)
    for event_type in ("call.initiated", "call.answered", "call.speak.started", "call.hangup"):
        _event(call, event_type, None)
    _command(call, "speak", {"payload": "bystander", "voice": "female"})
    _command(call, "hangup", {})
    CallCommand.objects.filter(call=call, action="hangup").update(status="refused", error="for the bystander")
    return call


def _flow(account: TelnyxAccount) -> None:
    """It would hang up on everybody."""
    flow = Flow.objects.create(account=account, connection_id=CONNECTION, name="next door")
    rules = [Rule(flow=flow, position=position, **told) for position, told in enumerate(_rules())]
    bulk_create_with_history(rules, Rule)  # beside most tests: rule by rule would be the most of this module's time


@cache
def _rules() -> list[dict[str, Any]]:
    types = ("call.initiated", "call.answered", "call.hangup", "call.gather.ended", "call.dtmf.received")
    rules = [{"event_type": one, "direction": "any", "do": [{"action": "hangup"}]} for one in types]
    assert not any(problems(rule) for rule in rules)
    return rules


def _event(call: Call, event_type: str, room: Conference | None) -> None:
    at = timezone.now() - timedelta(seconds=30)
    key = str(uuid.uuid4())
    CallEvent.objects.create(
        account=call.account,
        dedupe_key=key,
        event_id=key,
        event_type=event_type,
        source="webhook",
        status="processed",
        occurred_at=at,
        received_at=at,
        processed_at=at,
        call=call,
        conference=room,
        call_control_id=call.call_control_id,
        call_leg_id=call.call_leg_id,
        call_session_id=call.call_session_id,
        connection_id=call.connection_id,
        body=b"{}",
        payload={"from": FROM, "to": TO},
    )


def _command(call: Call, action: str, parameters: dict[str, Any], **columns: Any) -> None:
    at = timezone.now() - timedelta(seconds=40)
    CallCommand.objects.create(
        account=call.account,
        call=call,
        call_control_id=call.call_control_id,
        action=action,
        parameters=parameters,
        status="ok",
        intent_key=f"{call.pk}: {action}",
        requested_by="next door",
        created_at=at,
        expires_at=at + timedelta(seconds=30),
        first_sent_at=at,
        finished_at=at,
        **columns,
    )
