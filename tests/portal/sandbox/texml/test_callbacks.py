"""Callbacks come as signed forms, in order, numbered, to the address of the request or of the application."""

import json
import time
from typing import Any

import pytest
import telnyx

from portal import signatures
from portal.sandbox.resources.audit import ORGANIZATION, OWNER
from portal.sandbox.server.server import Sandbox
from tests.support.polling import eventually
from tests.support.sandbox_http import Http
from tests.support.sandbox_texml import FORM, FROM, TO, Account, forms, make_texml_application, wait_form
from tests.support.webhook_receiver import Receiver

EVERY = "initiated ringing answered completed"
COMMON = {"AccountSid", "CallSid", "CallSidLegacy", "ConnectionId", "From", "To"}
PROGRESS = COMMON | {"CallStatus", "CallbackSource", "SequenceNumber", "Timestamp", "CallInitiatedAt", "CallerId"}


def told(receiver: Receiver, sid: str) -> list[tuple[str, str]]:
    """(SequenceNumber, CallStatus) of all that was told of a call's progress, as it came."""
    progress = forms(receiver, CallSid=sid, CallbackSource="call-progress-events")
    return [(hook.body["SequenceNumber"], hook.body["CallStatus"]) for hook in progress]


def test_the_progress_of_a_call_is_told_in_order(account: Account, receiver: Receiver) -> None:
    sid = account.dial(StatusCallback=f"{receiver.origin}/own", StatusCallbackEvent=EVERY)
    account.http.end(sid)
    assert told(receiver, sid) == [("0", "initiated"), ("1", "ringing"), ("2", "in-progress"), ("3", "completed")]
    assert {hook.path for hook in forms(receiver, CallSid=sid, CallbackSource="call-progress-events")} == {"/own"}


def test_each_is_a_form_signed_as_telnyx_signs(account: Account, receiver: Receiver, sandbox: Sandbox) -> None:
    account.http.end(account.dial())
    assert receiver.hooks
    for hook in receiver.hooks:
        signatures.verify(hook.headers, hook.raw, [sandbox.public_key], time.time())
        assert hook.headers["Content-Type"] == FORM
        assert hook.headers["User-Agent"] == "telnyx-webhooks"


def test_a_callback_of_progress_has_the_documented_fields(account: Account, receiver: Receiver) -> None:
    sid = account.dial()
    account.http.end(sid)
    initiated = wait_form(receiver, CallSid=sid, CallStatus="initiated")
    assert set(initiated) == PROGRESS
    assert (initiated["AccountSid"], initiated["ConnectionId"]) == (OWNER.id, account.application.id)
    assert (initiated["From"], initiated["To"], initiated["CallSidLegacy"]) == (FROM, TO, sid)
    ended = wait_form(receiver, CallSid=sid, CallStatus="completed")
    assert set(ended) == PROGRESS | {
        *("CallDuration", "AnsweredTime", "EndTime", "OccurredAt", "HangupCause", "HangupSource", "CallControlId"),
        *("CallLegId", "CallSessionId", "OrganizationId", "CallQualityStats", "SipHangupCause"),
    }
    assert (ended["HangupCause"], ended["HangupSource"]) == ("normal_clearing", "callee")
    assert ended["SipHangupCause"] == "200"
    assert ended["OrganizationId"] == ORGANIZATION
    assert set(json.loads(ended["CallQualityStats"])) == {"inbound", "outbound"}


def test_only_the_end_is_told_unless_more_is_asked_for(account: Account, receiver: Receiver) -> None:
    sid = account.dial(StatusCallback=f"{receiver.origin}/own")
    account.http.end(sid)
    assert told(receiver, sid) == [("3", "completed")]


def test_the_application_is_told_what_the_request_has_no_address_for(account: Account, receiver: Receiver) -> None:
    sid = account.dial()
    account.http.end(sid)
    progress = forms(receiver, CallSid=sid, CallbackSource="call-progress-events")
    assert [hook.path for hook in progress] == ["/status"] * 4


def test_of_a_supervising_leg_nothing_is_told(account: Account, receiver: Receiver, talking: str) -> None:
    sid = account.dial(SuperviseCallSid=talking, StatusCallback=f"{receiver.origin}/own")
    account.http.end(sid)
    assert told(receiver, sid) == []


@pytest.mark.parametrize(
    ("digits", "status", "cause", "more"),
    [
        ("0002", "busy", "user_busy", {}),
        ("0003", "no-answer", "timeout", {}),
        ("0004", "failed", "call_rejected", {}),
        ("9113", "failed", "call_rejected", {"ErrorCode": "D13"}),
    ],
)
def test_how_a_call_ended_is_told(
    account: Account, receiver: Receiver, digits: str, status: str, cause: str, more: dict[str, str]
) -> None:
    sid = account.dial(f"+1312555{digits}")
    ended = wait_form(receiver, CallSid=sid, HangupCause=cause)
    assert (ended["CallStatus"], ended["CallDuration"]) == (status, "0")
    assert more.items() <= ended.items()
    assert "AnsweredTime" not in ended
    assert account("GET", f"Calls/{sid}")[1]["status"] == status


