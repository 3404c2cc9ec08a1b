"""A call is recorded, paused, stopped; what was recorded is listed, heard, transcribed and deleted."""

import io
import wave
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from tests.support.polling import eventually
from tests.support.sandbox_http import refusal
from tests.support.sandbox_texml import Account, forms, wait_form
from tests.support.webhook_receiver import Receiver

NOT_FOUND = (404, {"errors": [{"detail": "Resource not found"}]})


def of_call(account: Account, sid: str) -> list[tuple[str, str]]:
    page = account("GET", f"Calls/{sid}/Recordings.json")[1]
    return [(recording["sid"], recording["status"]) for recording in page["recordings"]]


def test_a_recording_keeps_its_state(account: Account, talking: str) -> None:
    status, made = account("POST", f"Calls/{talking}/Recordings.json", {"RecordingTrack": "inbound"})
    assert (status, made["source"], made["channels"], made["track"]) == (200, "StartCallRecordingAPI", 2, "inbound")
    assert of_call(account, talking) == [(made["sid"], "in-progress")]
    path = f"Calls/{talking}/Recordings/{made['sid']}.json"
    for asked in ("paused", "paused", "in-progress", "paused"):
        assert account.form(path, {"Status": asked})[0] == 200
        assert of_call(account, talking) == [(made["sid"], asked)]
        assert account("GET", f"Recordings/{made['sid']}.json")[1]["status"] == asked
    assert account("POST", path, {"Status": "stopped"})[0] == 200
    assert of_call(account, talking) == [(made["sid"], "stopped")]
    assert account("POST", path, {"Status": "in-progress"}) == NOT_FOUND
    eventually(lambda: of_call(account, talking) == [(made["sid"], "completed")], "saved", account.http.exchange)


@pytest.mark.parametrize("resource", ["/v2/recordings/{}", "/v2/texml/Accounts/{account}/Recordings/{}.json"])
def test_one_that_was_stopped_and_deleted_does_not_come_back(account: Account, talking: str, resource: str) -> None:
    sid = account("POST", f"Calls/{talking}/Recordings.json", {})[1]["sid"]
    account("POST", f"Calls/{talking}/Recordings/{sid}.json", {"Status": "stopped"})
    eventually(lambda: of_call(account, talking) == [(sid, "completed")], "saved", account.http.exchange)
    assert account.http("DELETE", resource.format(sid, account=account.sid))[0] in (200, 204)
    assert of_call(account, talking) == []
    assert account("GET", f"Recordings/{sid}.json") == NOT_FOUND


@pytest.mark.parametrize("body", [{}, {"Status": "completed"}])
def test_another_state_is_refused(account: Account, talking: str, body: dict[str, str]) -> None:
    sid = account("POST", f"Calls/{talking}/Recordings.json", {})[1]["sid"]
    assert refusal(account("POST", f"Calls/{talking}/Recordings/{sid}.json", body))[2] == "/Status"


def test_its_beginning_and_end_are_told_as_asked_for(account: Account, talking: str, receiver: Receiver) -> None:
    more = {
        "RecordingStatusCallback": f"{receiver.origin}/own",
        "RecordingStatusCallbackEvent": "in-progress completed",
        "RecordingChannels": "single",
    }
    sid = account.form(f"Calls/{talking}/Recordings.json", more)[1]["sid"]
    account.http.end(talking)
    begun, ended = (hook.body for hook in forms(receiver, RecordingSid=sid))
    assert (begun["RecordingStatus"], begun["RecordingChannels"]) == ("in-progress", "1")
    assert not {"RecordingUrl", "RecordingDuration", "Timestamp", "From", "To"} & set(begun)
    assert (ended["RecordingStatus"], ended["RecordingSource"]) == ("completed", "StartCallRecordingAPI")
    kept = account("GET", f"Recordings/{sid}.json")[1]
    assert kept["duration"] == ended["RecordingDuration"]
    assert urlsplit(kept["media_url"]).path == urlsplit(ended["RecordingUrl"]).path


def test_by_default_the_end_is_told_and_the_link_can_be_left_out(
    account: Account, talking: str, receiver: Receiver
) -> None:
    more = {"RecordingStatusCallback": f"{receiver.origin}/own", "SendRecordingUrl": False}
    sid = account("POST", f"Calls/{talking}/Recordings.json", more)[1]["sid"]
    account.http.end(talking)
    (hook,) = forms(receiver, RecordingSid=sid)
    assert (hook.body["RecordingStatus"], "RecordingUrl" in hook.body) == ("completed", False)


def test_a_call_is_recorded_from_its_answer(account: Account, receiver: Receiver) -> None:
    more = {"RecordingStatusCallback": f"{receiver.origin}/own", "RecordingStatusCallbackEvent": "in-progress"}
    sid = account.dial(Record=True, RecordingChannels="dual", **more)
    begun = wait_form(receiver, CallSid=sid, RecordingStatus="in-progress")
    assert (begun["RecordingSource"], begun["RecordingChannels"]) == ("OutboundAPI", "2")
    account.http.end(sid)
    assert [status for _, status in of_call(account, sid)] == ["completed"]
    assert account.dial("+13125550002", Record=True)


def test_a_recording_can_be_heard_and_deleted(account: Account, talking: str) -> None:
    account("POST", f"Calls/{talking}/Recordings.json", {})
    account.http.end(talking)
    page = account("GET", "Recordings.json", query="DateCreated%3E=2020-01-01T00:00:00Z")[1]
    (recording,) = page["recordings"]
    assert (recording["call_sid"], recording["status"]) == (talking, "completed")
    with urlopen(recording["media_url"]) as answer:
        assert answer.headers["Content-Type"] == "audio/mpeg"
        assert len(answer.read()) > 100
    path = f"Recordings/{recording['sid']}.json"
    assert account("DELETE", path) == (204, None)
    assert account("DELETE", path) == account("GET", path) == NOT_FOUND
    assert account.http("GET", urlsplit(recording["media_url"]).path)[0] == 404
    assert account("GET", "Recordings.json")[1]["recordings"] == []


def test_call_controls_recordings_are_the_same(account: Account, talking: str) -> None:
    assert account.http.act(talking, "record_start", channels="dual", format="wav")[0] == 200
    account.http.end(talking)
    (kept,) = account.http("GET", "/v2/recordings")[1]["data"]
    found = account("GET", f"Recordings/{kept['id']}.json")[1]
    assert found["source"] == kept["initiated_by"]
    with urlopen(found["media_url"]) as answer, wave.open(io.BytesIO(answer.read())) as audio:
        assert audio.getnchannels() == found["channels"] == 2


@pytest.fixture
def transcription(account: Account, receiver: Receiver) -> dict[str, Any]:
    account.http.end(account.ring("texml_record"))
    return wait_form(receiver, TranscriptionStatus="completed")


def test_a_transcription_is_read_and_deleted(account: Account, transcription: dict[str, Any]) -> None:
    (listed,) = account("GET", "Transcriptions.json")[1]["transcriptions"]
    assert (listed["sid"], listed["recording_sid"]) == (
        transcription["TranscriptionSid"],
        transcription["RecordingSid"],
    )
    path = f"Transcriptions/{listed['sid']}.json"
    assert account("GET", path)[1] == listed
    assert listed["transcription_text"] == transcription["TranscriptionText"]
    assert account("DELETE", f"Recordings/{listed['recording_sid']}.json") == (204, None)
    assert "call_sid" not in account("GET", path)[1]
    assert account("DELETE", path) == (204, None)
    assert account("DELETE", path) == account("GET", path) == NOT_FOUND
