"""Every action of conferences and queues, by REST and from the browser: what was asked is what reaches the wire."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from portal.telnyx import schemas
from tests.support import samples
from tests.support.accounts import make_account
from tests.support.factories import make_call
from tests.support.html_forms import typed
from tests.support.http_servers import Listener, answer, serving
from tests.support.rest import api_for
from voice.catalogue import actions, retry_policy
from voice.dispatch import sender
from voice.models import CallCommand, Conference

pytestmark = pytest.mark.django_db
EVERY = actions.conference_names()
ROOM = "428c31b6-abf3-3bc1-b7f4-5013ef9657c1"
# path words of the SDK's methods that differ from their names
PATHS = {"end_conference": "end", "gather_dtmf_audio": "gather_using_audio"}


@pytest.fixture
def wire() -> Iterator[Listener]:
    """Somebody who says yes to everything and remembers it."""
    with serving(answer("200 OK", b'{"data": {"result": "ok"}}')) as listener:
        yield listener


@pytest.fixture
def silent() -> Iterator[Listener]:
    """Somebody who says yes without a word, as Telnyx does to what it deletes."""
    with serving(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n") as listener:
        yield listener


@pytest.fixture
def room(wire: Listener) -> Conference:
    return make_room(make_account("wired", f"{wire.url}/v2"))


def make_room(account: TelnyxAccount, **columns: Any) -> Conference:
    told = {"conference_id": ROOM, "name": "standup", "started_at": datetime.now(UTC)}
    return Conference.objects.create(account=account, **(told | columns))


def sent(wire: Listener) -> tuple[str, str, dict[str, Any]]:
    """Method, path and body of the only command's one request, without the id that makes a repeat harmless."""
    command = CallCommand.objects.get()
    sender.send(command.pk)
    command.refresh_from_db()
    assert command.status == "ok", command.error
    (raw,) = wire.requests
    head, _, body = raw.partition(b"\r\n\r\n")
    method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
    told = json.loads(body or b"{}")
    if retry_policy.takes_command_id(command.action):
        assert told.pop("command_id") == str(command.pk)
    return method, unquote(path), told


def where(action: str) -> str:
    word = action.partition(".")[2]
    return f"/v2/conferences/{ROOM}/actions/{PATHS.get(word, word)}"


def test_the_list_of_actions_is_the_sdks() -> None:
    assert [name.partition(".")[2] for name in EVERY] == list(schemas.methods("conferences.actions"))
    assert len(EVERY) >= 17


@pytest.mark.parametrize("given_of", [samples.required, samples.everything])
@pytest.mark.parametrize("action", EVERY)
def test_rest_sends_what_was_asked(
    api: APIClient, room: Conference, wire: Listener, action: str, given_of: Callable[[str], dict[str, Any]]
) -> None:
    given = given_of(actions.method(action))
    made = api.post(f"/api/v1/conferences/{ROOM}/actions/{action.partition('.')[2]}/", given, format="json")
    assert made.status_code == 202, made.json()
    assert (made.json()["action"], made.json()["conference_id"]) == (action, ROOM)
    assert sent(wire) == ("POST", where(action), given)


@pytest.mark.parametrize("action", EVERY)
def test_the_browsers_form_sends_what_was_filled_in(
    browser: Client, room: Conference, wire: Listener, action: str
) -> None:
    url = f"/admin/voice/conference/{room.pk}/do/{action}/"
    form = browser.get(url).context["form"]
    given = samples.everything(actions.method(action))
    made = browser.post(url, as_typed(given) | {"intent": str(form["intent"].value())})
    assert made.status_code == 302, made.context["form"].errors
    assert sent(wire) == ("POST", where(action), given)


@pytest.mark.parametrize("action", EVERY)
def test_a_double_click_is_one_command(browser: Client, room: Conference, wire: Listener, action: str) -> None:
    url = f"/admin/voice/conference/{room.pk}/do/{action}/"
    filled = as_typed(samples.required(actions.method(action)))
    filled["intent"] = str(browser.get(url).context["form"]["intent"].value())
    assert [browser.post(url, filled).status_code for _ in range(2)] == [302, 302]
    assert CallCommand.objects.count() == 1


