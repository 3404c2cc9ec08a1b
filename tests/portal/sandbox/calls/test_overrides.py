"""What a command says of its webhooks is done: other methods, other retries; and what makes no sense is refused."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.sandbox_http import Http, refusal
from tests.support.webhook_receiver import Receiver

WHOM = "+13125550001"


def dial(http: Http, application: Any, **more: Any) -> tuple[int, Any]:
    body = {"connection_id": application.id, "from": "+13125550100", "to": WHOM}
    return http("POST", "/v2/calls", body | more)


@pytest.mark.parametrize(
    ("more", "code", "pointer"),
    [
        ({"timeout_secs": 4}, "10033", "/timeout_secs"),
        ({"timeout_secs": 601}, "10033", "/timeout_secs"),
        ({"time_limit_secs": 29}, "10033", "/time_limit_secs"),
        ({"time_limit_secs": 14_401}, "10033", "/time_limit_secs"),
        ({"record_custom_file_name": "x" * 41}, "10033", "/record_custom_file_name"),
        ({"bridge_on_answer": True}, "10015", "/bridge_on_answer"),
        ({"bridge_intent": True}, "10015", "/bridge_intent"),
        ({"park_after_unbridge": "self"}, "10015", "/park_after_unbridge"),
        ({"webhook_urls": {"call.bridge": "http://127.0.0.1:9/"}}, "90057", "/webhook_urls/call.bridge"),
        ({"webhook_retries_policies": {"call.x": {}}}, "90057", "/webhook_retries_policies/call.x"),
        (
            {"webhook_retries_policies": {"call.hangup": {"retries_ms": [1] * 6}}},
            "10033",
            "/webhook_retries_policies/call.hangup",
        ),
        (
            {"webhook_retries_policies": {"call.hangup": {"retries_ms": [60_001]}}},
            "10033",
            "/webhook_retries_policies/call.hangup",
        ),
    ],
)
def test_a_dial_out_of_range_or_without_its_link_is_refused(
    http: Http, application: Any, more: dict[str, Any], code: str, pointer: str
) -> None:
    assert refusal(dial(http, application, **more)) == (422, code, pointer)


def test_parking_needs_bridging_on_answer_as_well(http: Http, application: Any, answered: str) -> None:
    more = {"link_to": answered, "park_after_unbridge": "self"}
    assert refusal(dial(http, application, **more)) == (422, "10015", "/park_after_unbridge")
    assert dial(http, application, **more, bridge_on_answer=True)[0] == 200


def test_actions_have_their_ranges_too(http: Http, answered: str) -> None:
    assert refusal(http.act(answered, "transfer", to=WHOM, timeout_secs=4)) == (422, "10033", "/timeout_secs")
    assert refusal(http.act(answered, "gather", gather_id="")) == (422, "10033", "/gather_id")


def test_a_webhook_by_get_has_the_payload_in_its_query(http: Http, application: Any, receiver: Receiver) -> None:
    lines = "kind=deliveries&event_type=call.initiated&wait=30&status=200"
    receiver.react = lambda hook: None
    status, _ = dial(http, application, webhook_url=f"{receiver.origin}/got", webhook_url_method="GET")
    assert status == 200
    http("GET", f"/sandbox/ledger?{lines}")
    (hook,) = receiver.hooks[:1]
    query = {name: values[0] for name, values in parse_qs(urlsplit(hook.path).query).items()}
    assert (query["event_type"], query["to"], query["direction"]) == ("call.initiated", WHOM, "outgoing")
    assert hook.raw == b""


def test_a_policy_says_how_often_an_event_is_tried_again(http: Http, application: Any, receiver: Receiver) -> None:
    receiver.status = 500
    policy = {"call.initiated": {"retries_ms": [1, 2, 3]}}
    dial(http, application, webhook_retries_policies=policy)
    answer = http("GET", "/sandbox/ledger?kind=deliveries&event_type=call.initiated&count=4&wait=30")[1]
    assert [line["attempt"] for line in answer["deliveries"]] == [1, 2, 3, 4]


def test_a_policy_of_no_retries_means_one_try(http: Http, application: Any, receiver: Receiver) -> None:
    receiver.status = 500
    policy = {"call.initiated": {"retries_ms": []}}
    id = dial(http, application, webhook_retries_policies=policy)[1]["data"]["call_control_id"]
    http("POST", f"/sandbox/calls/{id}/hangup", {})
    receiver.wait("call.hangup", id)
    assert receiver.types(id).count("call.initiated") == 1
