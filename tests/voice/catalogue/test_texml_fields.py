"""What the fields of a TeXML callback tell: which kind it is, and when it happened."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from tests.support.factories import run_owed
from tests.support.rows import Call
from tests.support.texml import form, stored
from tests.support.times import ago
from tests.support.webhooks import post_texml

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("fields", "event_type"),
    [
        (
            {"CallStatus": "completed", "AnsweredBy": "human", "CallbackSource": "call-progress-events"},
            "call.completed",
        ),
        ({"CallStatus": "in-progress", "AnsweredBy": "human", "CallbackSource": "call-progress-events"}, "amd"),
        ({"CallStatus": "queued", "CallbackSource": "call-progress-events"}, "call.initiated"),
        ({"CallStatus": "dozing", "CallbackSource": "call-progress-events"}, "callback"),
        ({"CallStatus": "completed", "Timestamp": "2026-01-01T00:00:00Z"}, "call.completed"),
        ({"CallStatus": "completed"}, "call.completed"),
        ({"CallStatus": "completed", "DialCallStatus": "busy"}, "dial"),  # its caller's call goes on
        ({"CallStatus": "completed", "AnsweredBy": "human"}, "call.completed"),  # an end is one, whatever else it tells
        ({"AnsweredBy": "human", "CallingPartyType": "pstn"}, "amd"),
        ({"CallStatus": "in-progress", "Digits": "1"}, "gather"),
        ({"CallStatus": "in-progress", "Digits": ""}, "gather"),  # no key was pressed
        ({"RecordingStatus": "paused"}, "callback"),
        ({"ConferenceSid": "c", "StatusCallbackEvent": "participant-speech-start"}, "conference.speaker"),
        ({"ConferenceSid": "c", "StatusCallbackEvent": "participant-hold"}, "callback"),
        ({"CallStatus": "ringing", "StatusCallbackEvent": "ringing"}, "call.ringing"),  # of a call, not of a conference
    ],
)
def test_a_callback_is_told_from_its_fields(
    client: Client, account: TelnyxAccount, fields: dict[str, str], event_type: str
) -> None:
    assert stored(client, account, form(**fields)).event_type == f"texml.{event_type}"


@pytest.mark.parametrize(
    "text",
    ["Fri, 20 Nov 2026 09:00:04 +0000", "2026-11-20T09:00:04Z", "2026-11-20 10:00:04+01:00", "2026-11-20T09:00:04"],
)
def test_a_time_is_read_as_the_guide_writes_it_and_as_it_comes(
    client: Client, account: TelnyxAccount, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime(2026, 11, 20, 9, 0, 4, tzinfo=UTC)
    monkeypatch.setattr("django.utils.timezone.now", lambda: at)
    assert stored(client, account, form(CallStatus="ringing", Timestamp=text)).occurred_at == at


@pytest.mark.parametrize("text", ["yesterday", "Fri, 99 Nov 2026 09:00:04 +0000", "9999-01-01T00:00:00Z", "1", "-"])
def test_a_time_that_cannot_be_is_none(client: Client, account: TelnyxAccount, text: str) -> None:
    assert stored(client, account, form(CallStatus="ringing", Timestamp=text)).occurred_at is None


@pytest.mark.parametrize("names", [("CallInitiatedAt",), ("StartTime",), ("CallInitiatedAt", "StartTime")])
def test_when_a_call_began_is_told_by_the_first_time_of_it_that_there_is(
    client: Client, account: TelnyxAccount, names: tuple[str, ...]
) -> None:
    times = {name: ago(60 + at) for at, name in enumerate(names)}
    told = {"CallStatus": "in-progress", "CallbackSource": "call-progress-events"}
    body = form(**told, **{name: at.isoformat() for name, at in times.items()})
    assert post_texml(client, account, body).status_code == 200
    run_owed()
    assert Call.objects.get().started_at == times[names[0]]


@pytest.mark.parametrize("word", ["busy", "no-answer", "canceled", "failed"])
def test_an_end_that_says_why_is_the_cause_where_no_other_is_told(
    client: Client, account: TelnyxAccount, word: str
) -> None:
    told = {"CallStatus": word, "CallbackSource": "call-progress-events", "Timestamp": ago(1).isoformat()}
    assert post_texml(client, account, form(**told)).status_code == 200
    run_owed()
    call = Call.objects.get()
    assert (call.state, call.hangup_cause) == ("ended", word)


@pytest.mark.parametrize("word", ["initiated", "answered"])
def test_how_a_call_stands_may_be_told_in_call_control_s_words(
    client: Client, account: TelnyxAccount, word: str
) -> None:
    told = form(CallStatus=word, CallbackSource="call-progress-events")
    assert stored(client, account, told).event_type == f"texml.call.{word}"
