"""A call to a SIP user has a second leg, that of the device."""

from typing import Any

import pytest
import telnyx

from tests.support.polling import eventually
from tests.support.sandbox_applications import make_application
from tests.support.sandbox_http import Http
from tests.support.sandbox_texml import Account, at, make_texml_application, wait_form
from tests.support.texml_runs import response
from tests.support.webhook_receiver import Hook, Receiver

AGENT, BUSY, SILENT, TAKES_OVER = (f"sip:agent{digits}@sip.telnyx.com" for digits in ("", "0002", "0003", "0009"))
HEADERS = [{"name": "X-Member", "value": "ada"}]


def device(receiver: Receiver, to: str = AGENT) -> Hook:
    """What was told first of a device."""

    def found() -> Hook | None:
        every = (hook for hook in receiver.hooks if hook.type == "call.initiated" and hook.payload["to"] == to)
        return next((hook for hook in every if hook.payload["direction"] == "incoming"), None)

    return eventually(found, "the leg of a device", receiver.exchange)


def test_a_call_to_a_sip_user_has_a_leg_at_the_device(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.dial(application, AGENT, custom_headers=HEADERS, client_state="YQ==")
    told = device(receiver).payload
    own = told["call_control_id"]
    receiver.wait("call.answered", id)
    receiver.wait("call.answered", own)
    first = next(hook.payload for hook in receiver.hooks if hook.payload["call_control_id"] == id)
    assert (told["custom_headers"], told["client_state"]) == (HEADERS, None)
    assert (first["custom_headers"], first["client_state"], first["direction"]) == (HEADERS, "YQ==", "outgoing")
    assert told["call_session_id"] != first["call_session_id"]
    assert receiver.wait("call.bridged", id).payload["bridged_call_control_id"] == own
    http.act(id, "hangup")
    receiver.wait("call.hangup", own)
    receiver.wait("call.hangup", id)
    assert receiver.types(id) == ["call.initiated", "call.bridged", "call.answered", "call.hangup"]
    assert receiver.types(own) == ["call.initiated", "call.answered", "call.hangup"]


def test_the_connection_of_devices_is_there_from_the_first_call(
    http: Http, sdk: telnyx.Telnyx, application: Any, receiver: Receiver
) -> None:
    http.dial(application, AGENT)
    connection_id = device(receiver).payload["connection_id"]
    found = sdk.connections.retrieve(connection_id).data
    assert found
    assert found.record_type == "credential_connection"
    assert connection_id in {one.id for one in sdk.connections.list()}
    assert sdk.connections.retrieve_count().data.counts.credential_connections == 1
    assert http("GET", f"/v2/connections/{connection_id}/active_calls")[1]["meta"]["total_items"] == 1
    http.dial(application, AGENT)
    assert sdk.connections.retrieve_count().data.counts.credential_connections == 1


@pytest.mark.parametrize(
    ("to", "transport", "at_device"),
    [
        (BUSY, ("user_busy", "callee", "486"), ("user_busy", "callee", "486")),
        (SILENT, ("timeout", "unknown", "487"), ("originator_cancel", "caller", "487")),
    ],
)
def test_a_device_that_does_not_answer(
    http: Http,
    application: Any,
    receiver: Receiver,
    to: str,
    transport: tuple[str, str, str],
    at_device: tuple[str, str, str],
) -> None:
    id = http.dial(application, to)
    own = device(receiver, to).payload["call_control_id"]
    ended = [receiver.wait("call.hangup", leg).payload for leg in (id, own)]
    how = [(one["hangup_cause"], one["hangup_source"], one["sip_hangup_cause"]) for one in ended]
    assert how == [transport, at_device]


def test_a_caller_is_put_through_to_a_sip_user(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "transfer", to=AGENT, custom_headers=HEADERS)
    told = device(receiver).payload
    assert told["custom_headers"] == HEADERS
    http.end(answered)
    receiver.wait("call.hangup", told["call_control_id"])
    peer = receiver.wait("call.bridged", answered).payload["bridged_call_control_id"]
    with_whom = [hook.payload["bridged_call_control_id"] for hook in receiver.hooks if hook.type == "call.bridged"]
    assert peer != told["call_control_id"]  # the caller hears the transport, which was bridged with the device before
    assert sorted(with_whom) == sorted([answered, peer, told["call_control_id"]])


def test_the_transport_may_end_when_the_device_is_picked_up(
    http: Http, application: Any, answered: str, receiver: Receiver
) -> None:
    id = http.dial(application, TAKES_OVER, link_to=answered, bridge_on_answer=True)
    own = device(receiver, TAKES_OVER).payload["call_control_id"]
    assert receiver.wait("call.hangup", id).payload["hangup_cause"] == "normal_clearing"
    assert receiver.wait("call.bridged", answered).payload["bridged_call_control_id"] == own
    assert receiver.wait("call.bridged", own).payload["bridged_call_control_id"] == answered
    assert receiver.types(id) == ["call.initiated", "call.bridged", "call.hangup"]
    http.act(own, "hangup")
    assert receiver.wait("call.hangup", answered).payload["hangup_cause"] == "normal_clearing"


def test_a_device_takes_commands(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.dial(application, SILENT)
    own = device(receiver, SILENT).payload["call_control_id"]
    assert http.act(own, "answer")[0] == 200
    receiver.wait("call.answered", id)
    assert http.act(own, "speak", payload="Hello", voice="female")[0] == 200
    receiver.wait("call.speak.ended", own)
    assert http.act(own, "transfer", to="+13125550002")[0] == 200
    assert receiver.wait("call.initiated", count=3).payload["to"] == "+13125550002"
    http.act(own, "hangup")
    assert receiver.wait("call.hangup", id).payload["hangup_cause"] == "normal_clearing"


def test_a_devices_events_go_where_the_applications_go(http: Http, sdk: telnyx.Telnyx, receiver: Receiver) -> None:
    old = make_application(sdk, receiver, webhook_api_version="1")
    http.dial(old, AGENT)

    def begun() -> set[str]:
        return {
            hook.body["payload"]["direction"] for hook in receiver.hooks if hook.body["event_type"] == "call_initiated"
        }

    assert eventually(lambda: len(begun()) > 1 and begun(), "both legs", receiver.exchange) == {"incoming", "outgoing"}


def test_who_is_at_the_device_does_as_told(http: Http, application: Any, receiver: Receiver) -> None:
    http("POST", "/sandbox/callees", {"number": "sip:*", "steps": [{"at": 2, "hangup": True}]})
    id = http.dial(application, AGENT)
    own = device(receiver).payload["call_control_id"]
    assert receiver.wait("call.hangup", own).payload["hangup_cause"] == "call_rejected"
    assert receiver.wait("call.hangup", id).payload["hangup_cause"] == "call_rejected"


def test_a_device_refuses_by_itself(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.dial(application, SILENT)
    own = device(receiver, SILENT).payload["call_control_id"]
    assert http("POST", f"/sandbox/calls/{own}/hangup")[0] == 200
    ended = receiver.wait("call.hangup", id).payload
    assert (ended["hangup_cause"], ended["hangup_source"]) == ("call_rejected", "callee")


@pytest.mark.parametrize(
    "to", ["sip:ada@pbx.example.com", "sip:+13125550001@sip.telnyx.com", "sip:agent9113@sip.telnyx.com"]
)
def test_whom_no_device_belongs_to_has_one_leg(http: Http, application: Any, receiver: Receiver, to: str) -> None:
    id = http.dial(application, to)
    http.act(id, "hangup")
    http.end(id)
    assert [hook.payload["direction"] for hook in receiver.hooks if hook.type == "call.initiated"] == ["outgoing"]


@pytest.fixture
def account(sdk: telnyx.Telnyx, http: Http, receiver: Receiver) -> Account:
    return Account(http, make_texml_application(sdk, receiver))


def legs(http: Http) -> dict[str, Any]:
    """The legs to the agent that there are, by their direction."""
    every = http("GET", "/sandbox/calls")[1]["calls"]
    return {leg["direction"]: leg for leg in every if leg["to"].startswith("sip:agent")}


def test_texml_has_both_legs_too_and_is_told_of_the_transport(http: Http, account: Account, receiver: Receiver) -> None:
    sid = account.dial(AGENT)
    both = legs(http)
    own = both["incoming"]["call_control_id"]
    assert both["outgoing"]["call_control_id"] == sid
    assert both["incoming"]["call_session_id"] != both["outgoing"]["call_session_id"]
    connection = next(
        one["id"] for one in http("GET", "/v2/connections")[1]["data"] if one["connection_name"] == "SIP users"
    )
    active = http("GET", f"/v2/connections/{connection}/active_calls")[1]["data"]
    assert [one["call_control_id"] for one in active] == [own]
    wait_form(receiver, CallSid=sid, CallStatus="in-progress")
    assert legs(http)["incoming"]["state"] == "answered"
    account("POST", f"Calls/{sid}", {"Status": "completed"})
    http.end(own)
    http.end(sid)
    assert {form["CallSid"] for form in at(receiver, "/status")} == {sid}


def test_a_document_puts_a_caller_through_to_a_device(http: Http, account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": response(f'<Dial action="/next"><Sip>{AGENT}</Sip></Dial>'), "/next": response("")}
    sid = account.ring("transferred")
    transport = wait_form(receiver, ParentCallSid=sid, CallStatus="in-progress")["CallSid"]
    both = legs(http)
    assert (both["outgoing"]["call_control_id"], both["outgoing"]["state"]) == (transport, "bridged")
    assert both["incoming"]["state"] == "answered"
    http("POST", f"/sandbox/calls/{both['incoming']['call_control_id']}/hangup")
    http.end(sid)
    (form,) = at(receiver, "/next")
    assert (form["DialCallSid"], form["DialCallStatus"]) == (transport, "completed")


@pytest.mark.parametrize(("to", "status"), [(BUSY, "busy"), (SILENT, "no-answer")])
def test_a_document_hears_of_a_device_that_does_not_answer(
    http: Http, account: Account, receiver: Receiver, to: str, status: str
) -> None:
    receiver.documents = {"/voice": response(f'<Dial action="/next"><Sip>{to}</Sip></Dial>'), "/next": response("")}
    sid = account.ring("transferred")
    http.end(sid)
    assert at(receiver, "/next")[0]["DialCallStatus"] == status
    assert {leg["ended"] for leg in legs(http).values()} == {True}


def test_of_a_document_the_transport_stays(http: Http, account: Account, receiver: Receiver) -> None:
    sid = account.dial(TAKES_OVER)
    wait_form(receiver, CallSid=sid, CallStatus="in-progress")
    assert {leg["state"] for leg in legs(http).values()} == {"answered"}
