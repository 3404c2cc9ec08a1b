"""A conference and a queue from beginning to end: commands to the sandbox, its webhooks back to the running portal."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from applications.editing.service import create_application
from applications.kinds import KINDS
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.factories import run_owed
from tests.support.polling import eventually
from tests.support.sandbox_http import Http
from voice.models import Call, CallCommand, CallEvent, Conference

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[Http]:
    """At a real call's length: nobody hangs up while the test commands."""
    pace, sandbox.exchange.pace = sandbox.exchange.pace, 5.0
    yield Http(sandbox.port)
    sandbox.exchange.pace = pace
    sandbox.reset()


@pytest.fixture
def ring(live_server: Any, settings: Any, sandbox_account: TelnyxAccount, http: Http) -> Callable[[], Call]:
    """Somebody calls and is answered; the portal knows the call."""
    settings.PORTAL_PUBLIC_URL = live_server.url
    values = {"application_name": "front desk", "webhook_event_url": sandbox_account.webhook_url}
    row, problem = create_application(KINDS[0], sandbox_account, values, PORTAL)
    assert not problem

    def make() -> Call:
        control_id = http.ring(connection_id=row.telnyx_id)
        heard("call.initiated", control_id)
        assert http.act(control_id, "answer")[0] == 200
        heard("call.answered", control_id)
        return Call.objects.get(call_control_id=control_id)

    return make


def heard(event_type: str, control_id: str = "") -> None:
    """The webhook came and was processed."""
    where = {"event_type": event_type} | ({"call_control_id": control_id} if control_id else {})
    eventually(lambda: CallEvent.objects.filter(**where).exists(), event_type)
    run_owed()


def ordered(made: Any) -> CallCommand:
    """The command of that answer, sent and accepted."""
    assert made.status_code == 202, made.json()
    run_owed()
    command = CallCommand.objects.get(pk=made.json()["id"])
    assert command.status == "ok", command.error
    return command


def test_a_conference_from_its_first_leg_to_its_end(ring: Any, api: APIClient, browser: Client) -> None:
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
    heard("conference.recording.saved")
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


def test_a_queue_from_its_making_to_its_deletion(ring: Any, api: APIClient, browser: Client) -> None:
    caller, desk = ring(), ring()
    ordered(api.post("/api/v1/queues/", {"queue_name": "support", "max_size": 5}, format="json"))
    ordered(api.patch("/api/v1/queues/support/", {"max_size": 7}, format="json"))
    assert api.get("/api/v1/queues/support/").json()["max_size"] == 7
    acting = f"/api/v1/calls/{caller.call_control_id}/actions/enqueue/"
    ordered(api.post(acting, {"queue_name": "support"}, format="json"))
    heard("call.enqueued")
    (waiting,) = api.get("/api/v1/queues/support/calls/").json()["results"]
    assert waiting["call_control_id"] == caller.call_control_id
    account = caller.account_id
    assert "support" in browser.get("/admin/voice/conference/queues/").content.decode()
    page = browser.get(f"/admin/voice/conference/queues/{account}/support/").content.decode()
    assert f"/admin/voice/call/{caller.pk}/change/" in page
    ordered(
        api.patch(
            f"/api/v1/queues/support/calls/{caller.call_control_id}/", {"keep_after_hangup": False}, format="json"
        )
    )
    url = f"/admin/voice/conference/queues/{account}/support/take/"
    form = browser.get(url).context["form"]
    assert set(form.calls) == {str(desk.pk)}  # and not who waits
    made = browser.post(url, {"intent": str(form["intent"].value()), "call": str(desk.pk)})
    assert made.status_code == 302, made.context["form"].errors
    run_owed()
    heard("call.bridged", desk.call_control_id)
    bridge = CallCommand.objects.get(action="bridge")
    assert (bridge.status, bridge.call) == ("ok", desk), bridge.error
    assert bridge.parameters["call_control_id"] == caller.call_control_id
    heard("call.dequeued")
    third = ring()
    intent = str(browser.get(url).context["form"]["intent"].value())
    refused = browser.post(url, {"intent": intent, "call": str(third.pk)})
    assert refused.context["form"].non_field_errors() == ["Nobody waits in the queue support any more."]
    assert CallCommand.objects.filter(action="bridge").count() == 1
    ordered(api.delete("/api/v1/queues/support/"))
    assert api.get("/api/v1/queues/support/").status_code == 404
    assert "no queue of this name" in browser.get(f"/admin/voice/conference/queues/{account}/support/").content.decode()
