"""Telling of alerts: by e-mail and by a signed webhook, once for each change, however many send."""

import base64
import hashlib
import hmac
import json
import logging
import smtplib
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connections
from django.utils import timezone

from applications.models import CallControlApplication
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.factories import CONNECTION, FROM, make_call
from tests.support.http_servers import Listener, answer, serving
from tests.support.times import ago
from voice import alerts, mutes, notices
from voice.models import AccountBreaker, Alert, AlertMute, AlertNotice

pytestmark = pytest.mark.django_db
SECRET = b"a secret of thirty-two bytes, ok"
OK = answer("200 OK")


@pytest.fixture
def mails(settings: Any) -> None:
    settings.ALERT_EMAILS = ["ada@example.com", "bob@example.com"]


@pytest.fixture
def hook(settings: Any) -> Iterator[Listener]:
    """Somebody who takes webhooks, and answers what ``hook.says`` gives, else 200."""
    says: list[bytes] = []
    with serving(lambda connection: connection.sendall(says.pop(0) if says else OK)) as listener:
        listener.says = says  # type: ignore[attr-defined]
        settings.ALERT_WEBHOOK_URL = f"{listener.url}/hooks/alerts/"
        settings.ALERT_WEBHOOK_SECRET = SECRET
        yield listener


def begin(account: TelnyxAccount) -> Alert:
    """Commands of the account are held back from now on."""
    row = {"state": "open", "since": ago(9), "why": f"It is away, and said so to {FROM}."}
    AccountBreaker.objects.update_or_create(account=account, defaults=row)
    look()
    return Alert.objects.get(closed_at=None)


def end() -> None:
    AccountBreaker.objects.update(state="closed")
    look(1)
    look(4)


def look(minutes: float = 0) -> None:
    now = timezone.now() + timedelta(minutes=minutes)
    alerts.check(now, now - timedelta(days=1))


def heads(raw: bytes) -> dict[str, str]:
    lines = raw.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def body(raw: bytes) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(raw.partition(b"\r\n\r\n")[2])
    return told


def types(hook: Listener) -> list[str]:
    return [body(raw)["type"] for raw in hook.requests]


def again() -> int:
    """The pauses after a failure are over."""
    AlertNotice.objects.filter(finished_at=None).update(lease_until=ago(1))
    return notices.deliver_due()


# --- the webhook -----------------------------------------------------------------------------------------------------


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


def test_it_is_signed_as_standard_webhooks_has_it(account: TelnyxAccount, hook: Listener) -> None:
    begin(account)
    notices.deliver_due()
    (raw,) = hook.requests
    told, content = heads(raw), raw.partition(b"\r\n\r\n")[2]
    assert raw.startswith(b"POST /hooks/alerts/ HTTP/1.1")
    assert told["webhook-id"] == f"msg_{AlertNotice.objects.get().pk}"
    assert abs(int(told["webhook-timestamp"]) - timezone.now().timestamp()) < 300
    signed = f"{told['webhook-id']}.{told['webhook-timestamp']}.".encode() + content
    wanted = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    assert told["webhook-signature"] == f"v1,{wanted}"


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
    hook.says.append(answer("503 Service Unavailable"))  # type: ignore[attr-defined]
    begin(account)
    notices.deliver_due()
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


def test_it_follows_no_redirect_and_knows_no_proxy(
    account: TelnyxAccount, hook: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with serving(OK) as elsewhere:
        moved = answer("307 Temporary Redirect", location=elsewhere.url)
        hook.says.append(moved)  # type: ignore[attr-defined]
        begin(account)
        notices.deliver_due()
        assert elsewhere.requests == []
    assert "redirect" in AlertNotice.objects.get().error
    assert len(hook.requests) == 1


def test_nobody_there_is_a_failure_in_words(account: TelnyxAccount, settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    settings.ALERT_WEBHOOK_URL, settings.ALERT_WEBHOOK_SECRET = f"http://127.0.0.1:{port}/", SECRET
    begin(account)
    notices.deliver_due()
    assert AlertNotice.objects.get().error == "no connection (ConnectError)"


def test_an_address_that_cannot_be_called_is_a_failure_that_is_given_up(
    account: TelnyxAccount, settings: Any, browser: Any
) -> None:
    settings.ALERT_WEBHOOK_URL, settings.ALERT_WEBHOOK_SECRET = "http://é..x/", SECRET
    assert (
        "ALERT_WEBHOOK_URL cannot be called" in browser.post("/admin/voice/alert/test/", follow=True).content.decode()
    )
    begin(account)
    assert notices.deliver_due() == 1
    while again():
        pass
    notice = AlertNotice.objects.get()
    assert (notice.outcome, notice.error) == ("failed", "ALERT_WEBHOOK_URL cannot be called")


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


# --- the mail --------------------------------------------------------------------------------------------------------


def test_a_mail_says_what_is_wrong_and_where_to_look(account: TelnyxAccount, mails: None) -> None:
    begin(account)
    notices.deliver_due()
    end()
    notices.deliver_due()
    first, second = mail.outbox
    assert first.to == ["ada@example.com", "bob@example.com"]
    assert first.subject.startswith("[Voice portal] Alert: Commands of main are held back.")
    assert "http://127.0.0.1:8000/admin/voice/callcommand/" in first.body
    assert second.subject.startswith("[Voice portal] Over: ")
    assert first.extra_headers["Message-ID"] != second.extra_headers["Message-ID"]


def test_a_mail_server_that_says_no_is_told_without_its_words(
    account: TelnyxAccount, mails: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(*_: Any) -> int:
        raise smtplib.SMTPAuthenticationError(535, b"no such user: the password was hunter2")

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refused)
    begin(account)
    with caplog.at_level(logging.DEBUG):
        notices.deliver_due()
        while again():
            pass
    assert AlertNotice.objects.get().error == "the mail server said 535"
    assert "hunter2" not in caplog.text


def test_a_name_with_a_line_break_makes_no_second_header(account: TelnyxAccount, mails: None) -> None:
    begin(account)
    told = AlertNotice.objects.get()
    AlertNotice.objects.update(body=told.body | {"summary": "line\r\nBcc: eve@example.com"})
    notices.deliver_due()
    assert "\n" not in mail.outbox[0].subject
    assert mail.outbox[0].recipients() == ["ada@example.com", "bob@example.com"]


# --- muting ----------------------------------------------------------------------------------------------------------


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


def test_of_what_ends_while_it_is_muted_nobody_is_told(account: TelnyxAccount, mails: None) -> None:
    begin(account)
    notices.deliver_due()
    mute("breaker_open")
    end()
    notices.deliver_due()
    assert not Alert.objects.get().is_open
    assert len(mail.outbox) == 1


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
    hook.says.append(answer("503 Service Unavailable"))  # type: ignore[attr-defined]
    begin(account)
    notices.deliver_due()
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
