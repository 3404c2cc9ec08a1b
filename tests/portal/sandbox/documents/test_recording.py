"""What is recorded by a document can be heard, and its addresses are told."""

from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from tests.support.sandbox_texml import Account, at, forms, wait_form
from tests.support.texml_runs import response
from tests.support.webhook_receiver import Receiver

RECORD = '<Record action="/next" recordingStatusCallback="/recorded"'


def heard(url: str) -> tuple[int, bytes]:
    """The status, and the first bytes of a recording."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}")
        answer = connection.getresponse()
        return answer.status, answer.read()[:4]
    finally:
        connection.close()


@pytest.mark.parametrize(("format", "begins"), [("mp3", b"\xff\xfb\x10\xc4"), ("wav", b"RIFF")])
def test_a_message_is_left_and_its_action_gets_the_recording(
    account: Account, receiver: Receiver, format: str, begins: bytes
) -> None:
    receiver.documents = {"/voice": response(f'{RECORD} format="{format}"/>'), "/next": response("<Say>Thanks</Say>")}
    sid = account.ring("texml_voicemail")
    account.http.end(sid)
    (form,) = at(receiver, "/next")
    assert (form["CallSid"], form["Digits"]) == (sid, "#")
    assert heard(form["RecordingUrl"]) == (200, begins)
    (told,) = at(receiver, "/recorded")
    assert (told["RecordingSid"], told["RecordingSource"]) == (form["RecordingSid"], "RecordVerb")
    assert account("GET", f"Calls/{sid}/Recordings.json")[1]["recordings"][0]["sid"] == form["RecordingSid"]


def test_a_recording_is_transcribed_to_its_own_address(account: Account, receiver: Receiver) -> None:
    verb = '<Record transcription="true" transcriptionCallback="/words"/>'
    receiver.documents = {"/voice": response(verb)}
    account.http.end(account.ring("texml_voicemail"))
    (form,) = at(receiver, "/words")
    assert form["TranscriptionText"]


@pytest.mark.parametrize(
    ("attributes", "digits"),
    [('finishOnKey="*"', "hangup"), ('finishOnKey="*" maxLength="2"', None), ('finishOnKey="" timeout="2"', None)],
)
def test_without_its_key_it_ends_by_time_or_with_the_call(
    account: Account, receiver: Receiver, attributes: str, digits: str | None
) -> None:
    receiver.documents = {"/voice": response(f"{RECORD} {attributes}/>"), "/next": response("<Hangup/>")}
    account.http.end(account.ring("texml_voicemail"))
    (form,) = at(receiver, "/next")
    assert form.get("Digits") == digits
    assert form["RecordingUrl"]


def test_who_hangs_up_after_a_message_has_left_one(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": response(f"{RECORD}/>")}
    sid = account.ring("texml_record")
    account.http.end(sid)
    (form,) = at(receiver, "/next")
    assert form["Digits"] == "hangup"
    order = [hook.path for hook in receiver.hooks]
    assert order.index("/next") < order.index("/recorded")
    assert wait_form(receiver, CallSid=sid, CallStatus="completed")


def test_a_recording_goes_on_beside_the_document(account: Account, receiver: Receiver) -> None:
    told = 'recordingStatusCallback="/recorded" recordingStatusCallbackEvent="in-progress completed"'
    receiver.documents = {"/voice": response(f"<Start><Recording {told}/></Start><Say>Hello</Say>")}
    account.http.end(account.ring("transferred"))
    assert [form["RecordingStatus"] for form in at(receiver, "/recorded")] == ["in-progress", "completed"]
    assert forms(receiver, CallStatus="completed")
