"""What is done to a conference is heard by all, or by those named."""

from typing import Any

import pytest
import telnyx

from portal.sandbox.conferences.conference_actions import ACTIONS
from portal.sandbox.server.server import Sandbox
from portal.telnyx import schemas
from tests.support.sandbox_actions import VALUES, sample
from tests.support.sandbox_conferences import act_in
from tests.support.sandbox_http import Http, refused
from tests.support.webhook_receiver import Receiver

SPEECH = {"payload": "hello", "voice": "female"}


def test_everybody_hears_or_those_named(
    http: Http, conference: str, answered: str, second: str, receiver: Receiver
) -> None:
    act_in(http, conference, "speak", **SPEECH)
    payload = receiver.wait("conference.speak.ended").payload
    assert (payload["conference_id"], "call_control_id" in payload) == (conference, False)
    act_in(http, conference, "play", audio_url="http://example.com/a.wav", call_control_ids=[second])
    payload = receiver.wait("conference.participant.playback.ended", second).payload
    assert payload["media_url"] == "http://example.com/a.wav"
    started = [hook for hook in receiver.hooks if hook.type == "conference.participant.playback.started"]
    assert [hook.payload["call_control_id"] for hook in started] == [second]


def test_what_is_played_for_ever_is_stopped(http: Http, conference: str, receiver: Receiver) -> None:
    act_in(http, conference, "play", loop="infinity")
    act_in(http, conference, "stop")
    receiver.wait("conference.playback.ended")


def test_a_conference_is_recorded(sdk: telnyx.Telnyx, http: Http, conference: str, receiver: Receiver) -> None:
    act_in(http, conference, "record_start", format="wav")
    act_in(http, conference, "record_pause")
    act_in(http, conference, "record_resume")
    act_in(http, conference, "record_stop")
    payload = receiver.wait("conference.recording.saved").payload
    assert (payload["conference_id"], payload["channels"], payload["format"]) == (conference, "single", "wav")
    assert [one.id for one in sdk.recordings.list(filter={"conference_id": conference})] == [payload["recording_id"]]


def test_one_participant_is_asked_for_digits(http: Http, conference: str, second: str, receiver: Receiver) -> None:
    act_in(http, conference, "gather_using_audio", call_control_id=second, audio_url="http://example.com/a.wav")
    assert receiver.wait("call.gather.ended", second).payload["status"] == "timeout"


def test_telnyx_refuses_what_makes_no_sense(http: Http, application: Any, conference: str, answered: str) -> None:
    ringing = http.ring("transferred")
    assert refused(act_in(http, "none", "end")) == (404, "90058")
    assert refused(act_in(http, conference, "levitate")) == (404, "10005")
    assert refused(act_in(http, conference, "join", call_control_id=answered)) == (422, "90044")
    assert refused(act_in(http, conference, "join", call_control_id=ringing)) == (422, "90034")
    assert refused(act_in(http, conference, "join", call_control_id="none")) == (422, "90015")
    assert refused(act_in(http, conference, "mute", call_control_ids=[ringing])) == (422, "90015")
    for action in ("leave", "gather_using_audio"):
        assert refused(act_in(http, conference, action, call_control_id=ringing)) == (422, "90015")
    assert refused(act_in(http, conference, "speak", payload="hello")) == (422, "10004")
    assert refused(act_in(http, conference, "mute", command_id="one")) == (422, "10015")  # the SDK has none there
    again = {"call_control_id": answered, "name": "daily"}
    assert refused(http("POST", "/v2/conferences", again)) == (422, "90033")


def test_the_sandbox_knows_every_conference_action_of_the_sdk() -> None:
    assert sorted(method for method, _ in ACTIONS.values()) == sorted(schemas.methods("conferences.actions"))


@pytest.mark.parametrize("action", schemas.methods("conferences.actions"))
@pytest.mark.parametrize("everything", [False, True])
def test_every_conference_action_of_the_sdk_is_played(
    sdk: telnyx.Telnyx, http: Http, sandbox: Sandbox, conference: str, second: str, action: str, everything: bool
) -> None:
    """With what it requires, and with each thing it may be told."""
    method = f"conferences.actions.{action}"
    who = second
    if action == "join":
        who = http.ring("transferred")
        http.act(who, "answer")
    if action.startswith("record_") and action != "record_start":
        act_in(http, conference, "record_start", format="wav")
    values = VALUES | {"call_control_id": who, "call_control_ids": [second]}
    for one in sandbox.store.all("conferences")[0]["recordings"]:
        values["recording_id"] = one["id"]
    chosen = [one for one in schemas.parameters(method) if everything or one.required]
    body = {one.name: sample(one, values) for one in chosen}
    answer = getattr(sdk.conferences.actions, action)(conference, **schemas.arguments(method, body))
    assert answer.data.result == "ok"
