"""Conferences: who is in them, what they hear, how they end, with Telnyx's events and refusals."""

from typing import Any

import pytest
import telnyx

from portal.sandbox.conferences.conference_actions import ACTIONS
from portal.sandbox.server.server import Sandbox
from portal.telnyx import schemas
from tests.support.sandbox_actions import VALUES, sample
from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver

pytestmark = pytest.mark.usefixtures("steady")
SPEECH = {"payload": "hello", "voice": "female"}


@pytest.fixture
def conference(http: Http, answered: str) -> str:
    """A conference of one caller; its id."""
    status, answer = http("POST", "/v2/conferences", {"call_control_id": answered, "name": "daily"})
    assert status == 200, answer
    return answer["data"]["id"]


@pytest.fixture
def second(http: Http, conference: str) -> str:
    """A second caller, in the conference."""
    id = http.ring("transferred")
    http.act(id, "answer")
    assert do(http, conference, "join", call_control_id=id)[0] == 200
    return id


def do(http: Http, conference: str, action: str, /, **body: Any) -> tuple[int, Any]:
    return http("POST", f"/v2/conferences/{conference}/actions/{action}", body)


def refused(answer: tuple[int, Any]) -> tuple[int, str]:
    return answer[0], answer[1]["errors"][0]["code"]


def test_a_conference_is_made_from_a_call_and_listed(
    sdk: telnyx.Telnyx, application: Any, answered: str, receiver: Receiver
) -> None:
    made = sdk.conferences.create(call_control_id=answered, name="daily").data
    assert made
    assert (made.status, made.connection_id) == ("in_progress", application.id)
    created = receiver.wait("conference.created", answered)
    assert (created.payload["conference_id"], "occurred_at" in created.event) == (made.id, False)
    joined = receiver.wait("conference.participant.joined", answered)
    assert (joined.payload["conference_id"], "occurred_at" in joined.event) == (made.id, True)
    assert sdk.conferences.retrieve(made.id).data == made
    assert [one.id for one in sdk.conferences.list(filter={"name": "daily"})] == [made.id]
    assert list(sdk.conferences.list(filter={"status": "completed"})) == []


def test_participants_come_are_changed_and_go(
    sdk: telnyx.Telnyx, http: Http, conference: str, answered: str, second: str, receiver: Receiver
) -> None:
    sdk.conferences.actions.mute(conference, call_control_ids=[second])
    sdk.conferences.actions.hold(conference)
    told = {one.call_control_id: one for one in sdk.conferences.list_participants(conference)}
    assert (told[answered].muted, told[second].muted, told[answered].on_hold) == (False, True, True)
    assert [one.call_control_id for one in sdk.conferences.list_participants(conference, filter={"muted": True})] == [
        second
    ]
    sdk.conferences.actions.unmute(conference)
    sdk.conferences.actions.unhold(conference, call_control_ids=[second])
    one = sdk.conferences.retrieve_participant(told[second].id, id=conference).data
    assert one
    assert (one.muted, one.on_hold, one.conference_id) == (False, False, conference)
    sdk.conferences.actions.leave(conference, call_control_id=second)
    receiver.wait("conference.participant.left", second)
    assert [one.status for one in sdk.conferences.list_participants(conference)] == ["joined", "left"]
    assert http.act(second, "send_dtmf", digits="1")[0] == 200  # parked, not over


def test_the_last_to_leave_ends_it(http: Http, conference: str, answered: str, second: str, receiver: Receiver) -> None:
    for id in (answered, second):
        http.act(id, "hangup")
    assert receiver.wait("conference.ended").payload["reason"] == "all_left"
    ended = http("GET", f"/v2/conferences/{conference}")[1]["data"]
    assert (ended["status"], ended["end_reason"]) == ("completed", "all_left")
    assert ended["ended_by"]["call_control_id"] == second
    assert refused(do(http, conference, "mute")) == (422, "90019")


def test_a_host_takes_everybody_along(
    sdk: telnyx.Telnyx, http: Http, conference: str, answered: str, second: str, receiver: Receiver
) -> None:
    (host,) = [one for one in sdk.conferences.list_participants(conference) if one.call_control_id == answered]
    sdk.conferences.update_participant(host.id, id=conference, end_conference_on_exit=True)
    http.act(answered, "hangup")
    # "caller" would mean that they left by themselves
    assert receiver.wait("call.hangup", second).payload["hangup_source"] == "callee"
    assert receiver.wait("conference.ended").payload["reason"] == "host_left"


def test_ending_it_hangs_up_on_everybody(
    http: Http, conference: str, answered: str, second: str, receiver: Receiver
) -> None:
    assert do(http, conference, "end")[0] == 200
    for id in (answered, second):
        assert receiver.wait("call.hangup", id).payload["hangup_source"] == "callee"
    assert http("GET", f"/v2/conferences/{conference}")[1]["data"]["end_reason"] == "ended_via_api"


