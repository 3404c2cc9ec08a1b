"""Recovery in the browser: the button, what came of it, and who may."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.actors import PORTAL
from portal.celery import app
from portal.models import AuditEvent, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.factories import make_event
from tests.support.recoveries import undelivered
from tests.support.rows import Recovery
from tests.support.times import ago
from voice.recovery import backfill

pytestmark = pytest.mark.django_db
PAGE = reverse("admin:voice_recovery_changelist")
BUTTON = reverse("admin:voice_recovery_recover")
LINES = reverse("admin:voice_recovery_lines")


def test_the_page_says_when_calls_could_not_be_asked_for(browser: Client, account: TelnyxAccount) -> None:
    over = {"state": "done", "finished_at": timezone.now(), "problem": "Telnyx said HTTP 500."}
    Recovery.objects.create(account=account, started_at=ago(9), seen_alive_at=ago(9), calls_lost=2, **over)
    told = "2 calls closed as lost; not every call could be asked for: Telnyx said HTTP 500."
    assert told in browser.get(LINES).content.decode()
    assert told in browser.get(PAGE).content.decode()


def test_a_run_that_was_killed_is_not_said_to_run_in_the_list_either(browser: Client, account: TelnyxAccount) -> None:
    Recovery.objects.create(account=account, state="running", started_at=ago(200), seen_alive_at=ago(121))
    page = browser.get(PAGE).content.decode()
    assert ("was interrupted" in page, ">interrupted</span>" in page, ">running</span>" in page) == (True, True, False)


@pytest.mark.alone("every account is asked, and nobody answers at the neighbour's")
def test_the_button_asks_a_worker_and_the_page_shows_when_it_is_done(
    browser: Client, sandbox: Sandbox, sandbox_account: TelnyxAccount, woken: list[tuple[str, str]]
) -> None:
    shown = browser.get(PAGE).content.decode()
    assert "Telnyx was not asked for missed events yet." in shown
    assert "Recover now" in shown
    undelivered(sandbox, make_event("call.answered", -600))
    for _ in range(2):
        assert browser.post(BUTTON).status_code == 302
    assert Recovery.objects.count() == 1
    assert AuditEvent.objects.filter(action="events.recover", actor="user: operator").count() == 1
    shown = browser.get(PAGE).content.decode()
    assert "asked for; a worker will begin in a moment" in shown
    assert LINES in shown
    assert "HX-Refresh" not in browser.get(LINES)
    app.loader.import_default_modules()  # as a worker does when it starts
    app.tasks[woken[0][0]](woken[0][1])
    answer = browser.get(LINES)
    assert "1 event recovered" in answer.content.decode()
    assert LINES not in answer.content.decode()  # nothing more is to come
    assert answer["HX-Refresh"] == "true"
    assert "1 event recovered" in browser.get(PAGE).content.decode()


def test_a_failure_is_shown_in_words(browser: Client, account: TelnyxAccount) -> None:
    backfill.recover(account, PORTAL)
    shown = browser.get(PAGE).content.decode()
    assert shown.count("Telnyx cannot be reached") == 2  # above the list and in it


def test_the_list_says_what_was_looked_through_and_what_was_found(browser: Client, account: TelnyxAccount) -> None:
    since = datetime(2026, 6, 1, 8, 30, tzinfo=UTC)
    told = {"account": account, "seen_alive_at": ago(9)}
    looked = {"since": since, "until": since + timedelta(hours=26), "events_recovered": 1}
    Recovery.objects.create(state="done", started_at=ago(90), **told, **looked)
    Recovery.objects.create(state="queued", started_at=ago(9), **told)
    rows = re.findall(r"<tr.*?</tr>", browser.get(PAGE).content.decode(), re.DOTALL)
    (done,), (queued,) = ([one for one in rows if f">{state}</span>" in one] for state in ("done", "queued"))
    assert "2026-06-01 08:30 to 2026-06-02 10:30" in done
    assert "1 event recovered" in done
    assert not re.search(r"\d\d:\d\d to \d", queued)
    assert ("nothing was missing" in queued, "…" in queued) == (False, True)


def test_the_newest_run_of_each_account_is_told_and_the_page_asks_on_while_one_is_under_way(
    browser: Client, account: TelnyxAccount, neighbour: TelnyxAccount
) -> None:
    told = {"seen_alive_at": ago(50), "started_at": ago(60)}
    Recovery.objects.create(account=account, state="done", finished_at=ago(50), calls_lost=2, **told)
    theirs = Recovery.objects.create(account=neighbour, state="queued", **told | {"started_at": ago(9)})
    lines = browser.get(LINES)
    shown = lines.content.decode()
    assert ("2 calls closed as lost" in shown, "a worker will begin in a moment" in shown) == (True, True)
    assert "HX-Refresh" not in lines
    Recovery._default_manager.filter(pk=theirs.pk).update(state="running", seen_alive_at=ago(121))
    lines = browser.get(LINES)
    assert ("was interrupted" in lines.content.decode(), lines["HX-Refresh"]) == (True, "true")


def test_whoever_asks_for_a_run_comes_back_to_a_page_that_they_may_see(
    signed_in: Any, account: TelnyxAccount, neighbour: TelnyxAccount, woken: list[tuple[str, str]]
) -> None:
    asks = signed_in("voice.recover_events", username="asks")
    assert asks.post(BUTTON)["Location"] == reverse("admin:index")
    looks = signed_in("voice.recover_events", "voice.view_recovery", username="looks")
    assert looks.post(BUTTON)["Location"] == PAGE
    assert sorted(woken) == sorted([("voice.recover_account", str(of.pk)) for of in (account, neighbour)] * 2)


def test_looking_and_recovering_take_their_permissions(signed_in: Any, sandbox_account: TelnyxAccount) -> None:
    looks = signed_in("voice.view_recovery")
    assert "Recover now" not in looks.get(PAGE).content.decode()
    assert looks.post(BUTTON).status_code == 403
    recovers = signed_in("voice.recover_events", username="recovers")
    assert (recovers.get(PAGE).status_code, recovers.get(LINES).status_code) == (403, 403)
    assert (recovers.get(BUTTON).status_code, recovers.post(BUTTON).status_code) == (403, 302)
    assert Recovery.objects.count() == 1
    assert (looks.get(PAGE).status_code, looks.get(LINES).status_code) == (200, 200)
    both = signed_in("voice.view_recovery", "voice.recover_events", username="both")
    assert "Recover now" in both.get(PAGE).content.decode()


def test_the_groups_may_look_and_operators_may_recover(user_with: Any, db: None) -> None:
    may = {group: user_with(group, username=group) for group in ("Operators", "Support", "Developers")}
    assert [one.has_perm("voice.view_recovery") for one in may.values()] == [True, True, True]
    assert [one.has_perm("voice.recover_events") for one in may.values()] == [True, False, False]


def test_the_page_of_a_run_says_what_went_wrong_and_who_asked_for_it(browser: Client, account: TelnyxAccount) -> None:
    told = {"started_at": ago(60), "seen_alive_at": ago(50), "finished_at": ago(50), "requested_by": "user: ada"}
    run = Recovery.objects.create(account=account, state="failed", problem="Telnyx said HTTP 500.", **told)
    page = browser.get(reverse("admin:voice_recovery_change", args=[run.pk])).content.decode()
    assert ("Telnyx said HTTP 500." in page, "user: ada" in page) == (True, True)


def test_a_run_that_knows_but_one_end_of_its_time_tells_of_none(browser: Client, account: TelnyxAccount) -> None:
    for end in ("since", "until"):
        told = {"started_at": ago(90), "seen_alive_at": ago(90), "finished_at": ago(90), end: ago(90)}
        Recovery.objects.create(account=account, state="done", **told)
    page = browser.get(PAGE)
    assert page.status_code == 200
    assert not re.search(r"\d\d:\d\d to |\bto 20\d\d-", page.content.decode())