def test_a_callback_by_get_has_its_fields_in_the_query(account: Account, receiver: Receiver, sandbox: Sandbox) -> None:
    sid = account.dial(StatusCallback=f"{receiver.origin}/own?a=b", StatusCallbackMethod="GET")
    account.http.end(sid)
    (hook,) = [hook for hook in receiver.hooks if hook.path.startswith("/own")]
    assert hook.path.startswith("/own?a=b&AccountSid=")
    assert hook.raw == b""
    signatures.verify(hook.headers, b"", [sandbox.public_key], time.time())


def test_what_is_not_taken_goes_to_the_fallback(sdk: telnyx.Telnyx, http: Http, receiver: Receiver) -> None:
    application = make_texml_application(sdk, receiver, voice_fallback_url=f"{receiver.origin}/fallback")
    receiver.statuses = [500, 503]
    sid = Account(http, application).dial()
    eventually(lambda: len(forms(receiver, CallSid=sid, CallStatus="initiated")) == 3)
    assert [hook.path for hook in forms(receiver, CallSid=sid, CallStatus="initiated")] == [
        *("/status", "/status", "/fallback")
    ]


def test_the_cost_is_told_where_it_was_asked_for(sdk: telnyx.Telnyx, http: Http, receiver: Receiver) -> None:
    account = Account(http, make_texml_application(sdk, receiver, call_cost_in_webhooks=True))
    sid = account.dial()
    http.end(sid)
    cost = wait_form(receiver, CallSid=sid, CallbackSource="call-cost-events")
    assert float(cost[f"CallCost[{sid}]"]) == float(account("GET", f"Calls/{sid}")[1]["price"])
    assert receiver.hooks[-1].body == cost


@pytest.mark.parametrize(
    ("digits", "body", "answered_by", "told_by_rest"),
    [
        ("0001", {"MachineDetection": "Enable"}, ["human"], "human"),
        ("0005", {"MachineDetection": "Enable"}, ["machine_start"], "machine"),
        ("0005", {"MachineDetection": "DetectMessageEnd"}, ["machine_end_beep"], "machine"),
        ("0005", {"MachineDetection": "DetectMessageEnd", "DetectionMode": "Premium"}, ["machine_end_beep"], "machine"),
        ("0007", {"MachineDetection": "Enable"}, ["unknown"], "not_sure"),
        ("0007", {"MachineDetection": "Enable", "DetectionMode": "Premium"}, ["fax"], "not_sure"),
        ("0001", {"MachineDetection": "Disable"}, [], None),
    ],
)
def test_who_answered_is_told(
    account: Account,
    receiver: Receiver,
    digits: str,
    body: dict[str, Any],
    answered_by: list[str],
    told_by_rest: str | None,
) -> None:
    sid = account.dial(f"+1312555{digits}", AsyncAmdStatusCallback=f"{receiver.origin}/amd", **body)
    account.http.end(sid)
    amd = [hook.body for hook in receiver.hooks if hook.path == "/amd"]
    assert [form["AnsweredBy"] for form in amd] == answered_by
    assert all(int(form["MachineDetectionDuration"]) >= 0 for form in amd)
    assert account("GET", f"Calls/{sid}")[1].get("answered_by") == told_by_rest


def test_who_answered_is_told_among_the_events_if_asked_for(account: Account, receiver: Receiver) -> None:
    more = {"StatusCallback": f"{receiver.origin}/own", "StatusCallbackEvent": "amd", "MachineDetection": "Enable"}
    sid = account.dial(**more)
    account.http.end(sid)
    assert [hook.body["AnsweredBy"] for hook in receiver.hooks if hook.path == "/own"] == ["human"]


def test_the_conversation_of_an_ai_call_is_told(account: Account, receiver: Receiver) -> None:
    body = {"From": FROM, "To": TO, "AIAssistantId": "one", "ConversationCallback": f"{receiver.origin}/talk"}
    sid = account.http("POST", f"/v2/texml/ai_calls/{account.application.id}", body)[1]["call_sid"]
    account.http.end(sid)
    talk = [hook.body["ConversationEvent"] for hook in receiver.hooks if hook.path == "/talk"]
    assert talk == ["conversation_created", "conversation_ended"]


def test_call_events_tell_of_texml_when_asked_for(account: Account, sdk: telnyx.Telnyx) -> None:
    sid = account.dial()
    leg = account.http.end(sid)["call_leg_id"]
    names = [event.name for event in sdk.call_events.list(filter={"product": "texml", "leg_id": leg})]
    assert names[0] == "texml.call.completed"
    assert names[-1] in ("dial", "texml.call.initiated")
    assert list(sdk.call_events.list(filter={"leg_id": leg})) == []
    assert list(sdk.webhook_deliveries.list()) == []


@pytest.mark.parametrize("fault", ["drop", "duplicate"])
def test_faults_strike_them_by_name(account: Account, receiver: Receiver, fault: str) -> None:
    account.http.fault(fault, path="texml.call.ringing")
    sid = account.dial()
    account.http.end(sid)
    eventually(lambda: len(told(receiver, sid)) == (3 if fault == "drop" else 5))
    assert told(receiver, sid).count(("1", "ringing")) == (0 if fault == "drop" else 2)
