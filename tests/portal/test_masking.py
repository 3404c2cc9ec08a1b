"""What came from outside is hidden, but for what is known to be nobody's number."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.masking import (
    HIDDEN,
    display_number,
    hides_something,
    masked,
    masked_for,
    masked_text,
    set_up_for,
    without_secrets,
)
from tests.support.hidden_numbers import Places, payload

SECRET = "correct horse battery"


def test_of_a_payload_no_number_is_told_in_whatever_writing() -> None:
    places = Places()
    told = payload(places, "an event")
    assert len(places.numbers) > 30
    assert places.found_in(json.dumps(told, ensure_ascii=False)) == places.numbers.keys()
    assert places.found_in(json.dumps(masked(told), ensure_ascii=False)) == set()


def test_what_is_known_to_be_nobodys_is_shown_as_it_is() -> None:
    known: dict[str, Any] = {
        "call_control_id": "v3:Kd0m2w9Qp7Vn-8sYtR_4bLxJcHfZ1aEuG5iWo3kTn6yXrB_",
        "call_leg_id": "428c31b6-7af4-4bcb-b7f5-501312555991",
        "connection_id": "1293384261075731499",
        "CallSid": "v3:Xm4q8tRzLw1",
        "ConferenceSid": "conf_67606135a2cb",
        "hangup_cause": "normal_clearing",
        "start_time": "2026-11-20T09:00:00.120000Z",
        "Timestamp": "Fri, 20 Nov 2026 09:00:04 +0000",
        "total_cost": "0.0055",
        "duration_sec": 29,
        "timeout_millis": 60_000,
        "is_final": True,
        "client_state": None,
        "offered_codecs": "PCMU,G722",
        "price": "-0.0042",
        "price_unit": "USD",
        "reason_conference_ended": "last-participant-left",
        "call_sid_ending_conference": "v3:Xm4q8tRzLw1",
        "coaching_call_sid": "v3:Xm4q8tRzLw1",
        "average_wait_time": 4000,
    }
    assert masked(known) == known


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ({"from": "3125550001", "to": "13125550002"}, {"from": "•••0001", "to": "•••0002"}),
        ({"From": "+13125550143", "CallerId": "Ada Fitzroy"}, {"From": "+1312•••0143", "CallerId": HIDDEN}),
        ({"digits": "4711", "digit": "7"}, {"digits": "••••", "digit": "•"}),
        ({"digits": 4711}, {"digits": HIDDEN}),
        ({"never_heard_of": "anything"}, {"never_heard_of": HIDDEN}),
        ({"status": "+13125550001"}, {"status": "+1312•••0001"}),
        ({"custom_headers": [{"name": "X", "value": "y"}]}, {"custom_headers": [{"name": "X", "value": HIDDEN}]}),
        ({"result": {"name": "Ada"}}, {"result": HIDDEN}),
        ({"result": "machine"}, {"result": "machine"}),
        ({"payload": "Call +13125550001 back"}, {"payload": "Call +1312•••0001 back"}),
    ],
)
def test_a_value_is_shown_by_what_its_name_says_it_is(told: Any, seen: Any) -> None:
    assert masked(told) == seen


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("call 312 555 0001 at 2026-11-20 09:00:00", "call •••0001 at 2026-11-20 09:00:00"),
        ("connection 1293384261075731499", "connection 1293384261075731499"),
        ("room13125550001", "room•••0001"),
        ("sip:ada@example.com rang", "sip:•••@example.com rang"),
        (f"state {base64.b64encode(b'tel 13125550001').decode()}", f"state {HIDDEN}"),
        ("3 of 250 calls, HTTP 503", "3 of 250 calls, HTTP 503"),
    ],
)
def test_of_a_sentence_only_the_numbers_are_hidden(said: str, seen: str) -> None:
    assert masked_text(said) == seen
    assert masked_text(masked_text(said)) == masked_text(said)


BETWEEN = ["", " ", "-", ".", ") (", "\u2013", "\u200b", "\u00ad", "\u2060", "*", "|", " # ", "&"]


@given(st.from_regex(r"[1-9][0-9]{6,15}", fullmatch=True), st.sampled_from(BETWEEN))
def test_no_number_in_a_sentence_stays_whole(digits: str, between: str) -> None:
    written = between.join(digits)
    places = Places()
    places.numbers["it"] = digits
    assert places.found_in(masked_text(f"Please ring {written} today")) == set()


def test_a_secret_is_shown_nobody_whatever_their_rights() -> None:
    told = {
        "sip_auth_password": SECRET,
        "stream_auth_token": SECRET,
        "custom_headers": [{"name": "X-Api-Key", "value": SECRET}, {"name": "X-Ticket", "value": "7"}],
        "sip_headers": {"Authorization": SECRET},
        "assistant": {"tools": [{"webhook": {"url": "https://x", "headers": [{"name": "a", "value": SECRET}]}}]},
    }
    assert SECRET not in json.dumps(without_secrets(told))
    assert without_secrets(told)["custom_headers"][1] == {"name": "X-Ticket", "value": "7"}


@pytest.mark.django_db
def test_who_may_see_it_sees_it_whole(user_with: Any) -> None:
    seeing, other = user_with("voice.view_full_number"), user_with("voice.view_call", username="other")
    assert display_number("+13125550001", seeing) == "+13125550001"
    assert display_number("+13125550001", other) == "+1312•••0001"
    assert masked_for(seeing, {"odd": "+13125550001"}) == {"odd": "+13125550001"}
    assert masked_for(other, {"odd": "+13125550001"}) == {"odd": HIDDEN}
    assert masked_for(None, "+13125550001") == "+1312•••0001"


@pytest.mark.django_db
def test_what_people_set_up_keeps_its_words_and_is_not_written_back_hidden(user_with: Any) -> None:
    rule = [{"action": "transfer", "parameters": {"to": "+13125550001", "note": "at night"}}]
    seen = set_up_for(user_with(), rule)
    assert seen == [{"action": "transfer", "parameters": {"to": "+1312•••0001", "note": "at night"}}]
    assert (hides_something(seen), hides_something(rule)) == (True, False)


def test_what_people_set_up_tells_the_token_of_our_address_to_who_may_see_accounts(user_with: Any) -> None:
    rule = {"webhook_url": "https://portal.example/webhooks/abcdefghijklmnopqrstuvwxyz/call-control/"}
    assert set_up_for(user_with("voice.view_full_number"), rule) == {
        "webhook_url": "https://portal.example/webhooks/•••/call-control/"
    }
    assert set_up_for(user_with("voice.view_full_number", "portal.view_telnyxaccount", username="other"), rule) == rule
