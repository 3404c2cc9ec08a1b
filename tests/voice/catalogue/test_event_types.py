"""Every event type that Telnyx names: posted to its door as Telnyx would, it is stored, read and worked off."""

import json
import typing
from datetime import datetime
from typing import Any

import pytest
import telnyx
from django.test import Client
from django.utils import timezone
from telnyx.types.unwrap_webhook_event import UnwrapWebhookEvent

from portal.models import TelnyxAccount
from tests.support.factories import make_event
from tests.support.payloads import MORNING, Body, call_control, named, texml
from tests.support.rows import Call, CallEvent, Conference
from tests.support.signing import signed
from tests.support.texml import form
from tests.support.webhooks import post_texml, post_webhook
from voice.catalogue.event_types import EVENT_TYPES, TEXML_TYPES, ending, label
from voice.events.processing import process

pytestmark = pytest.mark.django_db

JSON, FORMS = call_control(), texml()
# Of products that this portal is about. The SDK's other webhooks are messages, faxes, number orders.
PRODUCTS = ("call.", "conference.", "streaming.", "siprec.")
# Not in the SDK: the same names with "call." before them (the files say where they stand).
IN_NO_SCHEMA = {"call.sip_info.received", "conversation_insight_result"}
SPELT_OTHERWISE = {f"call.{name}" for name in EVENT_TYPES if f"call.{name}" in EVENT_TYPES}
# seen on the wire and in no schema
ON_THE_WIRE = {
    "call.hangup": {"calling_party_type", "end_time"},
    "call.recording.saved": {"call_control_id", "recording_id", "format", "from", "to"},
}
# What the call is after this one event alone.
STATES: dict[str, dict[str, Any]] = {
    "call.initiated": {
        "state": "parked",
        "direction": "incoming",
        "from_number": "+13125550142",
        "tags": ["front desk"],
    },
    "call.answered": {"state": "answered", "answered_at": "2026-11-20T09:00:03", "to_number": "+13125550100"},
    "call.bridged": {"state": "bridged", "bridged_at": "2026-11-20T09:00:20"},
    "call.hangup": {
        "state": "ended",
        "ended_at": "2026-11-20T09:00:41.905",
        "started_at": "2026-11-20T09:00:00.12",
        "hangup_cause": "normal_clearing",
        "hangup_source": "caller",
        "sip_hangup_cause": "200",
    },
    "call.recording.saved": {"has_recording": True, "state": "initiated"},
    "siprec.stopped": {"hangup_cause": "", "state": "initiated"},  # the cause is SIPREC's
    "texml.call.initiated": {"state": "initiated", "from_number": "+13125550143", "to_number": "+13125550100"},
    "texml.call.ringing": {"state": "ringing"},
    "texml.call.answered": {"state": "answered", "answered_at": "2026-11-20T09:00:02.914"},
    "texml.call.completed": {
        "state": "ended",
        "started_at": "2026-11-20T09:00:00.028",
        "answered_at": "2026-11-20T09:00:02.9",
        "ended_at": "2026-11-20T09:00:41.87",
        "hangup_cause": "normal_clearing",
        "hangup_source": "caller",
    },
    "texml.call.completed-busy": {"state": "ended", "ended_at": "2026-11-20T09:00:04", "hangup_cause": "busy"},
    "texml.recording.completed": {"has_recording": True, "state": "initiated"},
    "texml.dial": {"state": "initiated", "hangup_cause": ""},  # what ended is the dialled leg
    "texml.call.fetch": {"state": "initiated"},
    "texml.amd": {"state": "initiated"},
}


@pytest.fixture(autouse=True)
def _the_morning_of_the_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: MORNING)


def of_the_sdk() -> dict[str, Any]:
    """By event type the SDK's model of ``data`` (of the whole, where there is none)."""
    found = {}
    for model in typing.get_args(UnwrapWebhookEvent):
        data = model.model_fields.get("data")
        inner = _model(data.annotation) if data else model
        if inner and "event_type" in inner.model_fields:
            found |= dict.fromkeys(_literals(inner.model_fields["event_type"].annotation), inner)
    return {name: model for name, model in found.items() if name.startswith(PRODUCTS)}


