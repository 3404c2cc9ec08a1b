"""Refusals: Telnyx's envelope, Telnyx's codes, and the pointer to what was wrong."""

from typing import Any

import pytest
import telnyx

from portal.sandbox.server.server import Sandbox
from tests.support.sandbox_http import Http

pytestmark = pytest.mark.usefixtures("unhurried")
APPLICATION = {"application_name": "a", "webhook_event_url": "https://example.com"}
SPEECH = {"payload": "x", "voice": "y"}


def refusal(answer: tuple[int, Any]) -> tuple[int, str, str | None]:
    status, body = answer
    (error,) = body["errors"]
    assert error["title"]
    assert error["detail"]
    assert error["meta"]["url"].endswith(error["code"])
    return status, error["code"], error.get("source", {}).get("pointer")


@pytest.mark.parametrize("header", ["", "KEY1", "Bearer other", "Basic KEY1", "Bearer "])
def test_a_key_that_is_none_is_401(http: Http, header: str) -> None:
    answer = http("GET", "/v2/call_control_applications", Authorization=header)
    assert refusal(answer)[:2] == (401, "10009")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/nothing"),
        ("GET", "/v2/call_control_applications/1"),
        ("PATCH", "/v2/texml_applications/1"),
        ("DELETE", "/v2/call_control_applications/1"),
        ("GET", "/v2/calls/v3:unknown"),
        ("PUT", "/v2/calls"),
        ("GET", "/elsewhere"),
    ],
)
def test_what_is_not_there_is_404(http: Http, method: str, path: str) -> None:
    assert refusal(http(method, path))[:2] == (404, "10005")


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


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"\xff"])
def test_a_body_that_is_no_json_object_is_400(http: Http, body: bytes) -> None:
    assert refusal(http("POST", "/v2/calls", body))[:2] == (400, "10015")


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


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"to": "5550101"}, "10016", "/to"),
        ({"to": 5}, "10026", "/to"),
        ({"to": ["x"]}, "10016", "/to"),
        ({"connection_id": "1"}, "10015", "/connection_id"),
        ({"client_state": "not base64"}, "90017", "/client_state"),
        ({"link_to": "v3:unknown"}, "90015", "/link_to"),
    ],
)
def test_a_wrong_dial_is_422(http: Http, application: Any, change: dict[str, Any], code: str, pointer: str) -> None:
    body = {"connection_id": application.id, "from": "+13125550100", "to": "+13125550101"}
    assert refusal(http("POST", "/v2/calls", body | change)) == (422, code, pointer)


def test_an_inactive_application_does_not_dial(http: Http) -> None:
    made = http("POST", "/v2/call_control_applications", APPLICATION | {"active": False})[1]["data"]
    body = {"connection_id": made["id"], "from": "+13125550100", "to": "+13125550101"}
    assert refusal(http("POST", "/v2/calls", body)) == (422, "10015", "/connection_id")


def test_an_action_that_telnyx_has_not_is_404(http: Http, application: Any) -> None:
    status, body = http.act(http.ring(), "levitate")
    assert status == 404
    assert "levitate" in body["errors"][0]["detail"]


def test_the_sdk_reads_a_refusal(sdk: telnyx.Telnyx) -> None:
    with pytest.raises(telnyx.UnprocessableEntityError) as caught:
        sdk.calls.actions.hangup("v3:unknown")
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["errors"][0]["code"] == "90015"


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
def test_another_site_cannot_control_the_sandbox(http: Http, headers: dict[str, str]) -> None:
    assert refusal(http("POST", "/sandbox/reset", {}, **headers))[:2] == (403, "10010")


@pytest.mark.parametrize("host", ["localhost:8001", "127.0.0.1", "[::1]:8001"])
def test_this_machine_controls_it_by_any_of_its_names(http: Http, host: str) -> None:
    assert http("GET", "/sandbox/ready", Host=host) == (200, {"ready": True})


def test_calling_needs_a_scenario_and_an_application(http: Http) -> None:
    assert refusal(http("POST", "/sandbox/calls", {"scenario": "nope"})) == (422, "10015", "/scenario")
    assert refusal(http("POST", "/sandbox/calls", {"scenario": "ivr"}))[0] == 404
    for name in ("a", "b"):
        http("POST", "/v2/call_control_applications", APPLICATION | {"application_name": name})
    assert refusal(http("POST", "/sandbox/calls", {"scenario": "ivr"})) == (422, "10015", "/connection_id")


def test_the_server_listens_on_the_loopback_address_only(sandbox: Sandbox) -> None:
    assert sandbox.base_url.startswith("http://127.0.0.1:")
    assert sandbox._server.server_address[0] == "127.0.0.1"
