"""Conferences: who is in them, what they hear, how they end, with Telnyx's events and refusals."""

from typing import Any

import telnyx

from tests.support.sandbox_conferences import act_in
from tests.support.sandbox_http import Http, refused
from tests.support.webhook_receiver import Receiver


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


def test_the_last_to_leave_ends_it(http: Http, conference: str, answered: str, second: str, receiver: Receiver) -> None:
    for id in (answered, second):
        http.act(id, "hangup")
    assert receiver.wait("conference.ended").payload["reason"] == "all_left"
    ended = http("GET", f"/v2/conferences/{conference}")[1]["data"]
    assert (ended["status"], ended["end_reason"]) == ("completed", "all_left")
    assert ended["ended_by"]["call_control_id"] == second
    assert refused(act_in(http, conference, "mute")) == (422, "90019")


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
    assert act_in(http, conference, "end")[0] == 200
    for id in (answered, second):
        assert receiver.wait("call.hangup", id).payload["hangup_source"] == "callee"
    assert http("GET", f"/v2/conferences/{conference}")[1]["data"]["end_reason"] == "ended_via_api"


def test_a_recording_ends_with_its_conference(http: Http, conference: str, receiver: Receiver) -> None:
    act_in(http, conference, "record_start", format="wav")
    act_in(http, conference, "end")
    receiver.wait("conference.recording.saved")


def test_whom_we_dial_may_join_at_once(http: Http, application: Any, conference: str, receiver: Receiver) -> None:
    id = http.dial(application, "+13125550001", conference_config={"id": conference, "mute": True})
    assert receiver.wait("conference.participant.joined", id).payload["conference_id"] == conference
    new = http.dial(application, "+13125550001", conference_config={"conference_name": "another"})
    assert receiver.wait("conference.created", new).payload["conference_id"] != conference


def test_a_repeated_command_makes_no_second_conference(sdk: telnyx.Telnyx, http: Http, answered: str) -> None:
    body = {"call_control_id": answered, "name": "daily", "command_id": "one"}
    assert http("POST", "/v2/conferences", body) == http("POST", "/v2/conferences", body)
    assert len(list(sdk.conferences.list())) == 1
