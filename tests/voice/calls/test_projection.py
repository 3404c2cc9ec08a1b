"""The merge: whatever the order and however often, the call is the same."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.events import tell
from tests.support.factories import TO, make_call, make_event, run_owed
from tests.support.rest import CALLS
from tests.support.rows import Call, CallEvent
from tests.support.texml import form
from tests.support.webhooks import post_texml, post_webhook
from voice.calls import status
from voice.calls.projection import changes
from voice.events import intake

RECEIVED = datetime.now(UTC) + timedelta(hours=1)  # the module was read long before its tests run


def read(account: TelnyxAccount, document: dict[str, Any], received: datetime = RECEIVED) -> CallEvent:
    return intake.read(account, "webhook", {}, json.dumps(document).encode(), received)


def fold(account: TelnyxAccount, events: list[CallEvent]) -> dict[str, Any]:
    call = Call(account=account, call_control_id="v3:a-leg", started_at=RECEIVED)
    for event in events:
        for column, value in changes(call, event).items():
            setattr(call, column, value)
    return {name: value for name, value in vars(call).items() if name not in {"_state", "id"}}


SIX = [
    make_event("call.initiated", -20),
    make_event("call.answered", -17, client_state="aGVsbG8="),
    make_event("call.bridged", -10),
    make_event("call.bridged", -8),
    make_event("call.hangup", -1),
    make_event("call.recording.saved", 0),
]


def test_every_order_of_six_events_gives_the_same_call() -> None:
    account = TelnyxAccount(name="x")
    events = [read(account, document) for document in SIX]
    results = {json.dumps(fold(account, list(order)), default=str) for order in itertools.permutations(events)}
    assert len(results) == 1


@given(st.lists(st.sampled_from(range(6)), min_size=0, max_size=20))
@settings(max_examples=200, deadline=None)
def test_repeats_change_nothing(order: list[int]) -> None:
    account = TelnyxAccount(name="x")
    events = [read(account, document) for document in SIX]
    once = fold(account, events)
    assert fold(account, [*(events[at] for at in order), *events]) == once


def test_what_happens_within_a_call_does_not_name_its_parties_anew() -> None:
    account = TelnyxAccount(name="x")
    events = [
        read(account, make_event("call.answered", -17)),
        read(account, make_event("call.speak.started", -10, to="sip:assistant@example.com")),
    ]
    for order in itertools.permutations(events):
        assert fold(account, list(order))["to_number"] == TO
    assert fold(account, events[1:])["to_number"] == "sip:assistant@example.com"  # as long as nothing else is known


def test_an_end_absorbs_whatever_comes_after() -> None:
    account = TelnyxAccount(name="x")
    late = read(account, make_event("call.answered", 0))
    told = fold(account, [read(account, make_event("call.hangup", -5)), late])
    assert told["state"] == "ended"
    assert told["answered_at"] is not None


def test_the_start_is_the_told_one_else_the_earliest_time() -> None:
    account, now = TelnyxAccount(name="x"), datetime.now(UTC)  # the module's NOW may be long ago by then
    initiated, answered = make_event("call.initiated", -20), make_event("call.answered", -25)
    start = datetime.fromisoformat(initiated["data"]["payload"]["start_time"])
    assert fold(account, [read(account, answered, now), read(account, initiated, now)])["started_at"] == start
    hold = read(account, make_event("call.hold", -9), now)
    only = fold(account, [read(account, make_event("call.bridged", -3), now), hold])
    assert only["started_at"] == hold.occurred_at


@pytest.mark.parametrize(
    "time", ["9999-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "yesterday", None, 12, "2026-02-30T00:00:00Z"]
)
def test_a_time_that_cannot_be_is_replaced_by_the_receipt(time: Any) -> None:
    document = make_event("call.answered")
    document["data"]["occurred_at"] = time
    event = read(TelnyxAccount(name="x"), document)
    assert event.occurred_at is None
    assert fold(TelnyxAccount(name="x"), [event])["answered_at"] == RECEIVED


def test_numbers_of_any_length_fit() -> None:
    account = TelnyxAccount(name="x")
    told = fold(account, [read(account, make_event(**{"from": "9" * 100_000}))])
    assert len(told["from_number"]) == 255
    assert told["from_reversed"] == told["from_number"][::-1]


@pytest.mark.django_db
def test_a_projected_call_can_be_stored() -> None:
    account = make_account()
    told = fold(account, [read(account, document) for document in SIX])
    call = Call(**{name: value for name, value in told.items() if not name.startswith("_")})
    call.save()
    call.refresh_from_db()
    assert (call.state, call.direction, call.hangup_cause, call.has_recording) == (
        "ended",
        "incoming",
        "normal_clearing",
        True,
    )
    assert call.talk_seconds == pytest.approx(16, abs=0.01)
    assert call.ring_seconds == pytest.approx(3, abs=0.01)


@pytest.mark.django_db
def test_the_newest_client_state_is_told_however_long_it_is(client: Client, api: APIClient) -> None:
    """A long one left the older one standing, without a word."""
    account = make_account()
    for at, state in ((-9, "b2xk"), (-5, "bmV3" * 5_000), (-3, "bmV3" * 6_000)):
        event = make_event("call.dtmf.received", at, client_state=state)
        assert post_webhook(client, account, event).status_code == 200
        run_owed()
        told = api.get(f"{CALLS}v3:a-leg/").json()["client_state"]
        assert told == (state if len(state) <= 20_000 else f"{state[:20_000]}…")


@pytest.mark.parametrize(
    ("event_type", "result", "word"),
    [
        ("call.machine.detection.ended", "human", "person"),
        ("call.machine.detection.ended", "machine", "machine"),
        ("call.machine.detection.ended", "not_sure", "unsure"),
        ("call.machine.premium.detection.ended", "human_business", "person"),
        ("call.machine.premium.detection.ended", "fax_detected", "fax"),
        ("call.machine.premium.detection.ended", "silence", "silence"),
        ("call.machine.premium.detection.ended", "somebody_else", ""),
        ("call.machine.greeting.ended", "beep_detected", ""),
        ("call.gather.ended", "machine", ""),
    ],
)
def test_who_answered_is_what_detection_says_at_its_end(
    account: TelnyxAccount, event_type: str, result: str, word: str
) -> None:
    detected = read(account, make_event(event_type, -10, result=result))
    for order in itertools.permutations([*[read(account, document) for document in SIX[:2]], detected]):
        assert fold(account, list(order)).get("answered_by") == word


@pytest.mark.parametrize(
    ("told", "kept"),
    [(["a", 7, None, "b"], ["a", "b"]), ([str(at) for at in range(70)], [str(at) for at in range(64)]), ("a", [])],
)
def test_tags_are_texts_and_at_most_64(account: TelnyxAccount, told: Any, kept: list[str]) -> None:
    assert fold(account, [read(account, make_event(tags=told))])["tags"] == kept


@pytest.mark.parametrize(
    ("event_type", "told", "state"),
    [
        ("call.initiated", {"state": "parked"}, "parked"),
        ("call.initiated", {"state": "bridging"}, "initiated"),
        ("call.answered", {"state": "parked"}, "answered"),
    ],
)
def test_a_call_is_parked_by_the_event_that_begins_it_alone(
    account: TelnyxAccount, event_type: str, told: dict[str, str], state: str
) -> None:
    assert fold(account, [read(account, make_event(event_type, **told))])["state"] == state


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("said", "word"),
    [("human", "person"), ("machine_start", "machine"), ("fax", "fax"), ("unknown", "unsure"), ("somebody", "")],
)
def test_who_answered_is_what_texmls_detection_says(
    client: Client, account: TelnyxAccount, said: str, word: str
) -> None:
    told = {"CallStatus": "in-progress", "AnsweredBy": said, "CallbackSource": "call-progress-events"}
    assert post_texml(client, account, form(**told)).status_code == 200
    run_owed()
    assert Call.objects.get().answered_by == word


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("told", "state", "word"),
    [
        ({"CallStatus": "completed", "CallbackSource": "call-progress-events"}, "ended", "person"),
        ({"Digits": "1"}, "initiated", ""),  # which is told while the call goes on, and repeats what was told before
    ],
)
def test_who_answered_is_told_by_the_end_of_a_texml_call_too(
    client: Client, account: TelnyxAccount, told: dict[str, str], state: str, word: str
) -> None:
    assert post_texml(client, account, form(AnsweredBy="human", **told)).status_code == 200
    run_owed()
    assert (Call.objects.get().state, Call.objects.get().answered_by) == (state, word)


@pytest.mark.parametrize(
    ("event_type", "told", "lengths"),
    [
        ("call.initiated", {"from": "9" * 300, "to": "8" * 300}, {"from_number": 255, "to_number": 255}),
        (
            "call.hangup",
            dict.fromkeys(("hangup_cause", "hangup_source", "sip_hangup_cause"), "x" * 300),
            {"hangup_cause": 100, "hangup_source": 50, "sip_hangup_cause": 50},
        ),
        ("call.enqueued", {"queue": "q" * 300}, {"queue": 100}),
    ],
)
def test_what_is_told_at_more_length_than_its_column_has_is_cut(
    account: TelnyxAccount, event_type: str, told: dict[str, str], lengths: dict[str, int]
) -> None:
    call = fold(account, [read(account, make_event(event_type, -5, **told))])
    assert {name: len(call[name]) for name in lengths} == lengths


@pytest.mark.parametrize("odd", ["", None, 7, ["+13125550001"]])
def test_a_party_that_is_no_text_takes_the_place_of_no_other(account: TelnyxAccount, odd: Any) -> None:
    events = [make_event("call.initiated", -9), make_event("call.answered", -5, to=odd)]
    call = fold(account, [read(account, event) for event in events])
    assert (call["to_number"], call["state"]) == (TO, "answered")


def test_of_two_events_of_one_moment_the_later_step_counts_and_of_one_kind_always_the_same(
    account: TelnyxAccount,
) -> None:
    for _ in range(8):  # which has the greater id is by chance
        begun = make_event()
        answered, again = (make_event("call.answered", client_state=state) for state in ("YQ==", "Yg=="))
        bridged = make_event("call.bridged")
        for event in (answered, again, bridged):
            event["data"]["occurred_at"] = begun["data"]["occurred_at"]
        events = [read(account, event) for event in (begun, answered, again, bridged)]
        calls = [fold(account, list(order)) for order in itertools.permutations(events)]
        assert {call["state"] for call in calls} == {"bridged"}
        calls = [fold(account, list(order)) for order in itertools.permutations(events[:3])]
        assert {call["state"] for call in calls} == {"answered"}
        assert all(call == calls[0] for call in calls)


def test_of_two_callbacks_of_texml_of_one_moment_the_later_step_counts(account: TelnyxAccount) -> None:
    at = datetime.now(UTC).isoformat()
    for number in range(8):  # which has the greater key is by chance
        told = {"CallSid": f"v3:{number}-leg", "CallbackSource": "call-progress-events", "Timestamp": at}
        bodies = [form(**told, CallStatus=word) for word in ("queued", "ringing", "in-progress")]
        events = [intake.read(account, "texml", {}, body, RECEIVED) for body in bodies]
        for several, state in ((events, "answered"), (events[:2], "ringing")):
            assert {fold(account, list(order))["state"] for order in itertools.permutations(several)} == {state}


@pytest.mark.django_db
def test_what_is_told_late_of_a_lost_call_gives_it_no_new_life(account: TelnyxAccount) -> None:
    tell(account, make_event(seconds=-900), make_event("call.answered", -890))
    status.close_as_lost(Call.objects.get(), None, datetime.now(UTC))
    ended = Call.objects.get().ended_at
    tell(account, make_event("call.recording.saved", -800))
    call = Call.objects.get()
    assert (call.state, call.ended_at, call.has_recording) == ("lost", ended, True)
    tell(account, make_event("call.bridged", 2))
    assert (Call.objects.get().state, Call.objects.get().ended_at) == ("bridged", None)


def test_an_answer_that_a_step_of_the_call_tells_is_of_its_own_time(account: TelnyxAccount) -> None:
    """The earliest counts; what happens within the call tells none."""
    at = datetime.now(UTC)
    first, other = ((at - timedelta(seconds=seconds)).isoformat() for seconds in (17, 18))
    documents = [
        make_event("call.answered", -16),
        make_event("call.hangup", -1, answered_time=first),
        make_event("call.speak.started", -9, answered_time=other),
    ]
    for order in itertools.permutations([read(account, document) for document in documents]):
        assert fold(account, list(order))["answered_at"] == datetime.fromisoformat(first)


def test_what_a_recovery_brings_is_not_late_and_its_webhook_is_as_late_as_that(account: TelnyxAccount) -> None:
    body = json.dumps(make_event("call.answered", -9)).encode()
    webhook, recovered = (intake.read(account, source, {}, body, RECEIVED) for source in ("webhook", "backfill"))
    assert webhook.occurred_at
    late = round((RECEIVED - webhook.occurred_at).total_seconds(), 3)
    assert [fold(account, [event])["late_seconds"] for event in (webhook, recovered)] == [late, None]
    webhook.known_since = webhook.occurred_at + timedelta(seconds=7)
    assert fold(account, [webhook])["late_seconds"] == 7.0


@pytest.mark.django_db
def test_what_a_conference_of_texml_tells_of_a_leg_makes_it_no_texml_call(
    client: Client, account: TelnyxAccount
) -> None:
    call = make_call(account, "one")
    for fields, is_texml in (({"ConferenceSid": "c", "StatusCallbackEvent": "participant-join"}, False), ({}, True)):
        assert post_texml(client, account, form(**fields, Digits="1")).status_code == 200
        run_owed()
        assert (Call.objects.get().is_texml, CallEvent.objects.latest("received_at").call) == (is_texml, call)


@pytest.mark.django_db
def test_what_a_document_s_action_repeats_of_a_call_is_no_step_of_it(client: Client, account: TelnyxAccount) -> None:
    """Of a fetch that the call is answered is news, of what follows it is not: it has no time."""
    make_call(account, "one", state="ringing", answered_at=None)
    assert post_texml(client, account, form(Digits="1", CallStatus="in-progress")).status_code == 200
    run_owed()
    assert (CallEvent.objects.get().event_type, Call.objects.get().state) == ("texml.gather", "ringing")


@pytest.mark.parametrize("odd", ["9999-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "yesterday", None, 12])
def test_a_time_within_an_event_that_cannot_be_is_replaced_by_its_own(account: TelnyxAccount, odd: Any) -> None:
    begun, ended = make_event("call.initiated", -20, start_time=odd), make_event("call.hangup", -1, end_time=odd)
    answered = make_event("call.answered", -17)
    answered["data"]["payload"]["answered_time"] = odd
    events = [read(account, document) for document in (begun, answered, ended)]
    call = fold(account, events)
    assert [call[name] for name in ("started_at", "answered_at", "ended_at")] == [event.occurred_at for event in events]
