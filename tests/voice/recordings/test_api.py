"""Recordings over REST: what is told to whom, a fresh link, a deletion that is made once."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from portal.models import AuditEvent, IdempotentReply, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.factories import make_call, run_owed
from tests.support.recordings import recorded
from tests.support.rest import api_for, problem, send
from tests.support.rows import Call, CallCommand
from tests.support.sandbox_http import Http
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice.models import Conference, Recording

pytestmark = pytest.mark.django_db
LIST = "/api/v1/recordings/"
SEES = ("voice.view_call", "voice.view_recording")


def at(recording: Recording, *more: str) -> str:
    return LIST + "/".join([str(recording.pk), *more, ""])


def make(account: TelnyxAccount, key: str, call: Call | None = None, **columns: Any) -> Recording:
    told = {"recording_id": key, "status": "saved", "started_at": timezone.now(), **columns}
    return Recording.objects.create(account=account, key=key, call=call, **told)


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [one["recording_id"] for one in answer.json()["results"]]


@pytest.fixture
def recording(sandbox: Sandbox, sandbox_account: TelnyxAccount) -> Recording:
    """A file that is really at the sandbox."""
    recorded(sandbox, sandbox_account)
    return Recording.objects.get()


def test_a_recording_is_told_whole(api: APIClient, account: TelnyxAccount) -> None:
    call = make_call(account)
    made = make(account, "one", call, seconds=17.5, channels="dual", format="wav", transcript="Hello")
    told = api.get(at(made)).json()
    assert (
        told
        | {
            "account": account.name,
            "recording_id": "one",
            "call_control_id": call.call_control_id,
            "call_session_id": call.call_session_id,
            "conference_id": None,
            "status": "saved",
            "seconds": 17.5,
            "channels": "dual",
            "format": "wav",
            "reason": None,
            "deleted": False,
            "deletion": None,
            "transcribed": True,
            "transcript": "Hello",
        }
        == told
    )
    (listed,) = api.get(LIST).json()["results"]
    assert listed == {name: value for name, value in told.items() if name != "transcript"}


def test_the_list_is_narrowed_and_paged(api: APIClient, account: TelnyxAccount) -> None:
    now = timezone.now()
    first, other = make_call(account, "a"), make_call(account, "b", call_session_id=str(timezone.now().timestamp()))
    room = Conference.objects.create(account=account, conference_id="room-1", started_at=now)
    make(account, "new", first, started_at=now)
    make(account, "old", first, started_at=now - timedelta(days=2), status="failed")
    make(account, "other", other, started_at=now - timedelta(days=1))
    make(account, "room", None, conference=room, started_at=now - timedelta(days=3))
    assert ids(api.get(LIST)) == ["new", "other", "old", "room"]
    for name, value, found in (
        ("call_control_id", first.call_control_id, ["new", "old"]),
        ("call_session_id", other.call_session_id, ["other"]),
        ("conference_id", "room-1", ["room"]),
        ("status", "failed", ["old"]),
        ("recording_id", "other", ["other"]),
        ("started_after", (now - timedelta(hours=30)).isoformat(), ["new", "other"]),
        ("started_before", (now - timedelta(hours=30)).isoformat(), ["old", "room"]),
        ("account", account.name, ["new", "other", "old", "room"]),
        ("account", "nobody", []),
        ("call_control_id", "v3:none", []),
    ):
        assert ids(api.get(LIST, {name: value})) == found, name
    page = api.get(LIST, {"page_size": 3})
    assert ids(page) == ["new", "other", "old"]
    assert ids(api.get(page.json()["next"])) == ["room"]
    for name, value in (("status", "lost"), ("started_after", "yesterday"), ("since", "1h")):
        assert name in problem(api.get(LIST, {name: value}), 400)["errors"]


def test_each_takes_its_permission(user_with: Any, account: TelnyxAccount) -> None:
    made = make(account, "one", make_call(account), transcript="call 312 555 0199")
    alone = api_for(user_with("voice.view_recording", username="alone"))
    told = alone.get(at(made)).json()
    assert (told["call_control_id"], told["call_session_id"], told["transcript"]) == (None, None, "•••")
    for name in ("call_control_id", "call_session_id", "conference_id"):
        problem(alone.get(LIST, {name: "x"}), 403)
    problem(send(alone, at(made, "link")), 403)
    problem(alone.delete(at(made)), 403)
    masked = api_for(user_with(*SEES, "voice.listen_recording", username="masked"))
    assert masked.get(at(made)).json()["transcript"] == "•••"
    whole = api_for(user_with(*SEES, "voice.listen_recording", "voice.view_full_number", username="whole"))
    assert whole.get(at(made)).json()["transcript"] == "call 312 555 0199"
    blind = api_for(user_with("voice.listen_recording", "voice.delete_recording", username="blind"))
    problem(blind.get(LIST), 403)
    problem(send(blind, at(made, "link")), 403)
    problem(blind.delete(at(made)), 403)
    assert not CallCommand.objects.exists()
    other = api_for(user_with("Administrators", username="admin"), "calls:read", "calls:write")
    problem(other.get(LIST), 403)


def test_a_link_is_fresh_and_noted_each_time(api: APIClient, recording: Recording, sandbox: Sandbox) -> None:
    for times in (1, 2):
        answer = send(api, at(recording, "link"))
        assert (answer.status_code, recording.recording_id in answer.json()["url"]) == (200, True)
        assert AuditEvent.objects.filter(action="recording.listen", object_id=str(recording.pk)).count() == times
    Http(sandbox.port).fault("status", value=503, times=3, method="GET", path="/v2/recordings")
    assert problem(send(api, at(recording, "link")), 503)["code"] == "telnyx_unavailable"


def test_under_one_key_a_link_is_told_again_as_long_as_it_leads_somewhere(api: APIClient, recording: Recording) -> None:
    def asked() -> Any:
        answer = send(api, at(recording, "link"), **{"Idempotency-Key": "one"})
        assert (answer.status_code, recording.recording_id in answer.json()["url"]) == (200, True)
        return answer

    first, again = asked(), asked()
    assert (again["Idempotent-Replayed"], again.json()) == ("true", first.json())
    IdempotentReply.objects.update(created_at=ago(60 * 9))  # Telnyx's link has ten minutes
    assert ["Idempotent-Replayed" in one for one in (asked(), asked())] == [False, True]
    assert AuditEvent.objects.filter(action="recording.listen", object_id=str(recording.pk)).count() == 2


def test_an_answer_that_cannot_be_read_does_not_say_that_the_file_is_gone(
    api: APIClient, account: TelnyxAccount
) -> None:
    made = make(account, "one")
    with telnyx_says(account, recordings={"data": None}):
        problem(send(api, at(made, "link")), 503, "telnyx_unavailable")


def test_a_recording_without_a_file_has_no_link_and_is_not_deleted(
    api: APIClient, recording: Recording, sandbox_account: TelnyxAccount
) -> None:
    failed = make(sandbox_account, "event:1", recording.call, recording_id="", status="failed")
    problem(send(api, at(failed, "link")), 422, "no_file")
    problem(api.delete(at(failed)), 422, "no_file")
    unknown = make(sandbox_account, "00000000-0000-4000-8000-000000000000", recording.call)
    problem(send(api, at(unknown, "link")), 422, "no_file")
    assert not AuditEvent.objects.filter(action="recording.listen").exists()


def test_a_file_is_deleted_by_one_command_however_often_it_is_asked(api: APIClient, recording: Recording) -> None:
    first = api.delete(at(recording))
    assert (first.status_code, first["Location"]) == (202, f"/api/v1/commands/{first.json()['id']}/")
    assert api.delete(at(recording)).json()["id"] == first.json()["id"]
    run_owed()
    told = api.get(at(recording)).json()
    assert (told["deleted"], told["deletion"]) == (True, first.json()["id"])
    assert api.delete(at(recording)).json()["status"] == "ok"
    assert CallCommand.objects.filter(action="recordings.delete").count() == 1
    problem(send(api, at(recording, "link")), 422, "no_file")


def test_a_page_takes_as_many_statements_however_long_it_is(
    api: APIClient, account: TelnyxAccount, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        make(account, f"r{number}", make_call(account, f"leg-{number}"))
    with django_assert_max_num_queries(6):
        assert len(ids(api.get(LIST))) == 30
