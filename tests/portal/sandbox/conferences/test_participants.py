"""Participants come, are changed and go."""

from typing import Any

import telnyx

from tests.support.sandbox_conferences import act_in
from tests.support.sandbox_http import Http, refused
from tests.support.webhook_receiver import Receiver


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


def test_no_more_than_told_take_part(http: Http, application: Any, answered: str) -> None:
    body = {"call_control_id": answered, "name": "small", "max_participants": 1}
    id = http("POST", "/v2/conferences", body)[1]["data"]["id"]
    other = http.ring("transferred")
    http.act(other, "answer")
    assert refused(act_in(http, id, "join", call_control_id=other)) == (422, "90032")
