"""Runs that were killed, and those that are not over: who ends them, and who joins them."""

import pytest

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.clocks import is_near
from tests.support.rows import Recovery
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
