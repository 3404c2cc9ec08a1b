"""Several are called at once, or one more listens to a call that goes on."""

from typing import Any

import pytest

from tests.support.sandbox_http import Http, refusal, refused
from tests.support.webhook_receiver import Receiver

BUSY, ANSWERS, SILENT = "+13125550002", "+13125550001", "+13125550003"


def legs(http: Http, id: str) -> dict[str, str]:
    """The legs of a session by the number called."""
    return {leg["to"]: leg["call_control_id"] for leg in http("GET", f"/sandbox/calls/{id}")[1]["legs"]}


def test_the_first_to_answer_has_the_call_and_the_others_stop_ringing(
    http: Http, application: Any, receiver: Receiver
) -> None:
    id = http.dial(application, [SILENT, ANSWERS, BUSY])  # type: ignore[arg-type]
    every = legs(http, id)
    assert (len(every), every[SILENT]) == (3, id)  # the answer tells of the first
    receiver.wait("call.answered", every[ANSWERS])
    cancelled = receiver.wait("call.hangup", every[SILENT]).payload
    assert (cancelled["hangup_cause"], cancelled["hangup_source"]) == ("originator_cancel", "caller")
    assert receiver.wait("call.hangup", every[BUSY]).payload["hangup_cause"] in ("user_busy", "originator_cancel")
    assert receiver.types().count("call.answered") == 1


def test_nobody_is_called_when_one_number_is_none(http: Http, application: Any, receiver: Receiver) -> None:
    body = {"connection_id": application.id, "from": ANSWERS, "to": [ANSWERS, "5550100"]}
    assert refusal(http("POST", "/v2/calls", body)) == (422, "10016", "/to")
    assert http("GET", f"/v2/connections/{application.id}/active_calls")[1]["data"] == []


def test_digits_behind_a_comma_are_no_part_of_the_number(http: Http, application: Any, receiver: Receiver) -> None:
    http.dial(application, f"{ANSWERS},200#")
    assert receiver.wait("call.initiated").payload["to"] == ANSWERS


def test_a_supervisor_is_of_the_session_and_leaves_with_the_call(
    http: Http, application: Any, answered: str, receiver: Receiver
) -> None:
    id = http.dial(application, ANSWERS, supervise_call_control_id=answered, supervisor_role="monitor")
    session = receiver.wait("call.answered", id).payload["call_session_id"]
    assert session == receiver.wait("call.answered", answered).payload["call_session_id"]
    assert http.act(id, "switch_supervisor_role", role="whisper")[0] == 200
    http.act(answered, "hangup")
    assert receiver.wait("call.hangup", id).payload["hangup_cause"] == "normal_clearing"
    assert "call.bridged" not in receiver.types(id)


@pytest.mark.parametrize(("what", "code"), [("none", "90015"), ("ringing", "90034"), ("ended", "90018")])
def test_only_a_call_that_goes_on_is_supervised(
    http: Http, application: Any, answered: str, what: str, code: str
) -> None:
    watched = {"none": "v3:none", "ringing": http.ring("transferred"), "ended": answered}[what]
    if what == "ended":
        http.act(answered, "hangup")
    body = {
        "connection_id": application.id,
        "from": "+13125550100",
        "to": ANSWERS,
        "supervise_call_control_id": watched,
    }
    assert refused(http("POST", "/v2/calls", body)) == (422, code)


def test_a_supervisor_is_linked_within_the_session_only(http: Http, application: Any, answered: str) -> None:
    other = http.ring("transferred")
    http.act(other, "answer")
    body = {"connection_id": application.id, "from": ANSWERS, "to": SILENT, "supervise_call_control_id": answered}
    before = len(http("GET", "/sandbox/calls")[1]["calls"])
    pointer = "/supervise_call_control_id"
    assert refusal(http("POST", "/v2/calls", body | {"link_to": other})) == (422, "10015", pointer)
    assert len(http("GET", "/sandbox/calls")[1]["calls"]) == before
    assert http("POST", "/v2/calls", body | {"link_to": answered})[0] == 200


def test_a_bridged_leg_is_told_with_whom(http: Http, application: Any, answered: str, receiver: Receiver) -> None:
    id = http.dial(application, ANSWERS, link_to=answered, bridge_on_answer=True)
    assert receiver.wait("call.bridged", id).payload["bridged_call_control_id"] == answered
    assert receiver.wait("call.bridged", answered).payload["bridged_call_control_id"] == id


def test_a_transfer_that_times_out_may_end_the_caller_as_well(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "transfer", to="+13125550008")
    http.end(answered)
    ended = sorted((hook for hook in receiver.hooks if hook.type == "call.hangup"), key=lambda hook: hook.at)
    assert [hook.payload["hangup_cause"] for hook in ended] == ["timeout", "normal_clearing"]


def test_only_a_sip_call_is_encrypted(http: Http, application: Any, answered: str) -> None:
    body = {"connection_id": application.id, "from": ANSWERS, "media_encryption": "SRTP"}
    assert refusal(http("POST", "/v2/calls", body | {"to": ANSWERS})) == (422, "10011", "/media_encryption")
    assert http("POST", "/v2/calls", body | {"to": "sip:+13125550001@example.com"})[0] == 200
    assert refused(http.act(answered, "transfer", to=ANSWERS, media_encryption="SRTP")) == (422, "10011")
