"""A conference and a queue from beginning to end: commands to the sandbox, its webhooks back to the running portal."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from portal.sandbox.server.server import Sandbox
from tests.support.conferences import heard, ordered
from tests.support.rows import CallCommand, Conference

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.alone("an account need not be named while there is only one")
def test_a_conference_from_its_first_leg_to_its_end(
    ring: Any, api: APIClient, browser: Client, sandbox: Sandbox
) -> None:
    first, second = ring(), ring()
    body = {"call_control_id": first.call_control_id, "name": "standup"}
    room = ordered(api.post("/api/v1/conferences/", body, format="json")).conference
    assert room
    base = f"/api/v1/conferences/{room.conference_id}"

    def act(action: str, **parameters: Any) -> CallCommand:
        return ordered(api.post(f"{base}/actions/{action}/", parameters, format="json"))

    act("join", call_control_id=second.call_control_id)
    heard("conference.participant.joined", second.call_control_id)
    act("mute", call_control_ids=[second.call_control_id])
    act("hold", call_control_ids=[second.call_control_id])
    told = {row["call_control_id"]: row for row in api.get(f"{base}/participants/").json()["results"]}
    assert (told[second.call_control_id]["muted"], told[second.call_control_id]["on_hold"]) == (True, True)
    assert told[first.call_control_id]["muted"] is False
    inside = browser.get(f"/admin/voice/conference/{room.pk}/inside/").content.decode()
    assert "on hold" in inside
    assert [row["name"] for row in api.get("/api/v1/conferences/?status=in_progress").json()["results"]] == ["standup"]
    act("unhold", call_control_ids=[second.call_control_id])
    act("speak", payload="hello", voice="female")
    heard("conference.speak.started")
    act("record_start", format="wav")
    act("record_stop")
    heard("conference.recording.saved", exchange=sandbox.exchange)
    act("end_conference")
    heard("conference.ended")
    seen = Conference.objects.get()
    assert (seen.pk, seen.name, seen.state, seen.participants.count()) == (room.pk, "standup", "completed", 2)
    page = browser.get(f"/admin/voice/conference/{room.pk}/change/")
    answered = {entry.title for entry in page.context["entries"] if entry.kind == "command" and entry.answered}
    assert {"Create conference", "Conference: join", "Conference: speak", "End conference"} <= answered
    story = [entry.title for entry in browser.get(f"/admin/voice/call/{second.pk}/change/").context["entries"]]
    assert {"Conference speaking started", "Conference recording saved", "Conference: speak"} <= set(story)
    assert api.post(f"{base}/actions/mute/", {}, format="json").json()["status"] == "expired"
