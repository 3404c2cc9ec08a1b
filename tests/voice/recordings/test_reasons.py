"""Why there is no recording of a leg, in words, on its call's page."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.call_pages import page
from tests.support.factories import make_call
from tests.support.rows import CallCommand
from voice.commands import outbox
from voice.models import Recording

pytestmark = pytest.mark.django_db
_LONG_AGO = datetime.now(UTC) - timedelta(hours=1)
_OVER = {"state": "ended", "ended_at": _LONG_AGO}


@pytest.mark.parametrize(
    ("columns", "status", "words"),
    [
        ({}, "", "No command of this portal asked for one."),
        (_OVER, "", "No command of this portal asked for one. Nor was any told of."),
        (_OVER | {"answered_at": None}, "", "It was never answered"),
        (_OVER | {"is_texml": True}, "", "Whether its document asked for one"),
        ({}, "queued", "waiting to be sent"),
        ({}, "refused", "Telnyx refused to record: not now"),
        ({}, "uncertain", "It is not known whether Telnyx took the command"),
        ({}, "ok", "It is being recorded"),
        ({"state": "ended", "ended_at": None}, "ok", "Telnyx is saving the file"),
        (_OVER, "ok", "never told of a file"),
    ],
)
def test_it_is_said(browser: Client, account: TelnyxAccount, columns: dict[str, Any], status: str, words: str) -> None:
    call = make_call(account)
    if status:
        command = outbox.act(call, "start_recording", {"channels": "dual", "format": "mp3"}, PORTAL)
        CallCommand.objects.filter(pk=command.pk).update(status=status, error="not now")
    if columns.get("state") == "ended" and columns["ended_at"] is None:  # just now, when the test runs
        columns = columns | {"ended_at": timezone.now()}
    type(call).objects.filter(pk=call.pk).update(**columns)
    text = browser.get(page(call)).content.decode()
    assert words in text[text.index('id="recordings"') :]


def test_a_failed_one_has_telnyx_s_reason(browser: Client, account: TelnyxAccount) -> None:
    call = make_call(account)
    failed = {"status": "failed", "reason": "Failed to authorize with storage", "started_at": _LONG_AGO}
    Recording.objects.create(account=account, key="event:1", call=call, **failed)
    assert "Failed to authorize with storage" in browser.get(page(call)).content.decode()


def test_a_session_of_many_legs_says_what_is_not_listed(browser: Client, account: TelnyxAccount) -> None:
    for at in range(23):
        call = make_call(account, f"leg {at}")
    assert "3 more legs are not looked at" in browser.get(page(call)).content.decode()
    for over in type(call).objects.exclude(pk=call.pk)[:2]:
        over.delete()
    assert "1 more leg is not looked at" in browser.get(page(call)).content.decode()


def test_very_many_recordings_are_counted_and_the_leg_s_own_come_first(browser: Client, account: TelnyxAccount) -> None:
    busy, quiet = make_call(account, "busy"), make_call(account, "quiet", started_at=timezone.now())
    type(busy).objects.filter(pk__in=[busy.pk, quiet.pk]).update(has_recording=True)
    told: dict[str, Any] = {"account": account, "status": "saved"}
    for at in range(103):
        Recording.objects.create(key=f"r{at}", call=busy, started_at=_LONG_AGO + timedelta(seconds=at), **told)
    Recording.objects.create(key="last", call=quiet, started_at=timezone.now(), **told)
    text = browser.get(page(quiet)).content.decode()
    assert "100 of 104 recordings are shown" in text
    assert "What was recorded of it is among those that are not shown here" not in text
    assert "among those that are not shown" in browser.get(page(busy)).content.decode()
