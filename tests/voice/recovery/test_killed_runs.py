"""Runs that were killed, and those that are not over: who ends them, and who joins them."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.clocks import is_near
from tests.support.factories import make_call
from tests.support.recoveries import listed
from tests.support.rows import Recovery
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice.recovery import backfill, runs

pytestmark = pytest.mark.django_db


def running(account: TelnyxAccount) -> Recovery:
    run, _ = runs.request(account, PORTAL)
    assert runs.begin(run)
    return run


def test_of_two_runs_that_were_killed_the_one_that_is_ended_says_why_and_the_other_one_waits(
    account: TelnyxAccount,
) -> None:
    mine, theirs = running(account), running(make_account(name="other"))
    Recovery.objects.update(seen_alive_at=ago(121))
    assert runs.bury(mine)
    for run in (mine, theirs):
        run.refresh_from_db()
    assert (mine.state, mine.problem, is_near(mine.finished_at)) == ("failed", "It was interrupted.", True)
    assert (theirs.state, theirs.finished_at) == ("running", None)


def test_a_run_that_says_that_it_is_alive_or_is_over_cannot_be_ended(account: TelnyxAccount) -> None:
    run = running(account)
    Recovery.objects.update(seen_alive_at=ago(110))
    assert not runs.bury(run)
    Recovery.objects.update(state="done", seen_alive_at=ago(300))
    assert not runs.bury(run)
    run.refresh_from_db()
    assert (run.state, run.problem) == ("done", "")


def test_whoever_asks_joins_the_run_that_is_not_over_though_another_one_began_later(account: TelnyxAccount) -> None:
    asked, _ = runs.request(account, PORTAL)
    Recovery.objects.update(started_at=ago(600))
    Recovery.objects.create(account=account, state="done", started_at=ago(60), seen_alive_at=ago(50))
    assert runs.request(account, PORTAL) == (asked, False)


def test_a_run_whose_place_was_taken_knows_it_when_it_wakes_up(account: TelnyxAccount) -> None:
    killed = running(account)
    Recovery.objects.update(state="failed", problem="It was interrupted.")
    backfill.run(killed)
    assert (killed.state, killed.problem) == ("failed", "It was interrupted.")


def live_calls(path: str) -> dict[str, Any]:
    """One of three pages of what is alive in an application."""
    at = int(parse_qs(urlsplit(path).query).get("page[after]", ["1"])[0])
    after = str(at + 1) if at < 3 else None
    meta = {"total_items": 3, "next": after, "cursors": {"after": after}}
    return {"data": [{"call_control_id": f"v3:{at}"}], "meta": meta}


def texml_calls(path: str) -> dict[str, Any]:
    """One of three pages of a day's TeXML calls."""
    at = int(parse_qs(urlsplit(path).query).get("Page", ["1"])[0])
    return {"calls": [], "next_page_uri": f"/Calls?Page={at + 1}" if at < 3 else None}


def test_a_run_says_that_it_is_alive_after_each_page_of_a_list(account: TelnyxAccount) -> None:
    """Each may take eight seconds, and there are forty: after two minutes of silence another run took its place."""
    TelnyxAccount.objects.filter(pk=account.pk).update(account_sid="org-1")
    account.account_sid = "org-1"
    make_call(account, started_at=ago(3600))
    make_call(account, "b", is_texml=True, started_at=ago(3600), call_leg_id="", call_session_id="")
    alive = {"/calls/": {"data": {"is_alive": True}}, "/Calls/": {"sid": "v3:b-leg", "status": "in-progress"}}
    lists = {"active_calls": live_calls, "/Calls?": texml_calls}
    told = list[int]()
    with telnyx_says(account, webhook_deliveries=listed([]), call_events=listed([]), **lists, **alive) as telnyx:
        run = backfill.recover(account, PORTAL, on_progress=lambda _: told.append(len(telnyx.requests)))
    pages = [at for at, one in enumerate(telnyx.requests, 1) if b"active_calls" in one or b"/Calls?" in one]
    assert (run.state, run.problem, len(pages)) == ("done", "", 3 + 2 * 3)  # of an application, and of two days
    assert set(pages) <= set(told)
