"""What each of TeXML's callbacks says in the story of its call."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.factories import run_owed
from tests.support.payloads import MORNING, Body, named, texml
from tests.support.rows import Call
from tests.support.texml import form
from tests.support.webhooks import post_texml
from voice.calls import timeline

pytestmark = pytest.mark.django_db
FORMS = [body for body in texml() if b"CallSid" in body.raw]
SAID = {
    "ai_gather": "valid",
    "amd": "a machine, after its beep · after 3120 ms",
    "call.answered": "",
    "call.completed": "Ended normally, on the caller's side · after 39 s",
    "call.completed-busy": "Busy",
    "call.fetch": "",
    "call.initiated": "+1 312-555-0143 → +1 312-555-0100",
    "call.ringing": "",
    "callback": "with Weather",
    "conference.join": "daily · as caller-1",
    "conference.leave": "daily · as caller-1",
    "conference.speaker": "daily · as caller-1",
    "conference.start": "daily · as caller-1",
    "conversation.created": "",
    "conversation.ended": "",
    "cost": "0.0055",
    "dial": "Nobody answered · after 0 s",
    "gather": "pressed 27",
    "gather-speech": "said “The front desk, please” · confidence 0.91",
    "queue": "front-desk · place 2 · of 3 · waited 0 s",
    "recording.absent": "of a Record · channels: 1",
    "recording.completed": "of a Dial · channels: 2 · 37 s",
    "recording.ended": "7 s",
    "recording.in_progress": "of a Dial · channels: 2",
    "refer": "under way · SIP 202 · SIP 100 told by the other side",
    "siprec.failed": "law · The recorder does not answer",
    "siprec.started": "law",
    "siprec.stopped": "law",
    "stream.failed": "ears · Connection timeout",
    "stream.failed-by-name": "ears · Connection timeout",
    "stream.started": "ears",
    "stream.stopped": "ears",
    "transcription": "completed",
}
ANSWERERS = {
    "human": "a person",
    "machine_start": "a machine",
    "machine_end_silence": "a machine, after its greeting",
    "machine_end_other": "a machine, after its greeting",
    "fax": "a fax",
    "unknown": "not known",
    "somebody": "somebody",
}
SOURCES = {
    "Conference": "of a conference",
    "OutboundAPI": "ordered with the dial",
    "StartCallRecordingAPI": "ordered by REST",
    "StartConferenceRecordingAPI": "ordered by REST",
    "Trunking": "of a trunk",
}


@pytest.fixture(autouse=True)
def _the_morning_of_the_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: MORNING)


def line(account: TelnyxAccount, raw: bytes, user: Any) -> timeline.Entry:
    assert post_texml(Client(), account, raw).status_code == 200
    run_owed()
    (entry,) = timeline.entries(timeline.legs(Call.objects.get()), user)
    return entry


def test_each_kind_of_callback_is_told() -> None:
    assert {body.file.removeprefix("texml.") for body in FORMS} == set(SAID)


@pytest.mark.parametrize("body", FORMS, ids=lambda body: body.file)
def test_a_callback_says_what_matters_in_words(account: TelnyxAccount, operator: Any, body: Body) -> None:
    entry = line(account, body.raw, operator)
    assert (entry.detail, entry.source) == (SAID[body.file.removeprefix("texml.")], "texml")
    assert entry.title != body.event_type


@pytest.mark.parametrize(
    ("file", "detail"),
    [
        ("call.initiated", "+1312•••0143 → +1312•••0100"),
        ("gather", "pressed ••"),
        ("gather-speech", "said “•••” · confidence 0.91"),
        ("cost", "0.0055"),
        ("queue", "front-desk · place 2 · of 3 · waited 0 s"),
        ("stream.failed", "ears · Connection timeout"),
        ("transcription", "completed"),
    ],
)
def test_numbers_keys_and_speech_are_masked(account: TelnyxAccount, user_with: Any, file: str, detail: str) -> None:
    support = user_with("voice.view_call", "voice.view_callevent")
    assert line(account, named(f"texml.{file}").raw, support).detail == detail


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"QueueSid": "front-desk", "QueueResult": "bridged", "QueueTime": "9"}, "front-desk · bridged · waited 9 s"),
        ({"CallStatus": "completed", "CallDuration": "7"}, "after 7 s"),  # and no cause
        ({"CallingPartyType": "pstn", "CallStatus": "ringing", "Direction": "inbound"}, "incoming"),
        ({"CallingPartyType": "pstn", "CallStatus": "ringing", "Direction": "outbound-api"}, "outbound-api"),
        *(({"AnsweredBy": told}, words) for told, words in ANSWERERS.items()),
        *(({"RecordingStatus": "absent", "RecordingSource": told}, words) for told, words in SOURCES.items()),
        ({"StreamEvent": "stream-started", "StreamName": "n" * 101}, "n" * 100),
        ({"StreamEvent": "paused", "Zeta": "1", "Alpha": "2", "AccountSid": "org-1"}, "with Alpha, StreamEvent, Zeta"),
        ({"StreamEvent": "paused", "N" * 150: "1"}, "with " + "N" * 150),
        (
            {"CallStatus": "failed", "ErrorCode": "D10", "ErrorMessage": "No such number"},
            "Could not be connected · code D10 · No such number",
        ),
    ],
)
def test_what_the_bodies_do_not_have_is_told_too(
    account: TelnyxAccount, operator: Any, fields: dict[str, str], detail: str
) -> None:
    assert line(account, form(**fields), operator).detail == detail


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"CallbackSource": "call-cost-events", "CallCost[v3:another]": "0.0055"}, ""),
        ({"CallbackSource": "call-progress-events", "CallStatus": "queued", "To": ""}, "+1 312-555-0143 → ?"),
        ({"CallbackSource": "call-progress-events", "CallStatus": "dozing"}, ""),
    ],
)
def test_of_what_a_callback_does_not_tell_nothing_is_said(
    account: TelnyxAccount, operator: Any, fields: dict[str, str], detail: str
) -> None:
    assert line(account, form(**fields), operator).detail == detail


def test_a_number_among_the_names_of_unknown_fields_is_masked(account: TelnyxAccount, user_with: Any) -> None:
    support = user_with("voice.view_call", "voice.view_callevent")
    assert "5550143" not in line(account, form(**{"called +13125550143": "x"}), support).detail
