"""Mutes: what is muted is recorded and not told, before, meanwhile and after."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from tests.support.accounts import make_account
from tests.support.alert_notices import again, begin, begin_unheard, end, types
from tests.support.alerts import alert, look
from tests.support.http_servers import Listener
from tests.support.rows import AccountBreaker, Alert, AlertMute, AlertNotice
from tests.support.times import ago
from voice.alerts import mutes, notices

pytestmark = pytest.mark.django_db


def mute(kind: str = "", subject: str = "", **until: Any) -> AlertMute:
    return mutes.mute(kind, subject, until.get("span"), "planned", PORTAL)


@pytest.mark.parametrize(
    ("kind", "subject", "told"),
    [
        ("breaker_open", "", 0),
        ("", "main", 0),
        ("breaker_open", "main", 0),
        ("backlog", "", 1),
        ("", "other", 1),
        ("breaker_open", "other", 1),
    ],
)
def test_who_is_muted_is_recorded_and_not_told(
    account: TelnyxAccount, mails: None, kind: str, subject: str, told: int
) -> None:
    mute(kind, subject)
    assert begin(account).is_open
    notices.deliver_due()
    assert len(mail.outbox) == told


@pytest.mark.parametrize("span", [timedelta(hours=1), None])
def test_the_audit_trail_tells_what_was_muted_until_when_and_that_it_is_not_any_more(span: timedelta | None) -> None:
    row = mute("drift", "main", span=span)
    about = {"kind": "drift", "about": "main"}
    until = row.created_at + span if span else None
    for one in (AlertMute.objects.get(), row):  # pressed by two at once
        mutes.unmute(one, PORTAL)
    muted, unmuted = AuditEvent.objects.filter(action__startswith="alert.").order_by("id")
    told = {"until": until.isoformat() if until else None, "reason": "planned"}
    assert (muted.action, muted.details) == ("alert.mute", about | told)
    assert (unmuted.action, unmuted.details) == ("alert.unmute", about)


def test_of_what_ends_while_it_is_muted_nobody_is_told(account: TelnyxAccount, mails: None) -> None:
    begin(account)
    notices.deliver_due()
    mute("breaker_open")
    end()
    notices.deliver_due()
    assert not Alert.objects.get().is_open
    assert len(mail.outbox) == 1


def test_what_was_told_before_the_mute_stays_told(account: TelnyxAccount, mails: None) -> None:
    begin(account)
    notices.deliver_due()
    mute("breaker_open")
    end()
    notices.deliver_due()
    assert set(AlertNotice.objects.values_list("change", "outcome")) == {("opened", "sent"), ("closed", "muted")}


def test_what_is_muted_keeps_no_other_from_being_told(account: TelnyxAccount, mails: None) -> None:
    for of in (account, make_account("other")):
        AccountBreaker.objects.create(account=of, state="open", since=ago(9), why="It is away.")
    mute("", "other")
    look()
    assert set(AlertNotice.objects.values_list("alert__subject", flat=True)) == {"main"}
    told = {row.subject: row.announced_at is not None for row in Alert.objects.all()}
    assert told == {"main": True, "other": False}


def test_what_is_held_back_of_one_alert_is_nothing_of_another(account: TelnyxAccount, mails: None) -> None:
    begin(account)
    end()
    other = alert(account, "other")
    notices.make(other, AlertNotice.Change.OPENED, timezone.now())
    AlertNotice.objects.filter(alert=other).update(lease_until=ago(-60))  # it is tried again in a minute
    mute("breaker_open")
    assert notices.deliver_due() == 0
    muted = {("breaker_open", "opened", "muted"), ("breaker_open", "closed", "muted")}
    outcomes = AlertNotice.objects.values_list("alert__kind", "change", "outcome")
    assert set(outcomes) == {*muted, ("dead_events", "opened", "")}


def test_a_notice_that_waits_is_not_sent_once_it_is_muted(account: TelnyxAccount, mails: None) -> None:
    begin(account)
    mute("", "main")
    assert notices.deliver_due() == 0
    look(1)
    assert again() == 0
    assert mail.outbox == []


def test_a_notice_that_was_held_back_goes_out_once_the_mute_is_over(account: TelnyxAccount, mails: None) -> None:
    begin(account)
    row = mute("breaker_open")
    notices.deliver_due()
    mutes.unmute(row, PORTAL)
    look(1)
    notices.deliver_due()
    look(2)
    end()
    notices.deliver_due()
    assert [told.subject.split()[2] for told in mail.outbox] == ["Alert:", "Over:"]


def test_of_what_was_held_back_and_ends_before_it_is_told_no_end_is_told(account: TelnyxAccount, mails: None) -> None:
    begin(account)
    row = mute("breaker_open")
    notices.deliver_due()
    AccountBreaker.objects.update(state="closed")
    look(1)
    mutes.unmute(row, PORTAL)
    look(4)
    notices.deliver_due()
    assert not Alert.objects.get().is_open
    assert mail.outbox == []


def test_of_what_was_over_before_it_was_held_back_no_end_is_told(account: TelnyxAccount, mails: None) -> None:
    begin(account)
    end()
    row = mute("breaker_open")
    notices.deliver_due()
    mutes.unmute(row, PORTAL)
    assert again() == 0
    assert set(AlertNotice.objects.values_list("change", "outcome")) == {("opened", "muted"), ("closed", "muted")}
    assert mail.outbox == []


def test_of_two_channels_the_end_is_told_by_the_one_that_told_the_beginning(
    account: TelnyxAccount, hook: Listener, mails: None
) -> None:
    begin_unheard(account, hook)
    row = mute("breaker_open")
    again()
    AccountBreaker.objects.update(state="closed")
    look(1)
    mutes.unmute(row, PORTAL)
    look(4)
    again()
    assert [told.subject.split()[2] for told in mail.outbox] == ["Alert:", "Over:"]
    assert types(hook) == ["alert.opened"]


def test_what_outlasts_its_mute_is_told_then(account: TelnyxAccount, mails: None) -> None:
    row = mute("breaker_open", span=timedelta(hours=1))
    begin(account)
    look(59)
    assert not AlertNotice.objects.exists()
    look(61)
    AlertMute.objects.filter(pk=row.pk).update(until=ago(1))
    notices.deliver_due()
    assert len(mail.outbox) == 1


def test_what_is_over_before_its_mute_is_never_told(account: TelnyxAccount, mails: None) -> None:
    row = mute("breaker_open")
    begin(account)
    end()
    mutes.unmute(row, PORTAL)
    look(5)
    assert not AlertNotice.objects.exists()


def test_one_mute_that_covers_it_is_enough(account: TelnyxAccount, mails: None) -> None:
    begin(account)
    for kind, subject in (("backlog", ""), ("", "main"), ("breaker_open", "other")):
        mute(kind, subject)
    assert notices.deliver_due() == 0
    assert mail.outbox == []


def test_a_mute_replaces_the_one_of_the_same_kind_and_subject_and_no_other() -> None:
    about = [("drift", ""), ("drift", "main"), ("backlog", "main"), ("", "main")]
    for kind, subject in (*about, ("drift", "main")):
        mute(kind, subject)
    assert sorted(AlertMute.objects.values_list("kind", "subject")) == sorted(about)


def test_what_one_channel_told_before_the_mute_only_the_other_one_tells_after_it(
    account: TelnyxAccount, hook: Listener, mails: None
) -> None:
    begin_unheard(account, hook)
    row = mute("breaker_open")
    again()
    mutes.unmute(row, PORTAL)
    look(1)
    assert notices.deliver_due() == 1
    assert types(hook) == ["alert.opened", "alert.opened"]
    assert len(mail.outbox) == 1


def test_an_end_that_is_held_back_by_one_channel_is_told_by_the_other(
    account: TelnyxAccount, hook: Listener, mails: None
) -> None:
    begin_unheard(account, hook)
    end()
    row = mute("breaker_open")
    assert notices.deliver_due() == 0  # of the webhook the beginning waits for its next try
    mutes.unmute(row, PORTAL)
    again()
    again()
    assert types(hook) == ["alert.opened", "alert.opened", "alert.closed"]
    assert [told.subject.split()[2] for told in mail.outbox] == ["Alert:"]
