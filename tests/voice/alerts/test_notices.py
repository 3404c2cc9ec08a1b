"""Notices of alerts: told once for each change, in order, however many send."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connections
from django.utils import timezone

from applications.models import CallControlApplication
from portal import sql
from portal.models import TelnyxAccount
from tests.support.alert_notices import again, begin, begin_unheard, body, end, heads, types
from tests.support.alerts import alert, look, received
from tests.support.factories import CONNECTION, FROM, make_call
from tests.support.http_servers import Listener, answer
from tests.support.rows import AccountBreaker, Alert, AlertNotice
from tests.support.times import ago
from voice.alerts import notices

pytestmark = pytest.mark.django_db


def test_opening_and_closing_are_told_once_each(account: TelnyxAccount, hook: Listener) -> None:
    alert = begin(account)
    for _ in range(3):
        look()
        notices.deliver_due()
    end()
    notices.deliver_due()
    look(5)
    assert (notices.deliver_due(), types(hook)) == (0, ["alert.opened", "alert.closed"])
    first, second = (body(raw) for raw in hook.requests)
    assert first["id"] == second["id"] == str(alert.pk)
    assert (first["kind"], first["subject"], first["closed_at"]) == ("breaker_open", "main", None)
    assert first["link"] == "http://127.0.0.1:8000/admin/voice/callcommand/"
    assert second["closed_at"] > second["opened_at"]


def test_a_number_is_in_no_notice(account: TelnyxAccount, hook: Listener, mails: None) -> None:
    CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION, application_name=f"Line {FROM}")
    make_call(account, started_at=ago(300))
    look()
    notices.deliver_due()
    assert FROM in Alert.objects.get().summary
    assert FROM.encode() not in hook.requests[0]
    assert FROM not in mail.outbox[0].body + mail.outbox[0].subject


def test_after_a_500_it_is_tried_again_under_the_same_id(account: TelnyxAccount, hook: Listener) -> None:
    hook.says.append(answer("500 Internal Server Error"))  # type: ignore[attr-defined]
    begin(account)
    assert notices.deliver_due() == 1
    notice = AlertNotice.objects.get()
    assert (notice.attempts, notice.error, notice.finished_at) == (1, "HTTP 500", None)
    assert notice.lease_until is not None
    assert notice.lease_until > timezone.now()
    assert notices.deliver_due() == 0
    assert again() == 1
    assert again() == 0
    notice.refresh_from_db()
    assert (notice.outcome, notice.attempts) == ("sent", 2)
    first, second = hook.requests
    assert heads(first)["webhook-id"] == heads(second)["webhook-id"]
    assert body(first) == body(second)


def test_the_end_waits_for_the_beginning_to_be_told(account: TelnyxAccount, hook: Listener) -> None:
    begin_unheard(account, hook)
    end()
    assert notices.deliver_due() == 0
    again()
    again()
    assert types(hook) == ["alert.opened", "alert.opened", "alert.closed"]


def test_what_nobody_takes_is_given_up_and_the_page_says_so(
    account: TelnyxAccount, hook: Listener, browser: Any
) -> None:
    hook.says.extend([answer("404 Not Found")] * 20)  # type: ignore[attr-defined]
    alert = begin(account)
    notices.deliver_due()
    while again():
        pass
    notice = AlertNotice.objects.get()
    assert (notice.outcome, notice.attempts, len(hook.requests)) == ("failed", notices.MAX_ATTEMPTS, 8)
    page = browser.get(f"/admin/voice/alert/{alert.pk}/change/").content.decode()
    assert "could not be delivered: HTTP 404" in page


def test_what_nobody_foresaw_is_a_failure_and_the_other_channel_is_told(
    account: TelnyxAccount, hook: Listener, mails: None, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    def broken(*_: Any) -> int:
        raise LookupError("unknown encoding, and the password was hunter2")

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", broken)
    begin(account)
    with caplog.at_level(logging.DEBUG):
        assert notices.deliver_due() == 2
    assert types(hook) == ["alert.opened"]
    assert AlertNotice.objects.get(channel="email").error == "it could not be sent (LookupError)"
    assert "hunter2" not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_of_many_senders_one_sends(account: TelnyxAccount, hook: Listener, mails: None) -> None:
    begin(account)
    at_once = threading.Barrier(6)

    def together() -> None:
        at_once.wait()
        try:
            notices.deliver_due()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as senders:
        for done in [senders.submit(together) for _ in range(6)]:
            done.result()
    assert (len(hook.requests), len(mail.outbox)) == (1, 1)


def test_what_a_dead_sender_left_is_sent_after_its_lease(account: TelnyxAccount, hook: Listener) -> None:
    begin(account)
    AlertNotice.objects.update(attempts=1, lease_until=timezone.now() + notices.LEASE)
    assert notices.deliver_due() == 0
    assert again() == 1
    assert types(hook) == ["alert.opened"]


def test_a_channel_that_was_taken_away_is_not_used(account: TelnyxAccount, hook: Listener, settings: Any) -> None:
    begin(account)
    settings.ALERT_WEBHOOK_URL = ""
    notices.deliver_due()
    assert (AlertNotice.objects.get().error, hook.requests) == ("this channel is not set up any more", [])


def test_without_a_channel_there_is_no_notice_until_there_is_one(account: TelnyxAccount, mails: None) -> None:
    with pytest.MonkeyPatch.context() as none:
        none.setattr("django.conf.settings.ALERT_EMAILS", [])
        begin(account)
        assert not AlertNotice.objects.exists()
    look(1)
    notices.deliver_due()
    assert len(mail.outbox) == 1


def test_of_what_was_never_told_nobody_is_told_the_end(account: TelnyxAccount, settings: Any) -> None:
    begin(account)
    AccountBreaker.objects.update(state="closed")
    look(1)
    settings.ALERT_EMAILS = ["ada@example.com"]
    look(4)
    notices.deliver_due()
    assert not Alert.objects.get().is_open
    assert mail.outbox == []


def test_a_notice_says_all_that_its_receiver_was_promised(account: TelnyxAccount, hook: Listener) -> None:
    alert = begin(account)
    notices.deliver_due()
    end()
    notices.deliver_due()
    alert.refresh_from_db()
    opened_at, closed_at = (f"{at:%Y-%m-%dT%H:%M:%S.%fZ}" for at in (alert.opened_at, alert.closed_at))
    told = {"id": str(alert.pk), "kind": "breaker_open", "subject": "main", "summary": alert.summary}
    told |= {"link": "http://127.0.0.1:8000/admin/voice/callcommand/", "opened_at": opened_at}
    opening = told | {"type": "alert.opened", "closed_at": None}
    assert [body(raw) for raw in hook.requests] == [opening, told | {"type": "alert.closed", "closed_at": closed_at}]


def test_the_pauses_between_the_tries_are_those_that_were_promised(account: TelnyxAccount, hook: Listener) -> None:
    hook.says.extend([answer("500 Internal Server Error")] * 8)  # type: ignore[attr-defined]
    begin(account)
    for seconds in (10, 30, 60, 120, 300, 600, 1800):
        pause, before = timedelta(seconds=seconds), sql.clock()
        AlertNotice.objects.update(lease_until=None)
        assert notices.deliver_due() == 1
        assert before + pause <= AlertNotice.objects.get().lease_until <= sql.clock() + pause
    AlertNotice.objects.update(lease_until=None)
    notices.deliver_due()
    notice = AlertNotice.objects.get()
    assert (notice.outcome, notice.attempts, notice.lease_until) == ("failed", 8, None)


def test_the_end_by_one_channel_does_not_wait_for_the_beginning_by_another(
    account: TelnyxAccount, hook: Listener, mails: None
) -> None:
    begin_unheard(account, hook)
    end()
    assert notices.deliver_due() == 1
    assert [told.subject.split()[2] for told in mail.outbox] == ["Alert:", "Over:"]
    assert types(hook) == ["alert.opened"]


def test_the_end_of_one_alert_does_not_wait_for_the_beginning_of_another(
    account: TelnyxAccount, hook: Listener
) -> None:
    begin(account)
    notices.deliver_due()
    received(account, status="dead")
    hook.says.append(answer("503 Service Unavailable"))  # type: ignore[attr-defined]
    look()
    notices.deliver_due()
    end()
    assert notices.deliver_due() == 1
    told = [(body(raw)["kind"], body(raw)["type"]) for raw in hook.requests]
    assert told == [("breaker_open", "alert.opened"), ("dead_events", "alert.opened"), ("breaker_open", "alert.closed")]


def test_the_oldest_are_told_first_and_no_more_than_asked_for(account: TelnyxAccount, hook: Listener) -> None:
    for minutes in (1, 3, 2):
        notices.make(alert(account, f"{minutes} minutes"), AlertNotice.Change.OPENED, ago(minutes * 60))
    assert notices.deliver_due(limit=2) == 2
    assert [body(raw)["subject"] for raw in hook.requests] == ["3 minutes", "2 minutes"]


def test_what_became_of_one_notice_says_nothing_of_another(account: TelnyxAccount, hook: Listener) -> None:
    hook.says.append(answer("500 Internal Server Error"))  # type: ignore[attr-defined]
    for subject, seconds in (("first", 60), ("second", 30)):
        notices.make(alert(account, subject), AlertNotice.Change.OPENED, ago(seconds))
    assert notices.deliver_due() == 2
    told = AlertNotice.objects.values_list("alert__subject", "outcome", "error")
    assert set(told) == {("first", "", "HTTP 500"), ("second", "sent", "")}


def test_a_sender_whose_notice_another_one_has_by_now_writes_nothing_more(
    account: TelnyxAccount, mails: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(account)

    def slow(*_: Any) -> str:
        AlertNotice.objects.update(attempts=2)  # the lease ran out meanwhile, and another one tries
        return "HTTP 500"

    monkeypatch.setattr("voice.alerts.channels.send", slow)
    assert notices.deliver_due() == 1
    notice = AlertNotice.objects.get()
    assert (notice.attempts, notice.error, notice.finished_at) == (2, "", None)


def test_twenty_are_sent_at_a_time_and_what_waits_for_its_next_try_is_none_of_them(
    account: TelnyxAccount, mails: None
) -> None:
    notices.make(alert(account, "waits"), AlertNotice.Change.OPENED, ago(90))
    AlertNotice.objects.update(lease_until=ago(-60))
    for at in range(21):
        notices.make(alert(account, f"{at}"), AlertNotice.Change.OPENED, ago(60 - at))
    assert [notices.deliver_due(), notices.deliver_due()] == [20, 1]
    assert len(mail.outbox) == 21


def test_what_changed_first_is_told_first_be_it_an_end_or_a_beginning(account: TelnyxAccount, hook: Listener) -> None:
    first, second = (alert(account, subject) for subject in ("first", "second"))
    notices.make(first, AlertNotice.Change.OPENED, ago(90))
    assert notices.deliver_due() == 1
    notices.make(second, AlertNotice.Change.OPENED, ago(30))
    notices.make(first, AlertNotice.Change.CLOSED, ago(60))
    assert notices.deliver_due() == 2
    told = [(body(raw)["subject"], body(raw)["type"]) for raw in hook.requests]
    assert told == [("first", "alert.opened"), ("first", "alert.closed"), ("second", "alert.opened")]


def test_what_another_one_has_or_is_done_with_is_not_tried(account: TelnyxAccount, mails: None) -> None:
    begin(account)
    notice = AlertNotice.objects.get()
    taken: list[dict[str, Any]] = [{"lease_until": ago(-60)}, {"lease_until": None, "finished_at": ago(1)}]
    for columns in taken:
        AlertNotice.objects.update(**columns)
        assert not notices.deliver(notice.pk)
    notice.refresh_from_db()
    assert (notice.attempts, mail.outbox) == (0, [])


def test_a_sender_whose_notice_is_done_with_by_now_writes_nothing_more(
    account: TelnyxAccount, mails: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(account)

    def slow(*_: Any) -> str:
        AlertNotice.objects.update(outcome="muted", finished_at=ago(0))
        return "HTTP 500"

    monkeypatch.setattr("voice.alerts.channels.send", slow)
    assert notices.deliver_due() == 1
    notice = AlertNotice.objects.get()
    assert (notice.attempts, notice.outcome, notice.error) == (1, "muted", "")


def test_a_sender_has_its_notice_for_two_and_a_half_minutes(
    account: TelnyxAccount, mails: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(account)
    held: list[Any] = []

    def slow(*_: Any) -> str:
        held.append((AlertNotice.objects.get().lease_until, sql.clock()))
        return ""

    monkeypatch.setattr("voice.alerts.channels.send", slow)
    lease, before = timedelta(seconds=150), sql.clock()
    assert notices.deliver_due() == 1
    ((until, after),) = held
    assert before + lease <= until <= after + lease
