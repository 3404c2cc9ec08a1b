"""A leg of a TeXML application fetches its document, and what its scenario has in place of one is played."""

from pathlib import Path
from typing import Any

import pytest
import telnyx

from portal.sandbox.server.server import Sandbox
from tests.support.sandbox_http import Http, refusal
from tests.support.sandbox_texml import Account, forms, make_texml_application, wait_form
from tests.support.webhook_receiver import Receiver


def order(receiver: Receiver) -> list[str]:
    """What was told, in the order in which it came."""
    words = ("DialCallStatus", "RecordingStatus", "TranscriptionStatus", "StatusCallbackEvent", "CallStatus")
    found = []
    for hook in receiver.hooks:
        form = hook.body
        if "ApiVersion" in form:
            found.append("fetch")
        elif form.get("CallbackSource") == "call-progress-events":
            found.append(("B " if "ParentCallSid" in form else "A ") + form["CallStatus"])
        elif form.get("CallbackSource") == "call-cost-events":
            found.append("cost")
        else:
            found.append(next(f"{word} {form[word]}" for word in words if word in form))
    return found


def test_an_incoming_call_is_answered_and_asks_for_its_document(account: Account, receiver: Receiver) -> None:
    sid = account.ring("answered")
    account.http.end(sid)
    assert order(receiver) == ["A initiated", "fetch", "A in-progress", "A completed"]
    fetch = wait_form(receiver, ApiVersion="2010-04-01")
    assert (fetch["CallSid"], fetch["Direction"], fetch["CallingPartyType"]) == (sid, "inbound", "pstn")
    assert fetch["FromSipUri"] == f"sip:{fetch['From']}@sip.telnyx.com"
    assert fetch["CallerId"] == fetch["From"]
    assert account("GET", f"Calls/{sid}")[1]["direction"] == "inbound"


def test_a_document_is_asked_for_by_the_applications_method(sdk: telnyx.Telnyx, http: Http, receiver: Receiver) -> None:
    account = Account(http, make_texml_application(sdk, receiver, voice_method="get"))
    http.end(account.ring("answered"))
    (hook,) = [hook for hook in receiver.hooks if hook.path.startswith("/voice")]
    assert "CallingPartyType=pstn" in hook.path


@pytest.mark.parametrize(
    ("more", "order_told"),
    [
        ({"MachineDetection": "Enable"}, ["/amd", "/voice"]),
        ({"MachineDetection": "DetectMessageEnd"}, ["/amd", "/voice"]),
        ({"MachineDetection": "Enable", "AsyncAmd": True}, ["/voice", "/amd"]),
    ],
)
def test_a_document_waits_until_it_is_known_who_answered(
    account: Account, receiver: Receiver, more: dict[str, Any], order_told: list[str]
) -> None:
    sid = account.dial("+13125550005", AsyncAmdStatusCallback=f"{receiver.origin}/amd", **more)
    account.http.end(sid)
    assert [hook.path for hook in receiver.hooks if hook.path != "/status"] == order_told


def test_a_document_that_is_not_there_is_asked_for_at_the_fallback(account: Account, receiver: Receiver) -> None:
    own = f"{receiver.origin}/own"
    receiver.react = lambda hook: receiver.statuses.append(404 if hook.path == "/own" else 200)
    sid = account.dial(Url=own, FallbackUrl=f"{receiver.origin}/fallback")
    account.http.end(sid)
    assert [hook.path for hook in forms(receiver, ApiVersion="2010-04-01")] == ["/own", "/fallback"]


def test_two_legs_are_one_session_recorded_and_ended_in_telnyxs_order(
    sdk: telnyx.Telnyx, http: Http, receiver: Receiver
) -> None:
    account = Account(http, make_texml_application(sdk, receiver, call_cost_in_webhooks=True))
    sid = account.ring("texml_dial")
    session = http.end(sid)
    parent, child = (leg["call_control_id"] for leg in session["legs"])
    assert parent == sid
    assert [one for one in order(receiver) if one not in ("cost", "RecordingStatus completed")] == [
        *("A initiated", "fetch", "A in-progress", "B initiated", "B ringing", "B in-progress"),
        *("RecordingStatus in-progress", "B completed", "DialCallStatus completed", "A completed"),
    ]
    assert sorted(order(receiver)[-3:]) == ["RecordingStatus completed", "cost", "cost"]
    assert {hook.body["ParentCallSid"] for hook in forms(receiver, CallSid=child) if "To" in hook.body} == {sid}
    ended = wait_form(receiver, CallSid=sid, CallStatus="completed")
    assert (ended["DialCallSid"], ended["DialCallStatus"]) == (child, "completed")
    assert ended["CallSessionId"] == wait_form(receiver, CallSid=child, CallStatus="completed")["CallSessionId"]
    recording = wait_form(receiver, CallSid=sid, RecordingStatus="completed")
    assert (recording["RecordingSource"], recording["RecordingChannels"]) == ("DialVerb", "2")


