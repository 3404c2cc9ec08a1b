"""Recordings as rows: whatever tells of them, in whatever order and however often."""

import itertools
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.factories import make_event, run_owed
from tests.support.rows import Call, CallEvent
from tests.support.texml import form
from tests.support.webhooks import post_texml, post_webhook
from voice.models import Recording

pytestmark = pytest.mark.django_db
ID = "867ab9ea-049e-5ad8-a254-c2fc1dbbb3b2"
SAVED = {
    "recording_id": ID,
    "channels": "dual",
    "format": "mp3",
    "recording_started_at": make_event("x", -27)["data"]["occurred_at"],
    "recording_ended_at": make_event("x", -1)["data"]["occurred_at"],
}
WORDS = {"recording_id": ID, "recording_transcription_id": "t-1", "transcription_text": "Please call me back."}


def columns(recording: Recording) -> dict[str, Any]:
    left_out = ("_state", "id", "call_id", "account_id")
    return {name: value for name, value in vars(recording).items() if name not in left_out}


def heard(client: Client, account: TelnyxAccount, *events: dict[str, Any]) -> None:
    for event in events:
        assert post_webhook(client, account, event).status_code == 200
        run_owed()


def test_every_order_makes_the_same_row(client: Client, account: TelnyxAccount) -> None:
    events = [
        make_event("call.initiated", -30),
        make_event("call.recording.saved", 0, **SAVED),
        make_event("call.recording.transcription.saved", 1, **WORDS),
    ]
    seen = []
    for order in itertools.permutations(events):
        heard(client, account, *order, order[0])
        seen.append(columns(Recording.objects.get()))
        assert Recording.objects.get().call == Call.objects.get()
        assert set(CallEvent.objects.values_list("status", flat=True)) == {"processed"}
        Recording.objects.all().delete()
        CallEvent.objects.all().delete()
        Call.objects.filter(account=account).delete()
    assert all(one == seen[0] for one in seen)
    assert (seen[0]["status"], seen[0]["channels"], seen[0]["transcript"]) == (
        "saved",
        "dual",
        WORDS["transcription_text"],
    )
    assert seen[0]["seconds"] == pytest.approx(26, abs=0.1)


def test_a_failure_is_a_row_with_its_reason_and_several_are_several(client: Client, account: TelnyxAccount) -> None:
    failed = [make_event("call.recording.error", at, reason=f"Storage said no {at}") for at in (0, 1)]
    heard(client, account, make_event(), *failed, failed[0])
    rows = Recording.objects.order_by("reason")
    assert [(row.status, row.reason, row.recording_id) for row in rows] == [
        ("failed", "Storage said no 0", ""),
        ("failed", "Storage said no 1", ""),
    ]


@pytest.mark.parametrize("backwards", [False, True])
def test_texml_callbacks_make_one_row_of_one_recording(client: Client, account: TelnyxAccount, backwards: bool) -> None:
    here = {"CallSid": "v3:texml", "RecordingSid": ID}
    told = [
        {"RecordingStatus": "in-progress", "RecordingChannels": "2", "RecordingSource": "DialVerb"},
        {"RecordingStatus": "completed", "RecordingChannels": "2", "RecordingDuration": "37"},
        {"RecordingDuration": "36", "Digits": "#", "RecordingUrl": "https://recordings.example/two.mp3"},
        {"TranscriptionSid": "t-1", "TranscriptionText": "Please call me back."},
    ]
    for fields in reversed(told) if backwards else told:
        assert post_texml(client, account, form(**here, **fields)).status_code == 200
        run_owed()
    row = Recording.objects.get()
    assert (row.status, row.is_texml, row.seconds, row.channels) == ("saved", True, 37.0, "dual")
    assert (row.transcript, row.source) == ("Please call me back.", "DialVerb")
    assert row.call == Call.objects.get()


def test_what_a_record_verb_recorded_is_found_among_the_recorded_calls(
    client: Client, account: TelnyxAccount, api: APIClient
) -> None:
    message = {"RecordingSid": ID, "RecordingDuration": "36", "Digits": "hangup"}  # no other callback was asked for
    for fields in ({"CallStatus": "in-progress"}, message, message):
        assert post_texml(client, account, form(CallSid="v3:texml", **fields)).status_code == 200
        run_owed()
    row = Recording.objects.get()
    assert (row.status, row.seconds, row.call) == ("saved", 36.0, Call.objects.get())
    for has_recording, found in (("true", ["v3:texml"]), ("false", [])):
        listed = api.get(f"/api/v1/calls/?account=main&has_recording={has_recording}").json()["results"]
        assert [one["call_control_id"] for one in listed] == found


def test_what_was_not_recorded_says_so(client: Client, account: TelnyxAccount) -> None:
    assert post_texml(client, account, form(CallSid="v3:texml", RecordingSid=ID, RecordingStatus="absent"))
    run_owed()
    row = Recording.objects.get()
    assert row.status == "failed"
    assert "recorded nothing" in row.reason


_ENDED = {"RecordingSid": ID, "RecordingDuration": "0", "Digits": "hangup"}  # the action of a <Record>
_ABSENT = {"RecordingSid": ID, "RecordingStatus": "absent"}
_OTHER = {"RecordingSid": "other", "RecordingStatus": "completed", "RecordingDuration": "9"}


@pytest.mark.parametrize(
    ("told", "is_recorded"),
    [
        ((_ENDED, _ABSENT), "false"),
        ((_ABSENT, _ENDED), "false"),
        ((_ENDED, _ABSENT, _OTHER), "true"),
        ((_OTHER, _ABSENT), "true"),
    ],
)
def test_a_call_of_which_telnyx_recorded_nothing_is_not_among_the_recorded_ones(
    client: Client, account: TelnyxAccount, api: APIClient, told: tuple[dict[str, str], ...], is_recorded: str
) -> None:
    for fields in told:
        assert post_texml(client, account, form(CallSid="v3:texml", **fields)).status_code == 200
        run_owed()
    for answer in ("true", "false"):
        listed = api.get(f"/api/v1/calls/?account=main&has_recording={answer}").json()["results"]
        assert [one["call_control_id"] for one in listed] == (["v3:texml"] if answer == is_recorded else [])


def test_a_conference_s_recording_is_no_leg_s(client: Client, account: TelnyxAccount) -> None:
    room = {"conference_id": "7ea0ec45-2aae-5a64-b1ff-ae3ff7ae401d"}
    heard(
        client,
        account,
        make_event(),
        make_event("conference.participant.joined", 1, **room),
        make_event("conference.recording.saved", 2, **SAVED, **room),
    )
    row = Recording.objects.get()
    assert (row.call, row.conference.conference_id) == (None, room["conference_id"])  # type: ignore[union-attr]


def test_the_same_id_of_another_account_is_another_recording(client: Client, account: TelnyxAccount) -> None:
    for one in (account, make_account(name="second")):
        heard(client, one, make_event("call.recording.saved", 0, **SAVED))
    assert set(Recording.objects.values_list("account__name", flat=True)) == {account.name, "second"}


@pytest.mark.parametrize("broken", ["", None, 12, "a/b", "x" * 101, "\u0000"])
def test_an_id_that_is_none_makes_no_row(client: Client, account: TelnyxAccount, broken: Any) -> None:
    heard(client, account, make_event("call.recording.saved", 0, **(SAVED | {"recording_id": broken})))
    assert not Recording.objects.exists()
    assert Call.objects.get().has_recording
