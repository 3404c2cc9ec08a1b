"""No more calls go out or come in at once than is allowed, and none to where a profile does not let them go."""

import json
from typing import Any

import pytest
import telnyx

from portal.sandbox.core.exchange import CALL_CONTROL, TEXML
from tests.support.sandbox_applications import make_application
from tests.support.sandbox_http import Http, refusal
from tests.support.sandbox_texml import Account, make_texml_application, ran
from tests.support.texml_runs import response
from tests.support.webhook_receiver import Receiver

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


def test_a_profile_lets_calls_go_to_its_destinations_only(http: Http) -> None:
    used = narrow(http, outbound_voice_profile_id=profile(http))
    body = CALL | {"connection_id": used}
    status, answer = http("POST", "/v2/calls", body | {"to": "+4930901820"})
    assert (status, answer["errors"][0]["code"], answer["telnyx_error"]) == (403, 10010, {"error_code": "D13"})
    detail = answer["errors"][0]["detail"]
    assert detail.startswith("Dialed number +4930901820 (pertinent countries: DE) is not included in whitelisted")
    assert detail.endswith("US, CA D13")
    assert http("POST", "/v2/calls", body | {"to": ["+14165550100", "+442079460018"]})[0] == 403  # one is enough
    for to in ("+14165550100", "+13125550001", "sip:ada@pbx.example.com"):
        assert http("POST", "/v2/calls", body | {"to": to})[0] == 200
    assert http("POST", "/v2/calls", body | {"to": "+99912345678"})[0] == 403  # nobody's


def test_any_of_the_countries_that_share_a_code_is_enough(http: Http) -> None:
    body = CALL | {"to": "+447700900123"}
    island = narrow(http, outbound_voice_profile_id=profile(http, whitelisted_destinations=["JE"]))
    assert http("POST", "/v2/calls", body | {"connection_id": island})[0] == 200


def test_the_first_profiles_are_what_their_names_say(http: Http) -> None:
    allowed = {}
    for one in http("GET", "/v2/outbound_voice_profiles")[1]["data"]:
        body = CALL | {"connection_id": narrow(http, outbound_voice_profile_id=one["id"]), "to": "+4930901820"}
        allowed[one["name"]] = http("POST", "/v2/calls", body)[0]
    assert allowed == {"Domestic": 403, "International": 200}


def test_a_transfer_goes_no_further_than_a_dial(http: Http, sdk: telnyx.Telnyx, receiver: Receiver) -> None:
    outbound = {"outbound_voice_profile_id": profile(http)}
    application = make_application(sdk, receiver, outbound=outbound)
    id = http.ring("transferred", connection_id=application.id)
    http.act(id, "answer")
    status, answer = http.act(id, "transfer", to="+4930901820")
    assert (status, answer["telnyx_error"]["error_code"]) == (403, "D13")
    assert http.act(id, "transfer", to="+13125550001")[0] == 200


def test_a_document_calls_no_further_than_a_dial(http: Http, sdk: telnyx.Telnyx, receiver: Receiver) -> None:
    outbound = {"outbound_voice_profile_id": profile(http)}
    account = Account(http, make_texml_application(sdk, receiver, outbound=outbound))
    receiver.documents = {"/voice": response("<Dial><Number>+4930901820</Number></Dial>")}
    sid = account.ring("transferred")
    http.end(sid)
    (line,) = (line for line in ran(account, sid) if line.startswith("Not called: +4930901820"))
    assert line.endswith("D13")
    body = {"From": "+13125550100", "To": "+4930901820", "ApplicationSid": account.application.id}
    assert account("POST", "Calls", body)[0] == 403


@pytest.mark.parametrize("kind", [CALL_CONTROL, TEXML])
def test_a_caller_hears_busy_where_all_channels_are_taken(
    http: Http, sdk: telnyx.Telnyx, receiver: Receiver, kind: str
) -> None:
    make = make_application if kind == CALL_CONTROL else make_texml_application
    application = make(sdk, receiver, inbound={"channel_limit": 1})
    first = http.ring("transferred", connection_id=application.id)
    busy = http.end(http.ring("transferred", connection_id=application.id))
    assert (busy["hangup_cause"], busy["sip_hangup_cause"], busy["telnyx_error"]) == ("user_busy", "486", "D4")
    http("POST", f"/sandbox/calls/{first}/hangup")
    http.end(first)
    third = http.ring("caller_hangs_up", connection_id=application.id)
    assert http.end(third)["telnyx_error"] is None
    told = json.dumps([hook.body for hook in receiver.hooks])
    assert first in told
    assert third in told
    assert busy["call_control_id"] not in told


def test_whom_we_call_takes_no_channel_of_callers(http: Http, sdk: telnyx.Telnyx, receiver: Receiver) -> None:
    application = make_application(sdk, receiver, inbound={"channel_limit": 1})
    http.dial(application, "+13125550001")
    assert not http("GET", f"/sandbox/calls/{http.ring()}")[1]["ended"]


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
