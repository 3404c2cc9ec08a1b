"""Every action of conferences and queues, by REST and from the browser: what was asked is what reaches the wire."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from portal.telnyx import schemas
from tests.support import samples
from tests.support.accounts import make_account
from tests.support.conferences import ROOM, as_typed, make_room, sent
from tests.support.factories import make_call
from tests.support.http_servers import Listener
from tests.support.rest import api_for
from tests.support.rows import CallCommand, Conference
from voice.catalogue import actions
from voice.dialling import rights
from voice.dispatch import sender

pytestmark = pytest.mark.django_db
EVERY = actions.conference_names()
# path words of the SDK's methods that differ from their names
PATHS = {"end_conference": "end", "gather_dtmf_audio": "gather_using_audio"}


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
    may = user_with("voice.view_conference", *rights.needed(action, {}), username="may")
    client.force_login(may)
    assert (client.get(url).status_code, client.post(url, {}).status_code) == (200, 200)
    told = api_for(may).post(f"/api/v1/conferences/{ROOM}/actions/{word}/", {"?": 1}, format="json")
    assert told.status_code == 400


def test_every_action_has_a_button(browser: Client, room: Conference) -> None:
    page = browser.get(f"/admin/voice/conference/{room.pk}/change/").content.decode()
    for action in EVERY:
        assert f"/do/{action}/" in page


def test_a_command_to_a_conference_is_begun_within_30_seconds(api: APIClient, room: Conference) -> None:
    api.post(f"/api/v1/conferences/{ROOM}/actions/mute/", {}, format="json")
    command = CallCommand.objects.get()
    assert (command.expires_at - command.created_at).total_seconds() == 30


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
