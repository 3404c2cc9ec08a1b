"""Recordings: told, listed, heard, deleted."""

import io
import time
import wave
from datetime import datetime
from typing import Any
from urllib.request import urlopen

import telnyx

from tests.support.sandbox_http import Http, refused
from tests.support.webhook_receiver import Receiver

WAV = {"format": "wav", "channels": "dual"}


def fetched(url: str) -> bytes:
    with urlopen(url, timeout=60) as answer:
        return bytes(answer.read())


def test_a_recording_is_told_listed_and_can_be_heard(
    sdk: telnyx.Telnyx, http: Http, answered: str, receiver: Receiver
) -> None:
    http.act(answered, "record_start", **WAV)
    http.act(answered, "record_stop")
    payload = receiver.wait("call.recording.saved", answered).payload
    with wave.open(io.BytesIO(fetched(payload["recording_urls"]["wav"]))) as audio:
        assert (audio.getnchannels(), audio.getframerate(), audio.getnframes() > 0) == (2, 8000, True)
        assert len(set(audio.readframes(200))) > 10  # no silence
    recording = sdk.recordings.retrieve(payload["recording_id"]).data
    assert recording
    assert recording.download_urls
    assert recording.download_urls.wav
    assert fetched(recording.download_urls.wav)[:4] == b"RIFF"
    assert (recording.call_control_id, recording.channels, recording.from_) == (answered, "dual", "+13125550143")
    assert [one.id for one in sdk.recordings.list(filter={"call_leg_id": payload["call_leg_id"]})] == [recording.id]
    assert list(sdk.recordings.list(filter={"call_leg_id": "another"})) == []
    assert list(sdk.recordings.list(filter={"created_at": {"gte": "2100-01-01T00:00:00Z"}})) == []


def test_a_recording_ends_with_its_call(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "record_start", **WAV, transcription=True)
    http.act(answered, "hangup")
    receiver.wait("call.recording.transcription.saved", answered)
    assert receiver.types(answered)[-3:] == [
        "call.hangup",
        "call.recording.saved",
        "call.recording.transcription.saved",
    ]


def test_a_recording_stopped_just_before_the_end_is_kept(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "record_start", **WAV)
    http.act(answered, "record_stop")
    http.act(answered, "hangup")
    receiver.wait("call.recording.saved", answered)


def test_a_recording_ends_at_its_length(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "record_start", **WAV, max_length=1)
    receiver.wait("call.recording.saved", answered)
    assert http("GET", f"/v2/calls/{answered}")[1]["data"]["is_alive"] is True


def test_a_call_answered_with_record_is_recorded_under_the_id_told(
    http: Http, application: Any, receiver: Receiver
) -> None:
    id = http.ring()
    told = http.act(id, "answer", record="record-from-answer", record_format="wav")[1]["data"]["recording_id"]
    http.act(id, "hangup")
    assert receiver.wait("call.recording.saved", id).payload["recording_id"] == told


def test_only_a_recording_under_way_is_stopped_by_its_id(http: Http, answered: str) -> None:
    http.act(answered, "record_start", **WAV)
    assert refused(http.act(answered, "record_stop", recording_id="another")) == (422, "10015")


def test_a_pause_is_left_out_of_the_length(sdk: telnyx.Telnyx, http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "record_start", **WAV)
    http.act(answered, "record_pause")
    time.sleep(0.2)
    http.act(answered, "record_resume")
    http.act(answered, "record_stop")
    payload = receiver.wait("call.recording.saved", answered).payload
    began, ended = (datetime.fromisoformat(payload[f"recording_{what}_at"]) for what in ("started", "ended"))
    recording = sdk.recordings.retrieve(payload["recording_id"]).data
    assert recording
    assert recording.duration_millis is not None
    assert (ended - began).total_seconds() - recording.duration_millis / 1000 > 0.19


def test_a_deleted_recording_is_gone(sdk: telnyx.Telnyx, http: Http, answered: str, receiver: Receiver) -> None:
    for _ in range(2):
        http.act(answered, "record_start", **WAV)
    http.act(answered, "record_stop")
    first = receiver.wait("call.recording.saved", answered).payload["recording_id"]
    second = receiver.wait("call.recording.saved", answered, count=2).payload["recording_id"]
    sdk.recordings.delete(first)
    assert refused(http("GET", f"/v2/recordings/{first}")) == (404, "10005")
    assert sdk.recordings.actions.delete(ids=[second]) is not None
    assert list(sdk.recordings.list()) == []
    assert http("GET", f"/sandbox/media/{second}.wav")[0] == 404


def test_recordings_are_not_heard_under_another_name(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "record_start", **WAV)
    http.act(answered, "record_stop")
    id = receiver.wait("call.recording.saved", answered).payload["recording_id"]
    assert http("GET", f"/sandbox/media/{id}.wav", Host="evil.example")[0] == 404


def test_a_transcription_is_listed_retrieved_and_deleted(
    sdk: telnyx.Telnyx, http: Http, answered: str, receiver: Receiver
) -> None:
    http.act(answered, "record_start", **WAV, transcription=True)
    http.act(answered, "record_stop")
    told = receiver.wait("call.recording.transcription.saved", answered).payload
    id = told["recording_transcription_id"]
    (listed,) = sdk.recording_transcriptions.list().data or []
    assert (listed.id, listed.recording_id, listed.status) == (id, told["recording_id"], "completed")
    found = sdk.recording_transcriptions.retrieve(id).data
    assert found
    assert found.transcription_text == told["transcription_text"]
    assert sdk.recording_transcriptions.delete(id).data
    assert refused(http("GET", f"/v2/recording_transcriptions/{id}")) == (404, "10005")
