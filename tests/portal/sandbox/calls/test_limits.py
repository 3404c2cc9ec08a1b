"""No more calls go out at once than an application and its profile allow; none by a profile that is switched off."""

from typing import Any

import pytest

from tests.support.sandbox_http import Http, refusal

CALL = {"from": "+13125550100", "to": "+13125550001"}


def narrow(http: Http, **outbound: Any) -> str:
    body = {"application_name": "narrow", "webhook_event_url": "http://127.0.0.1:9/", "outbound": outbound}
    return str(http("POST", "/v2/call_control_applications", body)[1]["data"]["id"])


def profile(http: Http, **more: Any) -> str:
    return str(http("POST", "/v2/outbound_voice_profiles", {"name": "narrow"} | more)[1]["data"]["id"])


def test_an_application_has_so_many_channels_and_gets_one_back(http: Http) -> None:
    body = CALL | {"connection_id": narrow(http, channel_limit=1)}
    first = http("POST", "/v2/calls", body)[1]["data"]["call_control_id"]
    assert refusal(http("POST", "/v2/calls", body))[:2] == (422, "90043")
    http.act(first, "hangup")
    assert http("POST", "/v2/calls", body)[0] == 200


def test_several_numbers_need_a_channel_each(http: Http) -> None:
    body = CALL | {"connection_id": narrow(http, channel_limit=1), "to": ["+13125550001", "+13125550002"]}
    assert refusal(http("POST", "/v2/calls", body))[:2] == (422, "90043")


def test_a_profile_counts_the_calls_of_all_its_applications(http: Http) -> None:
    used = profile(http, concurrent_call_limit=1)
    one, other = (narrow(http, outbound_voice_profile_id=used) for _ in range(2))
    assert http("POST", "/v2/calls", CALL | {"connection_id": one})[0] == 200
    assert refusal(http("POST", "/v2/calls", CALL | {"connection_id": other}))[:2] == (422, "90042")


def test_a_profile_that_is_switched_off_lets_no_call_out(http: Http) -> None:
    used = narrow(http, outbound_voice_profile_id=profile(http, enabled=False))
    status, answer = http("POST", "/v2/calls", CALL | {"connection_id": used})
    assert (status, answer["telnyx_error"]["error_code"]) == (403, "D15")


def test_callers_take_no_channel_of_those_whom_we_call(http: Http) -> None:
    used = narrow(http, channel_limit=1)
    http.ring("transferred", connection_id=used)
    assert http("POST", "/v2/calls", CALL | {"connection_id": used})[0] == 200


def test_the_account_counts_the_calls_of_all_applications(http: Http, answered: str) -> None:
    assert http("POST", "/sandbox/account", {"channel_limit": 1})[1]["channel_limit"] == 1
    one, other = (CALL | {"connection_id": narrow(http)} for _ in range(2))
    first = http("POST", "/v2/calls", one)[1]["data"]["call_control_id"]
    assert refusal(http("POST", "/v2/calls", other))[:2] == (422, "90041")
    assert refusal(http.act(answered, "transfer", to="+13125550001"))[:2] == (422, "90041")
    http.act(first, "hangup")
    assert http("POST", "/v2/calls", other)[0] == 200
    assert http("POST", "/sandbox/account", {"channel_limit": None})[1]["channel_limit"] is None
    assert http("POST", "/v2/calls", one)[0] == 200


@pytest.mark.parametrize("limit", [-1, 100_001, "2", True, 1.5])
def test_what_is_no_limit_is_refused(http: Http, limit: Any) -> None:
    assert refusal(http("POST", "/sandbox/account", {"channel_limit": limit})) == (422, "10015", "/channel_limit")


def test_a_limit_and_an_id_are_chosen_together(http: Http) -> None:
    body = {"channel_limit": 2, "account_sid": "user_id"}
    answer = http("POST", "/sandbox/account", body)[1]
    assert (answer["channel_limit"], answer["account_sid"]) == (2, "user_id")
    http("POST", "/sandbox/reset")
    assert http("POST", "/sandbox/account", {"account_sid": "user_id"})[1]["channel_limit"] is None