@pytest.mark.parametrize("action", EVERY)
def test_without_the_permission_there_is_no_page_no_button_and_no_command(
    user_with: Callable[..., User], client: Client, room: Conference, action: str
) -> None:
    person = user_with("voice.view_conference", "voice.view_queue", "voice.view_callcommand")
    client.force_login(person)
    url = f"/admin/voice/conference/{room.pk}/do/{action}/"
    assert (client.get(url).status_code, client.post(url, {}).status_code) == (403, 403)
    assert url not in client.get(f"/admin/voice/conference/{room.pk}/change/").content.decode()
    word = action.partition(".")[2]
    refused = api_for(person).post(f"/api/v1/conferences/{ROOM}/actions/{word}/", {}, format="json")
    assert refused.status_code == 403
    assert not CallCommand.objects.exists()


def test_every_action_has_a_button(browser: Client, room: Conference) -> None:
    page = browser.get(f"/admin/voice/conference/{room.pk}/change/").content.decode()
    for action in EVERY:
        assert f"/do/{action}/" in page


@pytest.mark.parametrize(
    ("action", "letter"),
    [
        *((f"conferences.{name}", "A") for name in ("create", "end_conference", "join", "leave", "speak", "update")),
        *((f"conferences.record_{name}", "A") for name in ("start", "stop", "pause", "resume")),
        *((f"conferences.{name}", "B") for name in ("hold", "unhold", "mute", "unmute", "stop", "update_participant")),
        *((f"conferences.{name}", "C") for name in ("play", "gather_dtmf_audio", "send_dtmf")),
        ("queues.create", "C"),
        *((f"queues.{name}", "B") for name in ("update", "delete", "calls.update", "calls.remove")),
    ],
)
def test_each_action_is_repeated_as_its_class_allows(action: str, letter: str) -> None:
    assert retry_policy.retry_class(action).value == letter


def test_a_command_to_a_conference_is_begun_within_30_seconds(api: APIClient, room: Conference) -> None:
    api.post(f"/api/v1/conferences/{ROOM}/actions/mute/", {}, format="json")
    command = CallCommand.objects.get()
    assert (command.expires_at - command.created_at).total_seconds() == 30


# --- What is created, and queues -------------------------------------------------------------------------------------

MADE = [
    ("conferences.create", "post", "/api/v1/conferences/", ("POST", "/v2/conferences")),
    (
        "conferences.update_participant",
        "patch",
        f"/api/v1/conferences/{ROOM}/participants/v3:a-leg/",
        ("PATCH", f"/v2/conferences/{ROOM}/participants/v3:a-leg"),
    ),
    ("queues.create", "post", "/api/v1/queues/", ("POST", "/v2/queues")),
    ("queues.update", "patch", "/api/v1/queues/support/", ("POST", "/v2/queues/support")),
    ("queues.delete", "delete", "/api/v1/queues/support/", ("DELETE", "/v2/queues/support")),
    (
        "queues.calls.update",
        "patch",
        "/api/v1/queues/support/calls/v3:a-leg/",
        ("PATCH", "/v2/queues/support/calls/v3:a-leg"),
    ),
    (
        "queues.calls.remove",
        "delete",
        "/api/v1/queues/support/calls/v3:a-leg/",
        ("DELETE", "/v2/queues/support/calls/v3:a-leg"),
    ),
]
TOLD_BY_PATH = {"id", "queue_name"}


@pytest.mark.parametrize(("action", "verb", "url", "expected"), MADE)
def test_rest_sends_every_parameter_of_what_else_there_is(
    api: APIClient, wire: Listener, silent: Listener, action: str, verb: str, url: str, expected: tuple[str, str]
) -> None:
    listener = silent if actions.answers_nothing(action) else wire
    account = make_account("wired", f"{listener.url}/v2")
    make_room(account)
    given = samples.everything(action)
    if action in {"conferences.update_participant", "queues.calls.update"}:
        given = {name: value for name, value in given.items() if name not in TOLD_BY_PATH}
    made = getattr(api, verb)(url, given, format="json")
    assert made.status_code == 202, made.json()
    assert sent(listener) == (*expected, given)