def _model(annotation: Any) -> Any:
    return next((one for one in typing.get_args(annotation) if hasattr(one, "model_fields")), None)


def _literals(annotation: Any) -> list[str]:
    if typing.get_origin(annotation) is typing.Literal:
        return [str(one) for one in typing.get_args(annotation)]
    return [name for part in typing.get_args(annotation) for name in _literals(part)]


def members(model: Any) -> set[str]:
    payload = _model(model.model_fields["payload"].annotation)
    return {field.alias or name for name, field in payload.model_fields.items()}


def test_the_vocabulary_is_the_sdk_s_and_what_is_named_elsewhere() -> None:
    assert len(of_the_sdk()) > 60
    assert set(EVENT_TYPES) == set(of_the_sdk()) | SPELT_OTHERWISE | IN_NO_SCHEMA


def test_there_is_a_body_of_every_type_and_each_names_its_source() -> None:
    assert {body.event_type for body in JSON} == set(EVENT_TYPES)
    assert {body.event_type for body in FORMS} == set(TEXML_TYPES)
    assert all(len(body.source) > 10 for body in [*JSON, *FORMS])
    assert len({json.loads(body.raw).get("data", json.loads(body.raw))["id"] for body in JSON}) == len(JSON)


def test_every_type_has_words_for_people() -> None:
    assert all(label(name) != name and label(name) for name in EVENT_TYPES | TEXML_TYPES)


@pytest.mark.parametrize("body", JSON, ids=lambda body: body.file)
def test_a_body_has_the_members_that_the_sdk_knows(body: Body) -> None:
    document = json.loads(body.raw)
    payload = document.get("data", document)["payload"]
    like = of_the_sdk().get(body.event_type) or of_the_sdk().get(body.event_type.removeprefix("call."))
    if like is None:
        assert body.event_type in IN_NO_SCHEMA
        return
    assert set(payload) == members(like) | ON_THE_WIRE.get(body.event_type, set())


@pytest.mark.parametrize("body", JSON, ids=lambda body: body.file)
def test_the_sdk_takes_a_body_for_what_it_is(body: Body, account: TelnyxAccount) -> None:
    if body.event_type not in of_the_sdk() or body.event_type == "conference.floor.changed":  # not under data
        return
    sdk = telnyx.Telnyx(api_key="KEY", base_url="http://127.0.0.1:9")
    event: Any = sdk.webhooks.unwrap(body.raw.decode(), headers=signed(body.raw), key=account.public_key)
    assert event.data.event_type == body.event_type


@pytest.mark.parametrize("body", JSON, ids=lambda body: body.file)
def test_a_webhook_of_every_type_is_stored_read_and_worked_off(
    client: Client, account: TelnyxAccount, body: Body
) -> None:
    assert post_webhook(client, account, body.raw).status_code == 200
    event = CallEvent.objects.get()
    document = json.loads(body.raw)
    data = document.get("data", document)
    assert (event.event_type, event.source, event.status) == (body.event_type, "webhook", "received")
    assert (event.event_id, bytes(event.body), event.payload) == (data["id"], body.raw, data["payload"])
    for name in ("call_control_id", "call_leg_id", "call_session_id", "connection_id"):
        assert getattr(event, name) == data["payload"].get(name, "")
    told = data.get("occurred_at") or data["payload"].get("occurred_at")
    assert event.occurred_at == (datetime.fromisoformat(told) if told else None)
    process(event.pk)
    assert_worked_off(body, "processed")


@pytest.mark.parametrize("body", FORMS, ids=lambda body: body.file)
def test_a_texml_callback_of_every_kind_is_stored_read_and_worked_off(
    client: Client, account: TelnyxAccount, body: Body
) -> None:
    answer = post_texml(client, account, body.raw)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/xml")
    event = CallEvent.objects.get()
    assert (event.event_type, event.source, event.status) == (body.event_type, "texml", "received")
    assert (event.event_id, bytes(event.body)) == (None, body.raw)
    assert event.payload == {name: value for name, value in event.payload.items() if isinstance(value, str)}
    assert event.call_control_id == event.payload.get("CallSid", "")
    assert event.connection_id == event.payload.get("ConnectionId", "")
    assert (event.occurred_at is None) == ("Timestamp" not in event.payload)
    process(event.pk)
    assert_worked_off(body, "processed" if "CallSid" in event.payload else "ignored")


