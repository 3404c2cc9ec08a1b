"""The official SDK, refusing every answer that its models do not describe, takes each of its TeXML methods' answers."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import telnyx
from telnyx._resource import SyncAPIResource

from portal.sandbox.resources.audit import ORGANIZATION
from tests.support.polling import eventually
from tests.support.sandbox_texml import FROM, TO, Account, wait_form
from tests.support.webhook_receiver import Receiver

PLUMBING = {"with_raw_response", "with_streaming_response"}


def methods_under(resource: Any, path: str = "") -> Iterator[str]:
    """The dotted names of every method below a resource of the SDK."""
    for name in dir(type(resource)):
        member = None if name.startswith("_") or name in PLUMBING else getattr(resource, name)
        if isinstance(member, SyncAPIResource):
            yield from methods_under(member, f"{path}{name}.")
        elif callable(member):
            yield f"{path}{name}"


class World:
    """One of everything that a method needs, made when it is first asked for."""

    def __init__(self, sdk: telnyx.Telnyx, account: Account, receiver: Receiver) -> None:
        self.sdk, self.account, self.receiver = sdk, account, receiver
        self.application = account.application.id
        self.numbers: Any = {"from_": FROM, "to": TO}
        self.texml = sdk.texml
        self.of: Any = {"account_sid": ORGANIZATION}

    @property
    def call(self) -> str:
        sid = self.account.dial()
        wait_form(self.receiver, CallSid=sid, CallStatus="in-progress")
        return sid

    @property
    def of_call(self) -> Any:
        return self.of | {"call_sid": self.call}

    @property
    def of_conference(self) -> Any:
        return self.of | {"conference_sid": self.participant["conference_sid"]}

    @property
    def participant(self) -> dict[str, Any]:
        return self.account.participant("daily", Label="one")

    @property
    def of_participant(self) -> Any:
        participant = self.participant
        ids = {"conference_sid": participant["conference_sid"], "call_sid_or_participant_label": "one"}
        return self.of | ids

    @property
    def queue(self) -> str:
        return self.texml.accounts.queues.create(**self.of, friendly_name="support", max_size=3).sid or ""

    @property
    def transcription(self) -> str:
        self.account.ring("texml_record")
        return wait_form(self.receiver, TranscriptionStatus="completed")["TranscriptionSid"]

    @property
    def recording(self) -> str:
        sid = self.account.ring("texml_record")
        return wait_form(self.receiver, CallSid=sid, RecordingStatus="completed")["RecordingSid"]


def start_recording(world: World) -> Any:
    of_call = world.of_call
    return of_call, world.texml.accounts.calls.recordings_json.recordings_json(
        of_call["call_sid"], **world.of, recording_channels="single", play_beep=False
    )


def change_recording(world: World) -> Any:
    of_call, recording = start_recording(world)
    return world.texml.accounts.calls.recordings.recording_sid_json(recording.sid, **of_call, status="paused")


def list_recordings_of_call(world: World) -> Any:
    of_call, recording = start_recording(world)
    found = world.texml.accounts.calls.recordings_json.retrieve_recordings_json(of_call["call_sid"], **world.of)
    assert [one.sid for one in found.recordings or []] == [recording.sid]
    return found


def stop_stream(world: World) -> Any:
    of_call = world.of_call
    stream = world.texml.accounts.calls.streams_json(of_call["call_sid"], **world.of, url="wss://example.com/a")
    return world.texml.accounts.calls.streams.streaming_sid_json(stream.sid or "", **of_call, status="stopped")


def stop_siprec(world: World) -> Any:
    of_call = world.of_call
    session = world.texml.accounts.calls.siprec_json(of_call["call_sid"], **world.of, connector_name="archive")
    return world.texml.accounts.calls.siprec.siprec_sid_json(session.sid or "", **of_call, status="stopped")


def list_conference_recordings(world: World) -> str:
    """A conference of which one recording is over."""
    conference = world.account.participant("weekly", ConferenceRecord="true")["conference_sid"]
    world.account.http.exchange and eventually(
        lambda: world.account("GET", f"Conferences/{conference}/Recordings")[1]["recordings"],
        "a recording",
        world.account.http.exchange,
    )
    return conference


# by dotted name below ``client.texml``; what a newer SDK brings is missing here, and the first test names it
CALLS: dict[str, Callable[[World], Any]] = {
    "accounts.calls.calls": lambda w: w.texml.accounts.calls.calls(
        **w.of, body={"To": TO, "From": FROM, "ApplicationSid": w.application, "Url": f"{w.receiver.origin}/doc"}
    ),
    "accounts.calls.recordings.recording_sid_json": change_recording,
    "accounts.calls.recordings_json.recordings_json": lambda w: start_recording(w)[1],
    "accounts.calls.recordings_json.retrieve_recordings_json": list_recordings_of_call,
    "accounts.calls.retrieve": lambda w: w.texml.accounts.calls.retrieve(w.call, **w.of),
    "accounts.calls.retrieve_calls": lambda w: [
        w.call,
        w.texml.accounts.calls.retrieve_calls(ORGANIZATION, start_time_gt="2020-01-01", page=0, page_size=10),
    ][1],
    "accounts.calls.siprec.siprec_sid_json": stop_siprec,
    "accounts.calls.siprec_json": lambda w: w.texml.accounts.calls.siprec_json(
        w.call, **w.of, connector_name="archive", track="inbound_track", secure=True, session_timeout_secs=900
    ),
    "accounts.calls.streams.streaming_sid_json": stop_stream,
    "accounts.calls.streams_json": lambda w: w.texml.accounts.calls.streams_json(
        w.call, **w.of, url="wss://example.com/audio", name="monitor", track="both_tracks"
    ),
    "accounts.calls.update": lambda w: w.texml.accounts.calls.update(w.call, **w.of, status="completed"),
    "accounts.conferences.participants.delete": lambda w: w.texml.accounts.conferences.participants.delete(
        **w.of_participant
    ),
    "accounts.conferences.participants.participants": lambda w: w.texml.accounts.conferences.participants.participants(
        "daily", **w.of, application_sid=w.application, **w.numbers, muted=True, beep="onEnter", timeout_seconds=20
    ),
    "accounts.conferences.participants.retrieve": lambda w: w.texml.accounts.conferences.participants.retrieve(
        **w.of_participant
    ),
    "accounts.conferences.participants.retrieve_participants": lambda w: (
        w.texml.accounts.conferences.participants.retrieve_participants(**w.of_conference)
    ),
    "accounts.conferences.participants.update": lambda w: w.texml.accounts.conferences.participants.update(
        **w.of_participant, muted=True, hold=True
    ),
    "accounts.conferences.retrieve": lambda w: w.texml.accounts.conferences.retrieve(**w.of_conference),
    "accounts.conferences.retrieve_conferences": lambda w: [
        w.participant,
        w.texml.accounts.conferences.retrieve_conferences(ORGANIZATION, status="init", friendly_name="daily"),
    ][1],
    "accounts.conferences.retrieve_recordings": lambda w: w.texml.accounts.conferences.retrieve_recordings(
        list_conference_recordings(w), **w.of
    ),
    "accounts.conferences.retrieve_recordings_json": lambda w: w.texml.accounts.conferences.retrieve_recordings_json(
        list_conference_recordings(w), **w.of
    ),
    "accounts.conferences.update": lambda w: w.texml.accounts.conferences.update(**w.of_conference, status="completed"),
    "accounts.queues.create": lambda w: w.texml.accounts.queues.create(**w.of, friendly_name="support", max_size=3),
    "accounts.queues.delete": lambda w: w.texml.accounts.queues.delete(w.queue, **w.of),
    "accounts.queues.list": lambda w: [w.queue, next(iter(w.texml.accounts.queues.list(**w.of)))][1],
    "accounts.queues.retrieve": lambda w: w.texml.accounts.queues.retrieve(w.queue, **w.of),
    "accounts.queues.update": lambda w: w.texml.accounts.queues.update(w.queue, **w.of, max_size=7),
    "accounts.recordings.json.delete_recording_sid_json": lambda w: (
        w.texml.accounts.recordings.json.delete_recording_sid_json(w.recording, **w.of)
    ),
    "accounts.recordings.json.retrieve_recording_sid_json": lambda w: (
        w.texml.accounts.recordings.json.retrieve_recording_sid_json(w.recording, **w.of)
    ),
    "accounts.retrieve_recordings_json": lambda w: [
        w.recording,
        w.texml.accounts.retrieve_recordings_json(ORGANIZATION, page=0, page_size=5),
    ][1],
    "accounts.retrieve_transcriptions_json": lambda w: [
        w.transcription,
        w.texml.accounts.retrieve_transcriptions_json(ORGANIZATION, page_size=5),
    ][1],
    "accounts.transcriptions.json.delete_recording_transcription_sid_json": lambda w: (
        w.texml.accounts.transcriptions.json.delete_recording_transcription_sid_json(w.transcription, **w.of)
    ),
    "accounts.transcriptions.json.retrieve_recording_transcription_sid_json": lambda w: (
        w.texml.accounts.transcriptions.json.retrieve_recording_transcription_sid_json(w.transcription, **w.of)
    ),
    "calls.create": lambda w: w.texml.calls.create(w.application, **w.numbers, url=f"{w.receiver.origin}/doc"),
    "initiate_ai_call": lambda w: w.texml.initiate_ai_call(
        w.application, **w.numbers, ai_assistant_id="assistant-1", ai_assistant_dynamic_variables={"name": "Ada"}
    ),
    "secrets": lambda w: w.texml.secrets(name="crm", value="hush"),
}
NOTHING = {name for name in CALLS if name.rpartition(".")[2].startswith("delete")}


def test_every_method_of_the_installed_sdk_is_handled(sdk: telnyx.Telnyx) -> None:
    assert sorted(methods_under(sdk.texml)) == sorted(CALLS)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_the_sdk_takes_the_answer(name: str, sdk: telnyx.Telnyx, account: Account, receiver: Receiver) -> None:
    answer = CALLS[name](World(sdk, account, receiver))
    if name in NOTHING:
        assert answer is None
    else:
        assert answer.model_dump(exclude_none=True)
