"""Channels of notices: the signed webhook and the e-mail, and how each may fail."""

import base64
import hashlib
import hmac
import logging
import smtplib
import socket
import threading
from typing import Any

import httpx
import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.alert_notices import OK, SECRET, again, begin, body, end, heads
from tests.support.http_servers import Listener, answer, serving
from tests.support.rows import AlertNotice
from voice.alerts import channels, notices

pytestmark = pytest.mark.django_db


# --- the webhook -----------------------------------------------------------------------------------------------------


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


def test_it_is_sent_as_json(account: TelnyxAccount, hook: Listener) -> None:
    begin(account)
    notices.deliver_due()
    (raw,) = hook.requests
    assert heads(raw)["content-type"] == "application/json"
    assert body(raw) == AlertNotice.objects.get().body


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


def test_a_receiver_that_never_answers_is_given_up(
    account: TelnyxAccount, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "_SECONDS", 0.6)
    given_up = threading.Event()
    with serving(lambda connection: given_up.wait(30) and None) as silent:
        settings.ALERT_WEBHOOK_URL, settings.ALERT_WEBHOOK_SECRET = silent.url, SECRET
        begin(account)
        notices.deliver_due()
        given_up.set()
    assert AlertNotice.objects.get().error == "no answer within 1 s"


def test_a_receiver_that_answers_drop_by_drop_is_given_up(
    account: TelnyxAccount, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "_SECONDS", 0.6)
    given_up = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for at in range(15):
            if given_up.wait(0.2):
                return
            connection.sendall(f"x-drop-{at}: 1\r\n".encode())
        connection.sendall(b"content-length: 0\r\n\r\n")

    with serving(drip) as slow:
        settings.ALERT_WEBHOOK_URL, settings.ALERT_WEBHOOK_SECRET = slow.url, SECRET
        begin(account)
        notices.deliver_due()
        given_up.set()
    assert AlertNotice.objects.get().error == "no answer within 1 s"


@pytest.mark.parametrize(
    ("status", "outcome", "error"),
    [
        ("299 Taken", "sent", ""),
        ("300 Multiple Choices", "", "a redirect (HTTP 300), which is not followed"),
        ("399 Elsewhere", "", "a redirect (HTTP 399), which is not followed"),
        ("400 Bad Request", "", "HTTP 400"),
    ],
)
def test_any_answer_of_the_two_hundreds_is_a_yes_and_no_other(
    account: TelnyxAccount, hook: Listener, status: str, outcome: str, error: str
) -> None:
    hook.says.append(answer(status))  # type: ignore[attr-defined]
    begin(account)
    notices.deliver_due()
    told = AlertNotice.objects.get()
    assert (told.outcome, told.error) == (outcome, error)


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
    told = {notice.change: notice.body for notice in AlertNotice.objects.all()}
    since = ["", f"Since {told['opened']['opened_at']}"]
    lines = [told["opened"]["summary"], "", "http://127.0.0.1:8000/admin/voice/callcommand/", *since]
    assert first.body.split("\n") == lines
    assert second.body.split("\n") == [*lines, f"Over at {told['closed']['closed_at']}"]


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


def test_each_try_of_a_mail_has_the_same_id(
    account: TelnyxAccount, mails: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEFAULT_FROM_EMAIL = "portal@voice.example"
    tried: list[EmailMessage] = []

    def away(_: Any, messages: list[EmailMessage]) -> int:
        tried.extend(messages)
        raise smtplib.SMTPServerDisconnected("gone")

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", away)
    begin(account)
    notices.deliver_due()
    again()
    notice = AlertNotice.objects.get()
    assert notice.error == "the mail server was not reached or said no (SMTPServerDisconnected)"
    assert [mail.extra_headers["Message-ID"] for mail in tried] == [f"<{notice.pk}@voice.example>"] * 2


def test_the_subject_of_a_mail_is_cut_and_its_text_is_not(account: TelnyxAccount, mails: None) -> None:
    begin(account)
    AlertNotice.objects.update(body=AlertNotice.objects.get().body | {"summary": "x" * 300})
    notices.deliver_due()
    (told,) = mail.outbox
    assert told.subject == f"[Voice portal] Alert: {'x' * 300}"[:200]
    assert told.body.startswith("x" * 300)


def test_a_name_with_a_line_break_makes_no_second_header(account: TelnyxAccount, mails: None) -> None:
    begin(account)
    told = AlertNotice.objects.get()
    AlertNotice.objects.update(body=told.body | {"summary": "line\r\nBcc: eve@example.com"})
    notices.deliver_due()
    assert "\n" not in mail.outbox[0].subject
    assert mail.outbox[0].recipients() == ["ada@example.com", "bob@example.com"]


def test_a_mail_server_that_is_not_there_is_a_failure_in_words(
    account: TelnyxAccount, mails: None, settings: Any
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings.EMAIL_HOST, settings.EMAIL_PORT = taken.getsockname()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    begin(account)
    notices.deliver_due()
    words = "the mail server was not reached or said no (ConnectionRefusedError)"
    assert AlertNotice.objects.get().error == words


def test_a_link_is_whole_where_the_portals_address_is_all_digits(
    account: TelnyxAccount, hook: Listener, mails: None, settings: Any
) -> None:
    settings.PORTAL_PUBLIC_URL = "http://203.0.113.10:8000"
    begin(account)
    notices.deliver_due()
    link = "http://203.0.113.10:8000/admin/voice/callcommand/"
    assert body(hook.requests[0])["link"] == link
    assert link in mail.outbox[0].body.split("\n")


def test_a_webhook_is_given_eight_seconds_in_all(
    account: TelnyxAccount, hook: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []

    def late(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("late", request=request)

    def transport(seconds: float) -> httpx.MockTransport:
        given.append(seconds)
        return httpx.MockTransport(late)

    monkeypatch.setattr(channels, "DeadlineTransport", transport)
    begin(account)
    notices.deliver_due()
    assert (given, AlertNotice.objects.get().error) == ([8.0], "no answer within 8 s")