@pytest.mark.parametrize(("action", "verb", "url", "expected"), MADE)
def test_without_the_permission_nothing_is_made(
    user_with: Callable[..., User], room: Conference, action: str, verb: str, url: str, expected: tuple[str, str]
) -> None:
    person = user_with("voice.view_conference", "voice.view_queue", "voice.view_call")
    assert getattr(api_for(person), verb)(url, {}, format="json").status_code == 403
    assert not CallCommand.objects.exists()


@pytest.mark.parametrize(
    ("path", "action", "left_out"),
    [
        ("conference/new/", "conferences.create", ()),
        ("conference/queues/new/", "queues.create", ()),
        ("conference/queues/{account}/support/do/update/", "queues.update", ()),
        ("conference/queues/{account}/support/do/delete/", "queues.delete", ()),
        ("conference/queues/{account}/support/calls/v3_3Aa-leg/keep/", "queues.calls.update", ("queue_name",)),
        ("conference/queues/{account}/support/calls/v3_3Aa-leg/remove/", "queues.calls.remove", ()),
    ],
)
def test_the_browser_sends_what_was_filled_in(
    browser: Client,
    signed_in: Callable[..., Client],
    wire: Listener,
    silent: Listener,
    path: str,
    action: str,
    left_out: tuple[str, ...],
) -> None:
    listener = silent if actions.answers_nothing(action) else wire
    account = make_account("wired", f"{listener.url}/v2")
    url = "/admin/voice/" + path.format(account=account.pk)
    looker = signed_in("voice.view_queue", "voice.view_conference", username="looker")
    assert (looker.get(url).status_code, looker.post(url, {}).status_code) == (403, 403)
    form = browser.get(url).context["form"]
    given = {name: value for name, value in samples.everything(action).items() if name not in left_out}
    filled = as_typed(given) | {"intent": str(form["intent"].value()), "account": str(account.pk)}
    made = browser.post(url, filled)
    assert made.status_code == 302, made.context["form"].errors
    _, where_to, body = sent(listener)
    assert body == given
    assert CallCommand.objects.get().action == action
    if "support" in path:
        assert "/v2/queues/support" in where_to
    if "a-leg" in path:
        assert where_to.endswith("/calls/v3:a-leg")


def test_what_ended_is_not_commanded(api: APIClient, wire: Listener) -> None:
    account = make_account("wired", f"{wire.url}/v2")
    make_room(account, state="completed")
    make_call(account, state="ended")
    body = {"call_control_id": "v3:a-leg", "name": "standup"}
    answers = [
        api.post(f"/api/v1/conferences/{ROOM}/actions/mute/", {}, format="json").json(),
        api.post("/api/v1/conferences/", body, format="json").json(),
    ]
    assert [(one["status"], one["error"]) for one in answers] == [
        ("expired", "The conference has already ended."),
        ("expired", "The call has already ended."),
    ]
    assert not wire.requests


def test_a_conference_that_ends_before_its_command_goes_is_left_alone(
    api: APIClient, room: Conference, wire: Listener
) -> None:
    api.post(f"/api/v1/conferences/{ROOM}/actions/mute/", {}, format="json")
    Conference.objects.update(state="completed")
    sender.send(CallCommand.objects.get().pk)
    assert (CallCommand.objects.get().status, wire.requests) == ("expired", [])


@pytest.mark.parametrize("body", [{"no_such": 1}, {"call_control_ids": "text"}, {"command_id": "x"}])
def test_what_the_sdk_does_not_take_is_refused_by_name(api: APIClient, room: Conference, body: dict[str, Any]) -> None:
    refused = api.post(f"/api/v1/conferences/{ROOM}/actions/hold/", body, format="json")
    assert (refused.status_code, list(refused.json()["errors"])) == (400, list(body))


def test_an_action_that_telnyx_has_not_is_not_found(api: APIClient, room: Conference, browser: Client) -> None:
    assert api.post(f"/api/v1/conferences/{ROOM}/actions/explode/", {}, format="json").status_code == 404
    assert browser.get(f"/admin/voice/conference/{room.pk}/do/conferences.explode/").status_code == 404
    assert browser.get(f"/admin/voice/conference/{room.pk}/do/hangup/").status_code == 404


def as_typed(given: dict[str, Any]) -> dict[str, str]:
    """How a person's browser would send it."""
    return {name: typed(value) for name, value in given.items()}
