"""Cases from a file: what cannot be read is named, and nothing else of it is lost."""

from typing import Any

import pytest

from voice.explanations import cases
from voice.explanations.cases import BadCase
from voice.explanations.judgement import precedence

HANGUP = {"id": "1", "event_type": "call.hangup", "occurred_at": "2026-11-20T14:03:07Z", "payload": {}}
DIAL = {"action": "dial", "status": "refused", "created_at": "2026-11-20T14:03:07Z"}
BY_RECORD = "Settled from Telnyx's record: Telnyx refused it"


@pytest.mark.parametrize(
    ("case", "named"),
    [
        ([], "object"),
        ({"events": {}}, "events must be a list"),
        ({"events": ["x"]}, "events[0]"),
        ({"events": [{"data": {"payload": []}}]}, "events[0].data.payload"),
        ({"events": [{"data": HANGUP | {"event_type": 5}}]}, "events[0].data.event_type"),
        ({"events": [{"data": HANGUP | {"occurred_at": "yesterday"}}]}, "events[0].data.occurred_at"),
        ({"events": [{"form": {"CallSid": 1}}]}, "events[0].form"),
        ({"events": [{"form": {"CallSid": "v3:x", "CallStatus": "busy"}}]}, "events[0].form.Timestamp"),
        ({"commands": [DIAL, 7]}, "commands[1]"),
        ({"commands": [DIAL | {"status": None}]}, "commands[0].status"),
        ({"commands": [DIAL | {"created_at": None}]}, "commands[0].created_at"),
    ],
)
def test_what_cannot_be_read_is_named(case: Any, named: str) -> None:
    with pytest.raises(BadCase, match=named.replace("[", r"\[")):
        cases.read(case)


@pytest.mark.parametrize("context", [None, 5, {"breaker": 5, "application": [], "upstream": {"alive": "?"}}])
def test_a_context_of_no_use_is_no_error(context: Any) -> None:
    assert precedence.judge(cases.read({"commands": [DIAL], "context": context})).code == "refused"


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"status": "expired", "settlement": "Settled by user: ada: it did not happen."}, "settled"),
        ({"error": "It may have acted.", "settlement": f"{BY_RECORD} (D13)."}, "refused_d13"),
    ],
)
def test_what_was_settled_is_judged_as_on_its_page(told: dict[str, Any], code: str) -> None:
    assert precedence.judge(cases.read({"commands": [DIAL | told]})).code == code


def test_a_texml_callback_is_told_in_call_control_s_words() -> None:
    form = {"CallSid": "v3:x", "AnsweredBy": "machine_start", "CallStatus": "completed", "CallDuration": "7"}
    told = cases.texml_payload(form | {"SipHangupCause": "200"})
    assert (told["result"], told["sip_hangup_cause"], told["call_duration"]) == ("machine", "200", "7")
    assert cases.texml_payload({"AnsweredBy": "fax"})["result"] == "fax_detected"
    assert cases.texml_payload({"AnsweredBy": "unknown"})["result"] == "not_sure"
