"""What a check is told and what it tells: how long something has waited, how many there are, where it leads."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from applications.kinds import KINDS
from applications.models import Pull
from portal.actors import PORTAL
from portal.models import Heartbeat, TelnyxAccount
from tests.support.accounts import make_account
from tests.support.alerts import alert, look, only, opened, received
from tests.support.batches import begin
from tests.support.commands import made_uncertain
from tests.support.factories import make_call
from tests.support.rows import Alert, CallCommand, CallEvent, Recovery, RejectedRequest, RejectionCount
from tests.support.times import ago
from voice.alerts import rounds
from voice.commands import outbox
from voice.dialling import batches

pytestmark = pytest.mark.django_db


def test_after_a_night_off_nobody_is_blamed_before_the_portal_had_time(account: TelnyxAccount) -> None:
    Heartbeat.objects.create(name="worker", at=ago(36_000))
    received(account, minutes_ago=600)
    now = timezone.now()
    rounds.check(now, now - timedelta(seconds=50))
    assert not Alert.objects.exists()
    rounds.check(now, now - timedelta(seconds=95))
    assert set(Alert.objects.values_list("kind", flat=True)) == {"process_stale", "backlog"}


def test_beyond_a_thousand_nobody_counts(account: TelnyxAccount) -> None:
    dead = {"account": account, "event_type": "call.answered", "source": "webhook", "status": "dead", "body": b"{}"}

    def die(number: int) -> None:
        keys = [uuid.uuid4().hex for _ in range(number)]
        CallEvent.objects.bulk_create(CallEvent(dedupe_key=key, received_at=ago(60), **dead) for key in keys)

    one, all_of_them, beyond = "1 event was given up", "1,000 events were given", "1,000 or more events were"
    for number, said in (1, one), (999, all_of_them), (1, beyond):
        die(number)
        look()
        assert only("dead_events").summary.startswith(said)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(91, "91 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (10_799, "2 h"), (10_800, "3 h")],
)
def test_how_long_something_lasts_is_told_in_the_unit_that_fits(db: None, seconds: int, words: str) -> None:
    now = timezone.now()
    Heartbeat.objects.create(name="worker", at=now - timedelta(seconds=seconds))
    rounds.check(now, now - timedelta(days=1))
    said = f"The workers, or beat, have not been heard for {words}: only the sweep does their work."
    assert only("process_stale").summary == said


def test_a_process_may_be_silent_for_a_minute_and_a_half(db: None) -> None:
    now = timezone.now()
    Heartbeat.objects.create(name="worker", at=now - timedelta(seconds=90))
    rounds.check(now, now - timedelta(days=1))
    assert not Alert.objects.exists()


# --- What is told, and where it leads --------------------------------------------------------------------------------


def told(kind: str) -> dict[str, tuple[str, str]]:
    """By subject what the alerts of that kind say, and the page to look at."""
    return {row.subject: (row.summary, row.link) for row in Alert.objects.filter(kind=kind)}


def refused(account: TelnyxAccount, at: datetime, **counts: int) -> None:
    """So many requests were refused in the hour of ``at``, by code; one at that moment."""
    RejectedRequest.objects.create(account=account, at=at, code=next(iter(counts)), reason="x")
    for code, count in counts.items():
        hour = at.replace(minute=0, second=0, microsecond=0)
        RejectionCount.objects.create(account=account, hour=hour, code=code, count=count)


def test_refused_webhooks_are_told_with_the_two_commonest_reasons(account: TelnyxAccount) -> None:
    now = timezone.now()
    refused(account, now, stale=3, other_key=4, length=1, probe=50)
    rounds.check(now, now - timedelta(days=1))
    begun = (now - timedelta(hours=1)).replace(minute=0)
    words = f"8 webhooks of main were refused since {begun:%H:%M} UTC: their signature is from another key, "
    words += "or the body was changed on the way; their time is more than 5 minutes off."
    assert told("signature_failures") == {"main": (words, reverse("admin:voice_inbox_account", args=[account.pk]))}
    row = only("signature_failures")
    assert (row.account, row.details["refused"]) == (account, 8)
    assert row.details["reasons"] == {"stale": 3, "other_key": 4, "length": 1}


@pytest.mark.parametrize("kind", ["dead_events", "signature_failures"])
def test_fewer_refused_webhooks_keep_an_alert_open_and_open_none(account: TelnyxAccount, kind: str) -> None:
    now = timezone.now()
    alert(account, kind=kind, closed_at=now if kind == "signature_failures" else None)
    refused(account, now, other_key=4)
    rounds.check(now, now - timedelta(days=1))
    assert not Alert.objects.filter(kind="signature_failures", closed_at=None).exists()


def test_what_piles_up_is_told_with_how_long_it_has_waited_and_leads_to_its_list(account: TelnyxAccount) -> None:
    now = timezone.now()
    received(account, received_at=now - timedelta(seconds=90))
    queued, begun = (outbox.act(make_call(account, leg), "hangup", {}, PORTAL) for leg in "ab")
    rows = CallCommand.objects
    rows.filter(pk=queued.pk).update(created_at=now - timedelta(seconds=80))
    rows.filter(pk=begun.pk).update(created_at=now - timedelta(seconds=70), status="sending")
    rounds.check(now, now - timedelta(days=1))
    events, commands = "/admin/voice/callevent/?status__exact", "/admin/voice/callcommand/?status__exact"
    assert told("backlog") == {
        "events": (
            "Events have waited for 90 s to be processed: more come in than are worked off.",
            f"{events}=received",
        ),
        "commands": (
            "Commands have waited for 80 s to be sent: nobody sends them, or too few do.",
            f"{commands}=queued",
        ),
        "begun commands": (
            "Commands that were begun have waited for 70 s to be taken up again: nobody ends them.",
            f"{commands}=sending",
        ),
    }


def test_commands_to_decide_are_counted_by_account(account: TelnyxAccount) -> None:
    other = make_account("other")
    for of, leg in ((account, "a"), (account, "b"), (other, "c")):
        made_uncertain(outbox.act(make_call(of, leg), "hangup", {}, PORTAL), sent=1010, over=1000)
    look()
    end = "nobody knows whether Telnyx carried out what was asked."
    link = "/admin/voice/callcommand/?open=undecided&account__id__exact"
    assert told("uncertain_commands") == {
        "main": (f"2 commands need a decision (main): {end}", f"{link}={account.pk}"),
        "other": (f"1 command needs a decision (other): {end}", f"{link}={other.pk}"),
    }


@pytest.mark.parametrize("found", [{"updated": 1}, {"missing": 1}])
def test_one_that_was_changed_or_is_gone_at_telnyx_is_drift_and_the_alert_has_the_figures(
    account: TelnyxAccount, found: dict[str, int]
) -> None:
    Pull.objects.create(account=account, kind=KINDS[0].slug, state="done", created=2, unchanged=4, **found)
    look()
    assert only("drift").details == {"created": 2, "updated": 0, "missing": 0, "unchanged": 4} | found


@pytest.mark.parametrize(("at", "which"), [(0, "Call Control applications"), (1, "TeXML applications")])
def test_what_a_pull_found_is_told_of_its_kind_whatever_else_went_wrong(
    account: TelnyxAccount, at: int, which: str
) -> None:
    errors = [{"id": "7", "kind": "invalid", "message": "x"}]
    Pull.objects.create(account=account, kind=KINDS[at].slug, state="done", updated=1, missing=2, errors=errors)
    look()
    assert only("drift").summary == f"The last pull found 1 changed and 2 gone at Telnyx ({which} of main)."
    Pull.objects.create(account=account, kind=KINDS[at].slug, state="stopped", errors=errors)
    look(1)
    assert only("drift").summary == f"So many {which} of main are gone from Telnyx that the pull stopped. Is that true?"


# --- What counts -----------------------------------------------------------------------------------------------------


def let_in(account: TelnyxAccount, at: datetime, number: int) -> None:
    """So many webhooks came then that nobody refused."""
    told = {"account": account, "event_type": "call.answered", "source": "webhook", "status": "processed"}
    keys = [uuid.uuid4().hex for _ in range(number)]
    CallEvent.objects.bulk_create(CallEvent(dedupe_key=key, received_at=at, body=b"{}", **told) for key in keys)


def test_only_accounts_of_which_a_webhook_is_refused_now_are_told_of(account: TelnyxAccount) -> None:
    now = timezone.now()
    refused(account, now, other_key=5)
    refused(make_account("other"), now - timedelta(minutes=11), other_key=5)
    rounds.check(now, now - timedelta(days=1))
    assert opened("signature_failures") == ["main"]


def test_what_was_let_in_hours_ago_makes_the_refused_ones_no_fewer(account: TelnyxAccount) -> None:
    now = timezone.now()
    refused(account, now, other_key=5)
    let_in(account, now - timedelta(hours=3), 45)
    rounds.check(now, now - timedelta(days=1))
    assert opened("signature_failures") == ["main"]


@pytest.mark.parametrize(("number", "subjects"), [(999, []), (1000, ["main"])])
def test_a_thousand_refused_webhooks_are_an_alert_however_many_are_let_in(
    account: TelnyxAccount, number: int, subjects: list[str]
) -> None:
    now = timezone.now()
    refused(account, now, other_key=number)
    let_in(account, now, 9000)
    rounds.check(now, now - timedelta(days=1))
    assert opened("signature_failures") == subjects


def test_of_what_waits_the_one_that_has_waited_longest_is_told(account: TelnyxAccount) -> None:
    now = timezone.now()
    told = {"account": account, "event_type": "call.answered", "source": "webhook", "body": b"{}"}
    for at, seconds in ((1, 90), (2, 300), (3, 150)):
        waits = {"id": uuid.UUID(int=at), "dedupe_key": str(at), "received_at": now - timedelta(seconds=seconds)}
        CallEvent.objects.create(**told, **waits)
    rounds.check(now, now - timedelta(days=1))
    assert only("backlog").summary.startswith("Events have waited for 5 min to be processed")


def test_a_line_of_a_paused_list_that_was_sent_once_is_to_be_ended_all_the_same(
    api: Any, account: TelnyxAccount
) -> None:
    batches.pause(begin(api, 2), PORTAL)
    CallCommand.objects.update(created_at=ago(900), lease_until=ago(600), first_sent_at=ago(700))
    look()
    assert opened("backlog") == ["commands"]


def test_only_the_sweep_and_the_workers_are_missed(db: None) -> None:
    for name in ("elsewhere", "worker"):
        Heartbeat.objects.create(name=name, at=ago(3600))
    look()
    assert opened("process_stale") == ["worker"]


def test_a_third_recovery_that_fails_ends_no_alert_and_the_last_problem_is_told(account: TelnyxAccount) -> None:
    for seconds, problem in ((50, "first"), (40, "second"), (30, "third")):
        at = ago(seconds)
        Recovery.objects.create(account=account, state="failed", started_at=at, seen_alive_at=at, problem=problem)
        look()
    told = only("recovery_failing")
    assert (told.is_open, told.summary) == (True, "Missed webhooks of main cannot be fetched from Telnyx: third")


@pytest.mark.parametrize(("seconds", "subjects"), [(60, []), (61, ["events"])])
def test_what_waits_may_wait_for_a_minute_since_the_portal_is_there(
    account: TelnyxAccount, seconds: int, subjects: list[str]
) -> None:
    received(account, minutes_ago=10)
    now = timezone.now()
    rounds.check(now, now - timedelta(seconds=seconds))
    assert opened("backlog") == subjects


def test_what_is_being_done_or_was_until_just_now_hides_nothing_that_waits(account: TelnyxAccount) -> None:
    now = timezone.now()
    told = {"account": account, "event_type": "call.answered", "source": "webhook", "body": b"{}"}
    for at, (seconds, lease) in enumerate(((400, 50), (300, -20), (90, None)), 1):
        leased = None if lease is None else now - timedelta(seconds=lease)
        waits = {"id": uuid.UUID(int=at), "dedupe_key": str(at), "received_at": now - timedelta(seconds=seconds)}
        CallEvent.objects.create(**told, **waits, lease_until=leased)
    rounds.check(now, now - timedelta(days=1))
    assert only("backlog").summary.startswith("Events have waited for 90 s to be processed")