def test_everybody_hears_or_those_named(
    http: Http, conference: str, answered: str, second: str, receiver: Receiver
) -> None:
    do(http, conference, "speak", **SPEECH)
    payload = receiver.wait("conference.speak.ended").payload
    assert (payload["conference_id"], "call_control_id" in payload) == (conference, False)
    do(http, conference, "play", audio_url="http://example.com/a.wav", call_control_ids=[second])
    payload = receiver.wait("conference.participant.playback.ended", second).payload
    assert payload["media_url"] == "http://example.com/a.wav"
    started = [hook for hook in receiver.hooks if hook.type == "conference.participant.playback.started"]
    assert [hook.payload["call_control_id"] for hook in started] == [second]


def test_what_is_played_for_ever_is_stopped(http: Http, conference: str, receiver: Receiver) -> None:
    do(http, conference, "play", loop="infinity")
    do(http, conference, "stop")
    receiver.wait("conference.playback.ended")


def test_a_conference_is_recorded(sdk: telnyx.Telnyx, http: Http, conference: str, receiver: Receiver) -> None:
    do(http, conference, "record_start", format="wav")
    do(http, conference, "record_pause")
    do(http, conference, "record_resume")
    do(http, conference, "record_stop")
    payload = receiver.wait("conference.recording.saved").payload
    assert (payload["conference_id"], payload["channels"], payload["format"]) == (conference, "single", "wav")
    assert [one.id for one in sdk.recordings.list(filter={"conference_id": conference})] == [payload["recording_id"]]


def test_a_recording_ends_with_its_conference(http: Http, conference: str, receiver: Receiver) -> None:
    do(http, conference, "record_start", format="wav")
    do(http, conference, "end")
    receiver.wait("conference.recording.saved")


def test_one_participant_is_asked_for_digits(http: Http, conference: str, second: str, receiver: Receiver) -> None:
    do(http, conference, "gather_using_audio", call_control_id=second, audio_url="http://example.com/a.wav")
    assert receiver.wait("call.gather.ended", second).payload["status"] == "timeout"


def test_whom_we_dial_may_join_at_once(http: Http, application: Any, conference: str, receiver: Receiver) -> None:
    id = http.dial(application, "+13125550001", conference_config={"id": conference, "mute": True})
    assert receiver.wait("conference.participant.joined", id).payload["conference_id"] == conference
    new = http.dial(application, "+13125550001", conference_config={"conference_name": "another"})
    assert receiver.wait("conference.created", new).payload["conference_id"] != conference


def test_telnyx_refuses_what_makes_no_sense(http: Http, application: Any, conference: str, answered: str) -> None:
    ringing = http.ring("transferred")
    assert refused(do(http, "none", "end")) == (404, "90058")
    assert refused(do(http, conference, "levitate")) == (404, "10005")
    assert refused(do(http, conference, "join", call_control_id=answered)) == (422, "90044")
    assert refused(do(http, conference, "join", call_control_id=ringing)) == (422, "90034")
    assert refused(do(http, conference, "join", call_control_id="none")) == (422, "90015")
    assert refused(do(http, conference, "mute", call_control_ids=[ringing])) == (422, "90015")
    for action in ("leave", "gather_using_audio"):
        assert refused(do(http, conference, action, call_control_id=ringing)) == (422, "90015")
    assert refused(do(http, conference, "speak", payload="hello")) == (422, "10004")
    assert refused(do(http, conference, "mute", command_id="one")) == (422, "10015")  # the SDK has none there
    again = {"call_control_id": answered, "name": "daily"}
    assert refused(http("POST", "/v2/conferences", again)) == (422, "90033")


def test_no_more_than_told_take_part(http: Http, application: Any, answered: str) -> None:
    body = {"call_control_id": answered, "name": "small", "max_participants": 1}
    id = http("POST", "/v2/conferences", body)[1]["data"]["id"]
    other = http.ring("transferred")
    http.act(other, "answer")
    assert refused(do(http, id, "join", call_control_id=other)) == (422, "90032")


def test_a_repeated_command_makes_no_second_conference(sdk: telnyx.Telnyx, http: Http, answered: str) -> None:
    body = {"call_control_id": answered, "name": "daily", "command_id": "one"}
    assert http("POST", "/v2/conferences", body) == http("POST", "/v2/conferences", body)
    assert len(list(sdk.conferences.list())) == 1


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
        do(http, conference, "record_start", format="wav")
    values = VALUES | {"call_control_id": who, "call_control_ids": [second]}
    for one in sandbox.store.all("conferences")[0]["recordings"]:
        values["recording_id"] = one["id"]
    chosen = [one for one in schemas.parameters(method) if everything or one.required]
    body = {one.name: sample(one, values) for one in chosen}
    answer = getattr(sdk.conferences.actions, action)(conference, **schemas.arguments(method, body))
    assert answer.data.result == "ok"
