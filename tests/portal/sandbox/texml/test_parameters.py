"""The same parameters come as JSON and as a form, and are refused in the words of the document's examples."""

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.sandbox_http import Http, refusal
from tests.support.sandbox_texml import FORM, FROM, TO, Account, forms, wait_form
from tests.support.webhook_receiver import Receiver

DIAL = {"From": FROM, "To": TO}


@pytest.fixture
def body(account: Account) -> dict[str, Any]:
    return DIAL | {"ApplicationSid": account.application.id}


def test_a_form_is_as_good_as_json(account: Account, receiver: Receiver, body: dict[str, Any]) -> None:
    more = {"Timeout": "20", "Record": "true", "MachineDetection": "Enable", "TimeLimit": "60"}
    status, answer = account.form("Calls", body | more | {"StatusCallback": f"{receiver.origin}/own", "Url": ""})
    assert (status, answer["status"], answer["to"]) == (200, "queued", TO)
    wait_form(receiver, CallSid=answer["call_sid"], CallStatus="completed", HangupCause="time_limit")
    assert [hook.path for hook in forms(receiver, CallSid=answer["call_sid"]) if "CallbackSource" in hook.body] == [
        "/own"
    ]


def test_a_form_has_lists_and_objects(http: Http, account: Account, receiver: Receiver) -> None:
    own = [f"{receiver.origin}/{name}" for name in "ab"]
    fields = [*DIAL.items(), ("AIAssistantId", "one"), *(("StatusCallbacks[]", url) for url in own)]
    fields += [("AIAssistantDynamicVariables[name]", "Ada"), ("CustomHeaders", '[{"name": "X-A", "value": "b"}]')]
    headers = {"Content-Type": f"{FORM}; charset=utf-8"}
    raw = urlencode(fields).encode()
    status, answer = http("POST", f"/v2/texml/ai_calls/{account.application.id}", raw, **headers)
    assert status == 200, answer
    http.end(answer["call_sid"])
    assert [hook.path for hook in forms(receiver, CallSid=answer["call_sid"], CallStatus="completed")] == ["/a", "/b"]


@pytest.mark.parametrize(
    ("wrong", "code", "pointer", "detail"),
    [
        ({"To": None}, "10004", "/To", "Can't be blank: To"),
        ({"From": ""}, "10004", "/From", "Can't be blank: From"),
        ({"To": 7}, "10026", "/To", "The 'To' parameter must be of type 'string'"),
        ({"Timeout": "20"}, "10026", "/Timeout", "The 'Timeout' parameter must be of type 'integer'"),
        ({"Timeout": True}, "10026", "/Timeout", "The 'Timeout' parameter must be of type 'integer'"),
        ({"CustomHeaders": [{"name": "X"}]}, "10026", "/CustomHeaders", "must be of type 'array'"),
        ({"RecordingChannels": "single"}, "10032", "/RecordingChannels", "must be one of mono, dual"),
        ({"Timeout": 4}, "10033", "/Timeout", "'Timeout' must be from 5 to 120."),
        ({"TimeLimit": 14_401}, "10033", "/TimeLimit", "'TimeLimit' must be from 30 to 14400."),
        ({"MachineDetectionTimeout": 30}, "10033", "/MachineDetectionTimeout", "from 500 to 60000"),
        ({"SendDigits": "1,2"}, "90014", "/SendDigits", "made of a combination of either 0, 1"),
        ({"from_": FROM}, "10015", "/from_", "Unknown parameter."),
        ({"statusCallback": "x"}, "10015", "/statusCallback", "Did you mean 'StatusCallback'?"),
        ({"Url": "http://a.example", "Texml": "<Response/>"}, "10015", "/Texml", "not both"),
        ({"To": "nobody"}, "10016", "/To", "must be +E.164"),
        ({"ApplicationSid": "1"}, "10015", "/ApplicationSid", "no active TeXML application"),
    ],
)
def test_what_is_wrong_is_told_with_a_pointer(
    account: Account, body: dict[str, Any], wrong: dict[str, Any], code: str, pointer: str, detail: str
) -> None:
    answer = account("POST", "Calls", body | wrong)
    assert refusal(answer) == (422, code, pointer)
    assert detail in answer[1]["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("wrong", "code", "pointer"),
    [
        ({"Timeout": "soon"}, "10026", "/Timeout"),
        ({"Record": "yes"}, "10026", "/Record"),
        ({"MachineDetectionBeepSpectralMinPurity": "high"}, "10026", "/MachineDetectionBeepSpectralMinPurity"),
        ({"CustomHeaders": "X-A: b"}, "10026", "/CustomHeaders"),
        ({"CustomHeaders[0]": "X-A: b"}, "10026", "/CustomHeaders"),
        ({"Trim": "yes"}, "10032", "/Trim"),
        ({"Nothing[0]": "x"}, "10015", "/Nothing[0]"),
    ],
)
def test_a_form_is_judged_like_json(
    account: Account, body: dict[str, Any], wrong: dict[str, Any], code: str, pointer: str
) -> None:
    assert refusal(account.form("Calls", body | wrong)) == (422, code, pointer)


def test_all_that_is_wrong_is_told_at_once(account: Account) -> None:
    status, answer = account("POST", "Calls", {"Timeout": 1})
    assert status == 422
    pointers = [error["source"]["pointer"] for error in answer["errors"]]
    assert pointers == ["/To", "/From", "/ApplicationSid", "/Timeout"]


@pytest.mark.parametrize("raw", [b"\xff=1", b"&".join(b"a=1" for _ in range(1002))])
def test_what_is_no_form_is_refused(account: Account, raw: bytes) -> None:
    assert refusal(account.form("Calls", raw))[:2] == (400, "10015")


def test_of_a_name_that_stands_twice_the_last_one_holds(account: Account, body: dict[str, Any]) -> None:
    status, answer = account.form("Calls", body | {"To": ["+13125550009", TO]})
    assert (status, answer["to"]) == (200, TO)
