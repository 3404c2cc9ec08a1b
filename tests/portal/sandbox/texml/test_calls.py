"""A call is dialled in three ways, told of, listed, ended and given other instructions."""

from typing import Any

import pytest
import telnyx

from tests.support.polling import eventually
from tests.support.sandbox_http import Http, refusal
from tests.support.sandbox_texml import FROM, TO, Account, forms, make_texml_application, wait_form
from tests.support.webhook_receiver import Receiver


def listed(account: Account, query: str = "") -> list[str]:
    status, page = account("GET", "Calls", query=query)
    assert status == 200, page
    return [call["sid"] for call in page["calls"]]


def test_a_call_is_told_of_as_it_stands(account: Account, receiver: Receiver) -> None:
    sid = account.dial(CallerId="The Office")
    ringing = account("GET", f"Calls/{sid}")[1]
    assert (ringing["status"], ringing["direction"], ringing["caller_name"]) == ("ringing", "outbound", "The Office")
    assert (ringing["from"], ringing["from_formatted"]) == (FROM, "(312) 555-0100")
    assert ringing["uri"] == f"/v2/texml/Accounts/{account.sid}/Calls/{sid}.json"
    assert not {"end_time", "duration", "answered_by", "price"} & set(ringing)
    wait_form(receiver, CallSid=sid, CallStatus="in-progress")
    assert account("GET", f"Calls/{sid}")[1]["status"] == "in-progress"
    account.http.end(sid)
    ended = account("GET", f"Calls/{sid}")[1]
    assert (ended["status"], "price" in ended) == ("completed", False)
    assert ended["end_time"].endswith("+0000")
    assert ended["duration"].isdigit()


def test_call_control_knows_the_call(http: Http, account: Account) -> None:
    sid = account.dial()
    assert http("GET", f"/v2/calls/{sid}")[1]["data"]["is_alive"] is True
    active = http("GET", f"/v2/connections/{account.application.id}/active_calls")[1]["data"]
    assert [call["call_control_id"] for call in active] == [sid]
    assert http.act(sid, "hangup")[0] == 200
    assert account("GET", f"Calls/{sid}")[1]["status"] == "canceled"


def test_a_call_of_call_control_is_none_of_texml(http: Http, account: Account, application: Any) -> None:
    id = http.dial(application, TO)
    assert account("GET", f"Calls/{id}") == (404, {"errors": [{"detail": "Resource not found"}]})
    assert listed(account) == []


@pytest.mark.parametrize("body", [{"Texml": "<Response><Say>Hi</Say></Response>"}, {"Url": None}])
def test_a_call_is_created_for_the_application_in_the_path(
    http: Http, account: Account, receiver: Receiver, body: dict[str, Any]
) -> None:
    status, answer = http("POST", f"/v2/texml/calls/{account.application.id}", {"From": FROM, "To": TO} | body)
    assert (status, answer["status"]) == (200, "queued")
    http.end(answer["call_sid"])
    assert bool(forms(receiver, CallSid=answer["call_sid"], ApiVersion="2010-04-01")) == ("Texml" not in body)


@pytest.mark.parametrize("path", ["calls", "ai_calls"])
def test_the_application_in_the_path_must_be_an_active_one(
    http: Http, sdk: telnyx.Telnyx, receiver: Receiver, application: Any, path: str
) -> None:
    sleeping = make_texml_application(sdk, receiver, active=False)
    for id in ("1", application.id, sleeping.id):
        body = {"From": FROM, "To": TO} | ({"AIAssistantId": "one"} if path == "ai_calls" else {})
        assert refusal(http("POST", f"/v2/texml/{path}/{id}", body)) == (422, "10015", "/connection_id")


def test_an_ai_call_takes_no_document(http: Http, account: Account) -> None:
    body = {"From": FROM, "To": TO, "AIAssistantId": "one", "Url": "https://example.com"}
    answer = http("POST", f"/v2/texml/ai_calls/{account.application.id}", body)
    assert refusal(answer) == (422, "10015", "/Url")


