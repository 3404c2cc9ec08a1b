"""Refusals: Telnyx's envelope, Telnyx's codes, and the pointer to what was wrong."""

from typing import Any

import pytest
import telnyx

from tests.support.sandbox_http import Http, refusal

APPLICATION = {"application_name": "a", "webhook_event_url": "https://example.com"}
SPEECH = {"payload": "x", "voice": "y"}


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"application_name": None}, "10026", "/application_name"),
        ({"application_name": " "}, "10004", "/application_name"),
        ({"webhook_event_url": "example.com"}, "10015", "/webhook_event_url"),
        ({"webhook_event_failover_url": "ftp://example.com"}, "10015", "/webhook_event_failover_url"),
        ({"webhook_api_version": "3"}, "10032", "/webhook_api_version"),
        ({"webhook_timeout_secs": 31}, "10033", "/webhook_timeout_secs"),
        ({"inbound": {"shaken_stir_enabled": "yes"}}, "10026", "/inbound/shaken_stir_enabled"),
        ({"inbound": {"unknown": 1}}, "10015", "/inbound/unknown"),
        ({"nonsense": 1}, "10015", "/nonsense"),
    ],
)
def test_a_wrong_application_is_422_and_points_at_the_member(
    http: Http, change: dict[str, Any], code: str, pointer: str
) -> None:
    assert refusal(http("POST", "/v2/call_control_applications", APPLICATION | change)) == (422, code, pointer)


def test_both_names_are_required_of_an_update(http: Http) -> None:
    made = http("POST", "/v2/call_control_applications", APPLICATION)[1]["data"]
    path = f"/v2/call_control_applications/{made['id']}"
    answer = http("PATCH", path, {"webhook_event_url": "https://example.com"})
    assert refusal(answer) == (422, "10004", "/application_name")


def test_several_wrong_members_are_told_at_once(http: Http) -> None:
    _, body = http("POST", "/v2/call_control_applications", {"nonsense": 1})
    pointers = {error["source"]["pointer"] for error in body["errors"]}
    assert pointers == {"/application_name", "/webhook_event_url", "/nonsense"}


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("speak", SPEECH),
        ("gather", {}),
        ("gather_using_speak", SPEECH),
        ("playback_start", {"audio_url": "https://example.com/a.wav"}),
        ("send_dtmf", {"digits": "1"}),
    ],
)
def test_before_the_answer_nothing_can_be_heard(
    http: Http, application: Any, action: str, body: dict[str, Any]
) -> None:
    assert refusal(http.act(http.ring(), action, **body))[:2] == (422, "90034")


@pytest.mark.parametrize("action", ["answer", "hangup", "gather"])
def test_an_ended_call_takes_no_command(http: Http, application: Any, action: str) -> None:
    id = http.ring()
    http.act(id, "hangup")
    assert refusal(http.act(id, action))[:2] == (422, "90018")


def test_an_unknown_call_takes_no_command(http: Http) -> None:
    assert refusal(http.act("v3:unknown", "answer")) == (422, "90015", "/call_control_id")


def test_an_outgoing_call_is_not_answered_by_us(http: Http, application: Any) -> None:
    body = {"connection_id": application.id, "from": "+13125550100", "to": "+13125550101"}
    id = http("POST", "/v2/calls", body)[1]["data"]["call_control_id"]
    assert refusal(http.act(id, "answer"))[:2] == (422, "90102")


def test_the_sdk_reads_a_refusal(sdk: telnyx.Telnyx) -> None:
    with pytest.raises(telnyx.UnprocessableEntityError) as caught:
        sdk.calls.actions.hangup("v3:unknown")
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["errors"][0]["code"] == "90015"
