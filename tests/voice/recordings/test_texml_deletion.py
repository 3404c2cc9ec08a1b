"""The file of a TeXML recording, deleted from whichever page: who may, one command, and the row that says so."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from tests.support.factories import make_call, run_owed
from tests.support.rest import api_for, problem, send
from tests.support.rows import CallCommand
from tests.support.texml_resources import URL, telnyx_texml, wired
from tests.support.times import ago
from voice.models import Recording

pytestmark = pytest.mark.django_db
_ACTION, _AT_TELNYX = "texml.recordings.delete", f"{URL}recordings/rec-1/"
_SEES, _DELETES = ("voice.view_call", "voice.view_recording"), "voice.delete_recording"


@pytest.fixture
def recording(db: None) -> Iterator[Recording]:
    """One whose file is at a Telnyx that agrees to all."""
    with telnyx_texml(
        lambda method, path: {"sid": "rec-1", "status": "completed"} if method == "GET" else None
    ) as wire:
        account = wired(wire.url)
        told: dict[str, Any] = {"key": "rec-1", "recording_id": "rec-1", "status": "saved", "started_at": ago(60)}
        yield Recording.objects.create(account=account, call=make_call(account), is_texml=True, **told)


def here(recording: Recording) -> str:
    return f"/api/v1/recordings/{recording.pk}/"


def do(recording: Recording) -> str:
    return reverse("admin:voice_texml_do", args=[recording.account_id, _ACTION]) + "?recording_sid=rec-1"


def test_who_only_controls_calls_deletes_none(user_with: Any, signed_in: Any, recording: Recording) -> None:
    problem(api_for(user_with("Operators", username="operates")).delete(_AT_TELNYX), 403)
    browser = signed_in("Operators", username="presses")
    page = reverse("admin:voice_texml_recording", args=[recording.account_id, "rec-1"])
    assert _ACTION not in browser.get(page).content.decode()
    assert browser.get(do(recording)).status_code == 403
    assert not CallCommand.objects.exists()


def test_who_may_delete_recordings_needs_no_right_over_calls(
    user_with: Any, signed_in: Any, recording: Recording
) -> None:
    assert api_for(user_with(*_SEES, _DELETES, username="here")).delete(here(recording)).status_code == 202
    Recording.objects.update(deletion=None)
    assert api_for(user_with(*_SEES, _DELETES, username="there")).delete(_AT_TELNYX).status_code == 202
    Recording.objects.update(deletion=None)
    page = reverse("admin:voice_texml_recording", args=[recording.account_id, "rec-1"])
    browser = signed_in(*_SEES, _DELETES, username="presses")
    assert _ACTION in browser.get(page).content.decode()
    assert press(browser, recording).status_code == 302
    assert CallCommand.objects.filter(action=_ACTION, path=["rec-1"]).count() == 3


def press(browser: Any, recording: Recording) -> Any:
    asks = browser.get(do(recording))
    return browser.post(do(recording), {"intent": asks.context["form"]["intent"].value()})


def test_its_row_says_that_it_is_deleted_whichever_page_asked(
    api: APIClient, browser: Any, recording: Recording
) -> None:
    first = api.delete(_AT_TELNYX).json()["id"]
    assert api.get(here(recording)).json()["deletion"] == first
    assert api.delete(_AT_TELNYX).json()["id"] == first
    assert press(browser, recording).status_code == 302
    assert api.delete(here(recording)).json()["id"] == first
    assert CallCommand.objects.count() == 1
    run_owed()
    assert api.get(here(recording)).json()["deleted"]
    assert "Deleted at Telnyx by" in browser.get(f"/admin/voice/recording/{recording.pk}/change/").content.decode()


def test_from_its_page_at_telnyx_in_the_browser_too(browser: Any, recording: Recording) -> None:
    assert press(browser, recording).status_code == 302
    run_owed()
    recording.refresh_from_db()
    assert recording.is_deleted


def test_one_that_the_portal_has_no_row_of_is_deleted_all_the_same(api: APIClient, recording: Recording) -> None:
    Recording.objects.all().delete()
    assert api.delete(_AT_TELNYX).status_code == 202
    assert CallCommand.objects.get().path == ["rec-1"]


def test_one_that_the_portal_has_no_row_of_is_deleted_by_one_command_too(
    api: APIClient, browser: Any, recording: Recording
) -> None:
    Recording.objects.all().delete()
    first = api.delete(_AT_TELNYX).json()["id"]
    assert api.delete(_AT_TELNYX).json()["id"] == first
    assert press(browser, recording).status_code == 302
    run_owed()
    assert (api.delete(_AT_TELNYX).json()["id"], CallCommand.objects.get().status) == (first, "ok")
    assert api.delete(f"{URL}recordings/rec-2/").json()["id"] != first
    CallCommand.objects.filter(pk=first).update(status="refused")
    again = [api.delete(_AT_TELNYX).json()["id"] for _ in range(2)]
    assert (again[0] == again[1], again[0] != first) == (True, True)
    assert CallCommand.objects.filter(path=["rec-1"]).count() == 2


def test_one_that_was_asked_for_before_there_was_a_row_is_what_the_row_names(
    api: APIClient, recording: Recording
) -> None:
    told = Recording.objects.values().get()
    Recording.objects.all().delete()
    first = api.delete(_AT_TELNYX).json()["id"]
    run_owed()
    kept = Recording.objects.create(**told)  # its callback came late
    assert api.delete(here(kept)).json()["id"] == first
    assert api.get(here(kept)).json()["deletion"] == first
    assert CallCommand.objects.count() == 1


def test_one_that_was_refused_may_be_asked_for_again(api: APIClient, recording: Recording) -> None:
    first = api.delete(_AT_TELNYX).json()["id"]
    CallCommand.objects.update(status="refused", finished_at=ago(1))
    second = api.delete(_AT_TELNYX).json()["id"]
    assert second != first
    assert api.get(here(recording)).json()["deletion"] == second


def test_one_of_another_account_is_left_alone(api: APIClient, recording: Recording) -> None:
    other = wired("http://127.0.0.1:9", "other")
    assert api.delete(f"{_AT_TELNYX}?account={other.name}").status_code == 202
    recording.refresh_from_db()
    assert recording.deletion is None


def test_one_that_is_sent_again_is_the_one_that_its_row_names(api: APIClient, recording: Recording) -> None:
    first = api.delete(here(recording)).json()["id"]
    CallCommand.objects.update(status="uncertain", first_sent_at=ago(90), lease_until=None)
    again = send(api, f"/api/v1/commands/{first}/settle/", {"verdict": "send_again"}).json()["id"]
    assert again != first
    assert api.get(here(recording)).json()["deletion"] == again


def test_no_other_recording_of_the_account_is_taken_for_it(api: APIClient, recording: Recording) -> None:
    whose: dict[str, Any] = {"account": recording.account, "call": recording.call, "is_texml": True, "status": "saved"}
    for key, seconds in (("newer", 30), ("older", 90)):
        Recording.objects.create(key=key, recording_id=key, started_at=ago(seconds), **whose)

    def deletions() -> dict[str, str]:
        return {one.key: str(one.deletion_id) for one in Recording.objects.exclude(deletion=None)}

    first = api.delete(_AT_TELNYX).json()["id"]
    assert deletions() == {"rec-1": first}
    CallCommand.objects.update(status="uncertain", first_sent_at=ago(90), lease_until=None)
    again = send(api, f"/api/v1/commands/{first}/settle/", {"verdict": "send_again"}).json()["id"]
    assert deletions() == {"rec-1": again}
