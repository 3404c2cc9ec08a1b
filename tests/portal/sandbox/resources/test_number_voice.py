"""What a number is set to do with calls, and numbers with less of each."""

import telnyx

from tests.support.sandbox_http import Http, refusal


def test_settings_are_changed_in_their_groups_and_the_rest_stays(sdk: telnyx.Telnyx) -> None:
    number = next(iter(sdk.phone_numbers.list()))
    assert number.id
    told = {"forwards_to": "+13125550199", "forwarding_type": "always"}
    sdk.phone_numbers.voice.update(number.id, call_forwarding=told, translated_number="100")  # type: ignore[arg-type]
    changed = sdk.phone_numbers.voice.update(
        number.id,
        call_recording={"inbound_call_recording_enabled": True},
        inbound_call_screening="flag_calls",
        usage_payment_method="channel",
    ).data
    assert changed
    assert changed.call_forwarding
    assert changed.call_recording
    assert (changed.call_forwarding.forwards_to, changed.call_forwarding.call_forwarding_enabled) == (
        "+13125550199",
        True,
    )
    assert (changed.translated_number, changed.call_recording.inbound_call_recording_enabled) == ("100", True)
    assert sdk.phone_numbers.voice.retrieve(number.id).data == changed
    whole = sdk.phone_numbers.retrieve(number.id).data
    assert whole
    assert (whole.call_recording_enabled, whole.inbound_call_screening) == (True, "flag_calls")
    chosen = sdk.phone_numbers.voice.list(filter={"voice_usage_payment_method": "channel"})
    assert [one.id for one in chosen] == [number.id]
    assert len(list(sdk.phone_numbers.voice.list())) == len(list(sdk.phone_numbers.list()))


def test_what_makes_no_sense_is_refused(http: Http) -> None:
    id = http("GET", "/v2/phone_numbers")[1]["data"][0]["id"]
    at = f"/v2/phone_numbers/{id}/voice"
    forwarded = {"call_forwarding": {"forwards_to": "5550100"}}
    assert refusal(http("PATCH", at, forwarded)) == (422, "10016", "/call_forwarding/forwards_to")
    assert http("PATCH", at, {"call_forwarding": None})[0] == 422
    assert http("PATCH", at, {"connection_id": "1"})[0] == 422
    assert refusal(http("GET", "/v2/phone_numbers/4/voice"))[:2] == (404, "10005")
    assert "forwards_to" not in http("GET", at)[1]["data"]["call_forwarding"]


def test_there_is_a_list_with_less_of_each(sdk: telnyx.Telnyx, http: Http) -> None:
    slim = list(sdk.phone_numbers.slim_list(filter={"phone_number": "3125550103"}))
    assert [one.phone_number for one in slim] == ["+13125550103"]
    assert "tags" not in http("GET", "/v2/phone_numbers/slim")[1]["data"][0]


def test_a_number_is_given_back(sdk: telnyx.Telnyx, http: Http) -> None:
    number = next(iter(sdk.phone_numbers.list()))
    assert number.id
    gone = sdk.phone_numbers.delete(number.id).data
    assert gone
    assert (gone.phone_number, gone.status) == (number.phone_number, "deleted")
    assert number.id not in {one.id for one in sdk.phone_numbers.list()}
    assert refusal(http("DELETE", f"/v2/phone_numbers/{number.id}"))[:2] == (404, "10005")
    http("POST", "/sandbox/reset")
    assert number.phone_number in {one.phone_number for one in sdk.phone_numbers.list()}