def assert_worked_off(body: Body, status: str) -> None:
    event = CallEvent.objects.get()
    assert (event.status, event.error) == (status, "")
    assert Call.objects.count() == (1 if event.call_control_id else 0)
    assert Conference.objects.count() == (1 if "conference_id" in (event.payload or {}) else 0)
    for column, value in STATES.get(body.file, {}).items():
        found = getattr(Call.objects.get(), column)
        if column.endswith("_at"):
            assert found.isoformat().startswith(value), column
        else:
            assert found == value, column


def test_the_whole_course_of_a_texml_call_in_any_order_is_the_same_call(client: Client, account: TelnyxAccount) -> None:
    course = [named(f"texml.call.{name}") for name in ("initiated", "ringing", "answered", "completed")]
    for order in (course, course[::-1], [course[3], course[1], course[0], course[2]]):
        CallEvent.objects.all().delete()
        Call.objects.all().delete()
        for body in order:
            post_texml(client, account, body.raw)
        for event in CallEvent.objects.order_by("received_at"):
            process(event.pk)
        call = Call.objects.get()
        assert (call.state, call.ring_seconds, call.talk_seconds) == ("ended", 2.872, 38.97)
        assert (call.from_number, call.hangup_cause, call.call_leg_id != "") == (
            "+13125550143",
            "normal_clearing",
            True,
        )


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("call_rejected", "Rejected"),
        ("normal_clearing", "Ended normally"),
        ("originator_cancel", "The caller gave up"),
        ("timeout", "Nobody answered in time"),
        ("time_limit", "Ended by the time limit"),
        ("user_busy", "Busy"),
        ("not_found", "Number not reachable"),
        ("no_answer", "Nobody answered"),
        ("unspecified", "No cause given"),
        ("busy", "Busy"),
        ("no-answer", "Nobody answered"),
        ("canceled", "The caller gave up"),
        ("failed", "Could not be connected"),
        ("a_new_one", "A new one"),
    ],
)
def test_a_cause_is_told_in_words_and_on_whose_side(cause: str, words: str) -> None:
    assert ending(cause, "") == ending(cause, "unknown") == words
    assert ending(cause, "caller") == f"{words}, on the caller's side"
    assert ending(cause, "callee") == f"{words}, on the called side"
    assert ending("", "caller") == ""


HIGH, LOW = "ffffffff-ffff-4fff-8fff-ffffffffffff", "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("before", "after", "state"),
    [("call.initiated", "call.answered", "answered"), ("call.answered", "call.bridged", "bridged")],
)
def test_of_events_of_one_moment_the_one_that_comes_later_in_a_call_says_how_it_stands(
    client: Client, account: TelnyxAccount, before: str, after: str, state: str, turned: bool
) -> None:
    """Whatever their ids, by which the rest is decided."""
    told = [make_event(before), make_event(after)]
    for event, name in zip(told, (HIGH, LOW), strict=True):
        event["data"] |= {"id": name, "occurred_at": MORNING.isoformat()}
    for event in reversed(told) if turned else told:
        assert post_webhook(client, account, event).status_code == 200
        process(CallEvent.objects.get(event_id=event["data"]["id"]).pk)
    assert Call.objects.get().state == state


@pytest.mark.parametrize(("before", "after"), [("initiated", "ringing"), ("ringing", "answered")])
def test_of_callbacks_of_one_moment_the_one_that_comes_later_in_a_call_says_how_it_stands(
    client: Client, account: TelnyxAccount, before: str, after: str
) -> None:
    told = {"CallbackSource": "call-progress-events", "Timestamp": MORNING.isoformat()}
    for at in range(8):  # what only chance decides would not be the same for all
        for word in (after, before):
            assert post_texml(client, account, form(CallSid=f"v3:{at}", CallStatus=word, **told)).status_code == 200
    for event in CallEvent.objects.all():
        process(event.pk)
    assert list(Call.objects.values_list("state", flat=True)) == [after] * 8
