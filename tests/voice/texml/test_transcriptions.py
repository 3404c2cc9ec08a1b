"""A TeXML transcription is deleted by who may delete recordings, through every door; controlling calls does not do."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from portal.models import AuditEvent, TelnyxAccount
from tests.support.rest import COMMANDS, api_for, problem, send
from tests.support.rows import CallCommand
from tests.support.texml_resources import URL, telnyx_texml, wired
from tests.support.times import ago

pytestmark = pytest.mark.django_db
_ACTION, _HERE = "texml.transcriptions.delete", f"{URL}transcriptions/tra-1/"
_SEES, _DELETES = ("voice.view_call", "voice.view_callcommand"), "voice.delete_recording"


@pytest.fixture
def account(db: None) -> Iterator[TelnyxAccount]:
    """One whose Telnyx has the transcription."""
    with telnyx_texml(lambda method, path: {"sid": "tra-1", "status": "completed"}) as wire:
        yield wired(wire.url)


def do(account: TelnyxAccount) -> str:
    return reverse("admin:voice_texml_do", args=[account.pk, _ACTION]) + "?recording_transcription_sid=tra-1"


def page(account: TelnyxAccount) -> str:
    return reverse("admin:voice_texml_transcription", args=[account.pk, "tra-1"])


def test_who_only_controls_calls_deletes_none(user_with: Any, signed_in: Any, account: TelnyxAccount) -> None:
    refused = problem(api_for(user_with("Operators", username="operates")).delete(_HERE), 403)
    assert _DELETES in refused["detail"]
    browser = signed_in("Operators", username="presses")
    assert _ACTION not in browser.get(page(account)).content.decode()
    assert browser.get(do(account)).status_code == 403
    assert browser.post(do(account), {"intent": "x"}).status_code == 403
    assert not CallCommand.objects.exists()


def test_who_may_delete_recordings_needs_no_right_over_calls(
    user_with: Any, signed_in: Any, account: TelnyxAccount
) -> None:
    browser = signed_in(*_SEES, _DELETES, username="presses")
    assert _ACTION in browser.get(page(account)).content.decode()
    intent = browser.get(do(account)).context["form"]["intent"].value()
    assert browser.post(do(account), {"intent": intent}).status_code == 302
    CallCommand.objects.update(status="refused")  # else it is one command
    assert api_for(user_with(*_SEES, _DELETES, username="asks")).delete(_HERE).status_code == 202
    assert CallCommand.objects.filter(action=_ACTION, path=["tra-1"]).count() == 2
    assert {one.actor for one in AuditEvent.objects.filter(action=_ACTION)} == {
        "token: tests",
        "user: presses",
    }


def test_it_is_one_command_whichever_page_asks_and_however_often(
    api: APIClient, browser: Client, account: TelnyxAccount
) -> None:
    first = api.delete(_HERE).json()["id"]
    intent = browser.get(do(account)).context["form"]["intent"].value()
    assert browser.post(do(account), {"intent": intent}).status_code == 302
    assert api.delete(_HERE).json()["id"] == first
    CallCommand.objects.update(status="ok", finished_at=ago(1))
    assert api.delete(_HERE).json()["id"] == first
    assert api.delete(f"{URL}transcriptions/tra-2/").json()["id"] != first
    CallCommand.objects.filter(pk=first).update(status="refused")
    again = {api.delete(_HERE).json()["id"] for _ in range(2)}
    assert (len(again), first in again) == (1, False)
    assert CallCommand.objects.filter(path=["tra-1"]).count() == 2


def test_one_that_was_sent_again_is_the_one_that_is_found(api: APIClient, account: TelnyxAccount) -> None:
    first = api.delete(_HERE).json()["id"]
    CallCommand.objects.update(status="uncertain", first_sent_at=ago(90), lease_until=None)
    again = send(api, f"{COMMANDS}{first}/settle/", {"verdict": "send_again"}).json()["id"]
    assert (again != first, api.delete(_HERE).json()["id"]) == (True, again)
    CallCommand.objects.filter(pk=again).update(status="refused")
    third = api.delete(_HERE).json()["id"]
    assert third not in (first, again)
    assert api.delete(_HERE).json()["id"] == third


def test_of_very_many_deletions_one_is_found_at_once(api: APIClient, account: TelnyxAccount) -> None:
    first = api.delete(_HERE).json()["id"]
    with CaptureQueriesContext(connection) as asked:
        assert api.delete(_HERE).json()["id"] == first
    looked = [one["sql"] for one in asked if '"voice_callcommand"' in one["sql"]]
    assert looked
    assert not [one for one in looked if '"path"' in one.partition(" WHERE ")[2]]  # it has no index


def test_an_uncertain_one_is_sent_again_by_nobody_else(user_with: Any, signed_in: Any, account: TelnyxAccount) -> None:
    api = api_for(user_with(*_SEES, _DELETES, username="asks"))
    first = api.delete(_HERE).json()["id"]
    CallCommand.objects.update(status="uncertain", first_sent_at=ago(90), lease_until=None)
    settle = f"{COMMANDS}{first}/settle/"
    other = api_for(user_with(*_SEES, "voice.control_call", username="operates"))
    problem(send(other, settle, {"verdict": "send_again"}), 403)
    assert send(api, settle, {"verdict": "send_again"}).status_code == 202