def test_what_telnyx_would_not_put_through_is_refused_with_its_reason(account: Account) -> None:
    body = {"From": FROM, "To": "+13125559013", "ApplicationSid": account.application.id}
    status, answer = account("POST", "Calls", body)
    assert (status, answer["telnyx_error"]) == (403, {"error_code": "D13"})
    assert refusal(account("POST", "Calls", body | {"To": "+13125559016"})) == (422, "10016", "/To")
    assert listed(account) == []


def test_a_call_is_ended_by_its_status(account: Account, talking: str, receiver: Receiver) -> None:
    status, call = account.form(f"Calls/{talking}", {"Status": "completed"})
    assert (status, call["status"]) == (200, "completed")
    assert wait_form(receiver, CallSid=talking, CallStatus="completed")["HangupSource"] == "caller"
    assert refusal(account("POST", f"Calls/{talking}", {"Status": "completed"}))[:2] == (422, "90018")


def test_one_who_is_not_answered_is_canceled(account: Account) -> None:
    sid = account.dial()
    assert account("POST", f"Calls/{sid}", {"Status": "completed"})[1]["status"] == "canceled"


def test_a_call_gets_other_instructions(account: Account, talking: str, receiver: Receiver) -> None:
    body = {"Url": f"{receiver.origin}/other", "Method": "POST", "StatusCallback": f"{receiver.origin}/own"}
    assert account("POST", f"Calls/{talking}", body)[0] == 200
    account.http.end(talking)
    assert [hook.path for hook in forms(receiver, CallSid=talking, ApiVersion="2010-04-01")] == ["/voice", "/other"]
    assert forms(receiver, CallSid=talking, CallStatus="completed")[0].path == "/own"


def test_with_other_instructions_it_leaves_its_conference(account: Account, receiver: Receiver) -> None:
    made = account.participant("daily")
    path = f"Conferences/{made['conference_sid']}/Participants/{made['call_sid']}"
    eventually(lambda: account("GET", path)[1]["status"] == "connected", "joined", account.http.exchange)
    assert account("POST", f"Calls/{made['call_sid']}", {"Texml": "<Response/>"})[0] == 200
    assert account("GET", path)[0] == 404
    assert account("GET", f"Calls/{made['call_sid']}")[1]["status"] == "in-progress"


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"Status": "canceled"}, "10032", "/Status"),
        ({}, "10004", "/Url"),
        ({"Url": "http://a.example", "Texml": "<Response/>"}, "10015", "/Texml"),
    ],
)
def test_an_update_makes_sense_or_is_refused(
    account: Account, talking: str, body: dict[str, str], code: str, pointer: str
) -> None:
    answer = account("POST", f"Calls/{talking}", body)
    assert refusal(answer) == (422, code, pointer)
    if "Status" in body:
        assert answer[1]["errors"][0]["detail"] == "Status must be one of completed"


def test_calls_are_listed_by_what_they_are(account: Account, receiver: Receiver) -> None:
    busy, talking = account.dial("+13125550002"), account.dial()
    wait_form(receiver, CallSid=busy, CallStatus="busy")
    assert listed(account) == [talking, busy]
    assert listed(account, "Status=busy") == listed(account, "To=%2B13125550002") == [busy]
    assert listed(account, "Status=completed") == listed(account, "From=%2B19995550100") == []
    assert listed(account, "StartTime%3E=2020-01-01") == listed(account, "StartTime_gt=2020-01-01") == [talking, busy]
    assert listed(account, "StartTime_lt=2020-01-01") == []
    assert listed(account, "EndTime%3E=2020-01-01") == [busy]
    assert refusal(account("GET", "Calls", query="Status=ringing")) == (422, "10032", "/Status")


@pytest.mark.parametrize(("fault", "made"), [("cut", 0), ("act_then_cut", 1), ("hang", 0)])
def test_faults_strike_a_dial(account: Account, fault: str, made: int) -> None:
    account.http.fault(fault, method="POST", path="/texml/Accounts/*/Calls", value=0 if fault == "hang" else None)
    with pytest.raises(OSError, match="Remote end closed"):
        account.dial()
    assert len(listed(account)) == made


def test_a_status_is_answered_instead(account: Account) -> None:
    account.http.fault("status", method="POST", path="/texml/Accounts/*/Calls", value=503)
    body = {"From": FROM, "To": TO, "ApplicationSid": account.application.id}
    assert account("POST", "Calls", body)[0] == 503
    assert listed(account) == []