@pytest.mark.parametrize(("digits", "status"), [("0002", "busy"), ("0003", "no-answer")])
def test_a_second_leg_that_does_not_come_about_is_told_to_the_document(
    account: Account, receiver: Receiver, digits: str, status: str
) -> None:
    sid = account.ring("texml_dial", dials=f"+1312555{digits}")
    account.http.end(sid)
    assert wait_form(receiver, CallSid=sid, DialCallStatus=status)["DialCallDuration"] == "0"
    assert wait_form(receiver, CallSid=sid, CallStatus="completed")["DialCallStatus"] == status
    assert not any("RecordingSid" in hook.body for hook in receiver.hooks)


def test_a_second_leg_needs_a_channel(account: Account, receiver: Receiver) -> None:
    assert account.http("POST", "/sandbox/account", {"channel_limit": 0})[0] == 200
    sid = account.ring("texml_dial")
    account.http.end(sid)
    told = wait_form(receiver, CallSid=sid, CallStatus="completed")
    assert (told["DialCallStatus"], "DialCallSid" in told) == ("failed", False)
    assert not any("ParentCallSid" in hook.body for hook in receiver.hooks)


def test_a_caller_who_hangs_up_takes_the_second_leg_along(account: Account, receiver: Receiver) -> None:
    sid = account.ring("texml_dial")
    child = wait_form(receiver, ParentCallSid=sid, CallStatus="in-progress")["CallSid"]
    account("POST", f"Calls/{sid}", {"Status": "completed"})
    account.http.end(sid)
    assert wait_form(receiver, CallSid=child, CallStatus="completed")
    assert not forms(receiver, CallSid=sid, DialCallStatus="completed", CallStatus="in-progress")


def test_a_message_is_recorded_and_transcribed(account: Account, receiver: Receiver) -> None:
    sid = account.ring("texml_record")
    account.http.end(sid)
    assert order(receiver)[-3:] == ["A completed", "RecordingStatus completed", "TranscriptionStatus completed"]
    assert wait_form(receiver, TranscriptionStatus="completed")["CallStatus"] == "completed"


def test_a_caller_waits_in_a_queue(account: Account, receiver: Receiver) -> None:
    sid = account.ring("texml_queue")
    waiting = wait_form(receiver, QueueSid="support")
    assert (waiting["CallSid"], waiting["QueuePosition"], waiting["CurrentQueueSize"]) == (sid, "1", "1")
    assert account("GET", "Queues/support")[1]["current_size"] == 1
    account.http.end(sid)
    assert account("GET", "Queues/support")[1]["current_size"] == 0


def test_callers_meet_in_a_conference(account: Account, receiver: Receiver) -> None:
    account.http.end(account.ring("texml_conference"))
    events = [hook.body["StatusCallbackEvent"] for hook in receiver.hooks if "ConferenceSid" in hook.body]
    assert events == ["conference-start", "participant-join", "participant-leave", "conference-end"]


def test_who_vouches_for_a_number_is_told_if_the_application_asks_for_it(
    sdk: telnyx.Telnyx, http: Http, receiver: Receiver
) -> None:
    application = make_texml_application(sdk, receiver, inbound={"shaken_stir_enabled": True})
    sid = Account(http, application).ring("answered")
    told = wait_form(receiver, CallSid=sid, CallStatus="initiated")
    assert (told["ShakenStirAttestation"], told["ShakenStirValidated"]) == ("A", "true")


def test_a_call_goes_on_after_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    state = tmp_path / "state.sqlite3"
    with Sandbox(state, pace=0.02) as first, telnyx.Telnyx(api_key="KEY", base_url=first.base_url) as sdk:
        account = Account(Http(first.port), make_texml_application(sdk, receiver))
        account.http.fault("delay", path="texml.call.initiated", value=60)
        sid = account.dial()
    with Sandbox(state, pace=0.02):
        wait_form(receiver, CallSid=sid, CallStatus="initiated")
        wait_form(receiver, CallSid=sid, CallStatus="completed")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"scenario": "answered", "dials": "+13125550002"}, "10015"),
        ({"scenario": "texml_dial", "dials": "nobody"}, "10016"),
        ({"scenario": "texml_dial", "dials": None}, "10016"),
    ],
)
def test_whom_to_dial_is_a_number_of_the_scenario_that_dials(account: Account, body: dict[str, Any], code: str) -> None:
    answer = account.http("POST", "/sandbox/calls", body | {"connection_id": account.application.id})
    assert refusal(answer) == (422, code, "/dials")


def test_the_only_application_need_not_be_named(account: Account, receiver: Receiver) -> None:
    sid = account.http.ring("caller_hangs_up")
    assert wait_form(receiver, CallSid=sid)["ConnectionId"] == account.application.id


def test_a_scenario_with_a_document_needs_a_texml_application(
    http: Http, application: object, account: Account
) -> None:
    body = {"scenario": "texml_dial", "connection_id": "1"}
    assert refusal(http("POST", "/sandbox/calls", body)) == (422, "10015", "/connection_id")
    assert http("POST", "/sandbox/calls", {"scenario": "texml_dial"})[0] == 200  # the only one there is
