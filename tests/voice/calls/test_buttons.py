"""The buttons of a leg: what may be pressed; of a TeXML leg what its callbacks and commands say is running."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from applications.models import TexmlApplication
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.call_pages import page
from tests.support.factories import CONNECTION, make_call, run_owed
from tests.support.rows import Call, CallCommand, CallEvent
from tests.support.texml import form
from tests.support.webhooks import post_texml
from voice.commands import outbox

pytestmark = pytest.mark.django_db
MAY = ("voice.view_call", "voice.control_call")
BEGIN = ["redirect", "hang_up", "record", "start_stream", "start_siprec"]
RECORDING, OTHER = "8f1f4a44-0000-4000-8000-00000000aaaa", "8f1f4a44-0000-4000-8000-00000000bbbb"


@pytest.fixture
def leg(account: TelnyxAccount) -> Call:
    """A live leg of a TeXML application."""
    TexmlApplication.objects.create(account=account, telnyx_id=CONNECTION, friendly_name="ivr")
    return make_call(account)


def buttons(client: Client, call: Call) -> list[tuple[str, str, dict[str, str]]]:
    """Verb, label, and what the address of the page asks of it."""
    found = []
    for button in client.get(page(call)).context["buttons"]:
        parts = urlsplit(button.url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if button.action.startswith("texml."):
            assert parts.path == reverse("admin:voice_texml_do", args=[call.account_id, button.action])
            assert query.pop("call_sid") == call.call_control_id
        found.append((button.action.rpartition(".")[2], button.label, query))
    return found


def running(client: Client, call: Call) -> list[tuple[str, str]]:
    """Label and id of what can be stopped, paused, resumed."""
    stops = [one for one in buttons(client, call) if one[0] not in BEGIN]
    return [(label.rpartition(" …")[0], next(iter(query.values()))) for _, label, query in stops]


def hear(call: Call, **fields: str) -> None:
    assert post_texml(Client(), call.account, form(CallSid=call.call_control_id, **fields)).status_code == 200
    run_owed()


def done(call: Call, verb: str, *path: str, answer: Any = None, status: str = "ok", **values: Any) -> None:
    where = [call.call_control_id, *path]
    command = outbox.place(call.account, f"texml.calls.{verb}", values, PORTAL, path=where)
    CallCommand.objects.filter(pk=command.pk).update(status=status, answer=answer)


@pytest.mark.parametrize(
    ("columns", "verbs"),
    [
        ({}, BEGIN),
        ({"state": "initiated"}, BEGIN),  # of an incoming leg the answer may not have been told
        ({"state": "initiated", "direction": ""}, BEGIN),
        ({"state": "ringing", "direction": "outgoing"}, ["hang_up"]),
        ({"state": "answered", "direction": "outgoing"}, BEGIN),
        ({"state": "bridged", "direction": "outgoing"}, BEGIN),
        ({"state": "ended"}, []),
        ({"state": "lost"}, []),
    ],
)
def test_a_texml_leg_has_the_buttons_that_make_sense_now(
    browser: Client, leg: Call, columns: dict[str, str], verbs: list[str]
) -> None:
    Call.objects.update(**columns)
    assert [verb for verb, _, _ in buttons(browser, leg)] == verbs


def test_there_are_no_commands_of_call_control_and_the_page_says_why(browser: Client, leg: Call) -> None:
    html = browser.get(page(leg)).content.decode()
    assert "Telnyx advises against them" in html
    assert f"/{leg.pk}/do/" not in html
    assert reverse("admin:voice_texml_call", args=[leg.account_id, leg.call_control_id]) in html
    answer = browser.get(page(leg, "do", "hangup"), follow=True)
    assert answer.redirect_chain[0][0] == page(leg)
    assert "This is a TeXML call" in answer.content.decode()
    assert "This is a TeXML call" in browser.post(page(leg, "do", "hangup"), follow=True).content.decode()
    assert not CallCommand.objects.exists()


def test_of_an_unknown_leg_the_page_says_so(browser: Client, account: TelnyxAccount) -> None:
    call = make_call(account)
    assert "tells whether Call Control or TeXML runs it" in browser.get(page(call)).content.decode()
    assert "hangup" in [verb for verb, _, _ in buttons(browser, call)]


@pytest.mark.parametrize(
    ("columns", "red", "first"),
    [
        ({}, ["texml.calls.hang_up"], []),
        ({"connection_id": "77"}, ["hangup"], []),
        ({"connection_id": "77", "state": "parked"}, ["reject"], ["answer"]),
    ],
)
def test_what_ends_a_call_is_red_and_its_answer_comes_first(
    browser: Client, leg: Call, columns: dict[str, str], red: list[str], first: list[str]
) -> None:
    Call.objects.update(**columns)
    shown = browser.get(page(leg)).context["buttons"]
    assert [one.action for one in shown if one.is_red] == red
    assert [one.action for one in shown if one.is_first] == first


@pytest.mark.parametrize(
    ("permissions", "verbs"),
    [
        ((), []),
        (("voice.dial", "voice.listen_recording"), []),
        (("voice.control_call",), ["redirect", "hang_up", "update_recording", "update_recording"]),
        (("voice.control_call", "voice.listen_recording"), [*BEGIN, "update_recording", "update_recording"]),
    ],
)
def test_each_button_is_for_who_may_press_it(
    signed_in: Any, leg: Call, permissions: tuple[str, ...], verbs: list[str]
) -> None:
    done(leg, "record", answer={"sid": RECORDING})
    assert [verb for verb, _, _ in buttons(signed_in("voice.view_call", *permissions), leg)] == verbs


@pytest.mark.parametrize(("permissions", "status"), [((), 403), (("voice.listen_recording",), 200)])
def test_what_has_a_call_control_leg_recorded_is_offered_to_who_may_listen(
    signed_in: Any, account: TelnyxAccount, permissions: tuple[str, ...], status: int
) -> None:
    call, person = make_call(account), signed_in(*MAY, *permissions)
    offered = {name for _, members in person.get(page(call)).context["more"] for name, _ in members}
    assert ("start_recording" in offered, "speak" in offered, "transfer" in offered) == (status == 200, True, False)
    assert person.get(page(call, "do", "start_recording")).status_code == status
    assert person.get(page(call, "do", "speak")).status_code == 200


def test_a_recording_is_paused_resumed_and_stopped(browser: Client, leg: Call) -> None:
    assert running(browser, leg) == []
    hear(leg, RecordingSid=RECORDING, RecordingStatus="in-progress", RecordingSource="DialVerb")
    done(leg, "record", answer={"sid": RECORDING})  # the same one, told twice
    done(leg, "update_recording", RECORDING, Status="paused", status="refused")
    assert running(browser, leg) == [("Pause recording", RECORDING), ("Stop recording", RECORDING)]
    done(leg, "update_recording", RECORDING, Status="paused")
    assert running(browser, leg)[0] == ("Resume recording", RECORDING)
    assert [query["Status"] for _, _, query in buttons(browser, leg) if "Status" in query] == ["in-progress", "stopped"]
    assert [label for _, label, query in buttons(browser, leg) if query.get("Status") == "stopped"] == [
        "Stop recording …aaaa"
    ]
    done(leg, "update_recording", RECORDING, Status="in-progress")
    assert running(browser, leg)[0] == ("Pause recording", RECORDING)
    done(leg, "record", answer={"sid": OTHER})
    done(leg, "update_recording", RECORDING, Status="stopped")
    assert running(browser, leg) == [("Pause recording", OTHER), ("Stop recording", OTHER)]
    hear(leg, RecordingSid=OTHER, RecordingStatus="completed", RecordingUrl="https://example.com/a.wav")
    assert running(browser, leg) == []


def test_how_a_recording_stands_is_told_by_the_latest_command_of_it(browser: Client, leg: Call) -> None:
    done(leg, "record", answer={"sid": RECORDING})
    for _ in range(2):
        done(leg, "update_recording", RECORDING, Status="in-progress")
    set_to = CallCommand.objects.filter(action="texml.calls.update_recording")
    later, earlier = sorted(set_to, key=lambda one: one.pk)
    at = earlier.created_at + timedelta(seconds=1)
    CallCommand.objects.filter(pk=later.pk).update(parameters={"Status": "paused"}, created_at=at)
    assert running(browser, leg)[0] == ("Resume recording", RECORDING)


def test_of_two_recordings_that_run_each_has_buttons_of_its_own(browser: Client, leg: Call) -> None:
    for sid in (RECORDING, OTHER):
        done(leg, "record", answer={"sid": sid})
    done(leg, "update_recording", RECORDING, Status="paused")
    assert sorted(running(browser, leg)) == [
        *(("Pause recording", OTHER), ("Resume recording", RECORDING)),
        *(("Stop recording", RECORDING), ("Stop recording", OTHER)),
    ]


@pytest.mark.parametrize(
    ("field", "word", "start", "stop", "label"),
    [
        ("StreamSid", "Stream", "start_stream", "stop_stream", "Stop streaming"),
        ("SiprecSid", "Siprec", "start_siprec", "stop_siprec", "Stop SIPREC"),
    ],
)
def test_streams_and_siprec_are_stopped(
    browser: Client, leg: Call, field: str, word: str, start: str, stop: str, label: str
) -> None:
    given = {"Url": "wss://example.com/"} if word == "Stream" else {"ConnectorName": "archive"}
    done(leg, start, answer={"sid": "one"}, **given)
    done(leg, start, answer={"sid": "refused"}, status="refused", **given)
    hear(leg, **{f"{word}Event": f"{word.lower()}-started", field: "two"})  # by a document
    assert sorted(running(browser, leg)) == [(label, "one"), (label, "two")]
    assert {words for verb, words, _ in buttons(browser, leg) if verb == stop} == {f"{label} …one", f"{label} …two"}
    done(leg, stop, "one", Status="stopped")
    hear(leg, **{f"{word}Event": f"{word.lower()}-stopped", field: "two"})
    assert running(browser, leg) == []


@pytest.mark.parametrize(
    ("begun", "over"),
    [
        (
            {"RecordingSid": RECORDING, "RecordingStatus": "in-progress"},
            {"RecordingSid": RECORDING, "RecordingStatus": "absent"},
        ),
        ({"StreamSid": "one", "StreamEvent": "stream-started"}, {"StreamSid": "one", "StreamEvent": "stream-failed"}),
        ({"SiprecSid": "one", "SiprecEvent": "siprec-started"}, {"SiprecSid": "one", "SiprecEvent": "siprec-failed"}),
    ],
)
def test_what_failed_runs_no_more(browser: Client, leg: Call, begun: dict[str, str], over: dict[str, str]) -> None:
    hear(leg, **begun)
    assert running(browser, leg)
    hear(leg, **over)
    assert running(browser, leg) == []


def test_on_an_ended_leg_nothing_runs(browser: Client, leg: Call) -> None:
    hear(leg, RecordingSid=RECORDING, RecordingStatus="in-progress")
    assert running(browser, leg)
    Call.objects.update(state="ended")
    assert buttons(browser, leg) == []


@pytest.mark.parametrize("answer", [None, {}, {"sid": ""}, {"sid": 7}])
def test_what_telnyx_gave_no_id_cannot_be_named(browser: Client, leg: Call, answer: Any) -> None:
    done(leg, "record", answer=answer)
    assert running(browser, leg) == []


def test_what_runs_on_another_leg_is_not_this_one_s(browser: Client, leg: Call) -> None:
    other = make_call(leg.account, "b", direction="outgoing")
    done(other, "record", answer={"sid": OTHER})
    hear(other, StreamSid="one", StreamEvent="stream-started")
    assert running(browser, leg) == []
    assert [sid for _, sid in running(browser, other)] == [OTHER, OTHER, "one"]


def test_the_recording_of_a_conference_is_not_the_leg_s(browser: Client, leg: Call) -> None:
    hear(leg, RecordingSid=RECORDING, RecordingStatus="in-progress", ConferenceSid="room-1")
    assert running(browser, leg) == []


def test_a_callback_that_names_what_runs_beside_another_matter_begins_nothing(browser: Client, leg: Call) -> None:
    hear(leg, TranscriptionSid="words", RecordingSid=RECORDING, TranscriptionStatus="completed")
    assert CallEvent.objects.exclude(event_type="texml.recording.in_progress").exists()
    assert running(browser, leg) == []


def test_each_button_leads_to_a_page_that_knows_the_call(browser: Client, leg: Call) -> None:
    done(leg, "record", answer={"sid": RECORDING})
    for button in browser.get(page(leg)).context["buttons"]:
        html = browser.get(button.url).content.decode()
        assert "312-555-0101" in html, button.url
