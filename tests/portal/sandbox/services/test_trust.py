"""Who vouches for a caller, and whether Telnyx takes them for spam, is told to those who ask for it."""

from typing import Any

import pytest
import telnyx

from tests.support.sandbox_applications import make_application
from tests.support.sandbox_http import Http, refusal
from tests.support.sandbox_texml import Account, make_texml_application, wait_form
from tests.support.webhook_receiver import Receiver

NUMBER = "+13125550100"  # that everybody calls
ASKS = {"shaken_stir_enabled": True}


def screen(http: Http, how: str) -> None:
    """Have the number suspect callers."""
    (number,) = http("GET", f"/v2/phone_numbers?filter[phone_number]={NUMBER[1:]}")[1]["data"]
    path = f"/v2/phone_numbers/{number['id']}/voice"
    assert http("PATCH", path, {"inbound_call_screening": how})[0] == 200


def begun(http: Http, receiver: Receiver, **caller: Any) -> dict[str, Any]:
    """What is told of somebody who calls."""
    return receiver.wait("call.initiated", http.ring("answered", **caller)).payload


@pytest.mark.parametrize(
    ("caller", "level", "valid"),
    [
        ({}, "A", True),
        ({"attestation": "C"}, "C", True),
        ({"attestation": "B", "attestation_valid": False}, "B", False),
        ({"attestation": None}, None, None),
    ],
)
def test_who_vouches_is_told_to_who_asks(
    sdk: telnyx.Telnyx, http: Http, receiver: Receiver, caller: dict[str, Any], level: str | None, valid: bool | None
) -> None:
    make_application(sdk, receiver, inbound=ASKS)
    told = begun(http, receiver, **caller)
    assert (told["shaken_stir_attestation"], told["shaken_stir_validated"]) == (level, valid)
    assert told["call_screening_result"] is None


def test_others_are_told_nothing(http: Http, application: Any, receiver: Receiver) -> None:
    told = begun(http, receiver)
    assert (told["shaken_stir_attestation"], told["shaken_stir_validated"]) == (None, None)


@pytest.mark.parametrize("caller", [{"spam": True}, {"attestation": "C"}, {"attestation_valid": False}])
def test_a_number_flags_whom_it_suspects(
    http: Http, application: Any, receiver: Receiver, caller: dict[str, Any]
) -> None:
    screen(http, "flag_calls")
    told = begun(http, receiver, **caller)
    assert told["call_screening_result"] == "spam_likely"
    assert told["shaken_stir_attestation"] is None  # the application does not ask for it


def test_nobody_else_is_flagged(http: Http, application: Any, receiver: Receiver) -> None:
    screen(http, "flag_calls")
    assert begun(http, receiver, attestation="B", spam=False)["call_screening_result"] is None
    assert begun(http, receiver, to="+13125550101")["call_screening_result"] is None
    id = http.dial(application, NUMBER, **{"from": "+13125550101"})
    assert receiver.wait("call.initiated", id).payload["call_screening_result"] is None


@pytest.mark.parametrize("caller", [{"spam": True}, {"attestation": "C"}])
def test_a_number_may_refuse_whom_it_suspects(
    http: Http, application: Any, receiver: Receiver, caller: dict[str, Any]
) -> None:
    screen(http, "reject_calls")
    refused = http.end(http.ring("answered", **caller))
    assert (refused["telnyx_error"], refused["sip_hangup_cause"]) == ("D52", "603")
    assert (refused["hangup_cause"], refused["ended"]) == ("call_rejected", True)
    taken = http.ring("answered")
    receiver.wait("call.initiated", taken)
    assert not receiver.types(refused["call_control_id"])


def test_texml_is_told_the_level(sdk: telnyx.Telnyx, http: Http, receiver: Receiver) -> None:
    account = Account(http, make_texml_application(sdk, receiver, inbound=ASKS))
    told = wait_form(receiver, CallSid=account.ring("answered", attestation="C"), CallStatus="initiated")
    assert (told["ShakenStirAttestation"], told["ShakenStirValidated"]) == ("C", "true")


@pytest.mark.parametrize(
    ("caller", "pointer"),
    [
        ({"attestation": "D"}, "/attestation"),
        ({"attestation": "A"}, "/attestation"),  # the application would not hear of it
        ({"attestation_valid": False}, "/attestation_valid"),
        ({"spam": True}, "/spam"),
        ({"spam": "yes"}, "/spam"),
    ],
)
def test_what_nobody_would_hear_of_is_refused(
    http: Http, application: Any, caller: dict[str, Any], pointer: str
) -> None:
    body = {"scenario": "answered"} | caller
    assert refusal(http("POST", "/sandbox/calls", body)) == (422, "10015", pointer)
