"""Verification of a pasted request: what the door would have said, and why."""

import json
import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from nacl.signing import SigningKey

from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.factories import make_event
from tests.support.rows import CallEvent
from tests.support.signing import key_pair, signed
from tests.support.webhooks import post_webhook

pytestmark = pytest.mark.django_db


def verify(client: Client, headers: Any, body: str, account: TelnyxAccount | None = None, moment: str = "now") -> str:
    told = {"headers": headers if isinstance(headers, str) else as_lines(headers), "body": body, "moment": moment}
    answer = client.post(reverse("admin:voice_inbox_verify"), told | {"account": account.pk if account else ""})
    assert answer.status_code == 200
    return " ".join(answer.content.decode().replace("&#x27;", "'").split())


def as_lines(headers: dict[str, str]) -> str:
    return "\r\n".join(f"{name}: {value}" for name, value in headers.items())


def make_signed(key: SigningKey | None = None, age: float = 0, **how: Any) -> tuple[dict[str, str], str]:
    """Headers and body of a request as Telnyx would send it."""
    body = json.dumps(make_event(), **how)
    given = {"key": key} if key else {}
    return signed(body.encode(), now=time.time() - age, **given), body


def test_a_right_one_would_be_let_in_whichever_way_its_headers_are_pasted(
    browser: Client, account: TelnyxAccount
) -> None:
    headers, body = make_signed()
    timestamp, signature = headers["Telnyx-Timestamp"], headers["Telnyx-Signature-Ed25519"]
    for pasted in (
        as_lines(headers),
        f"POST /hook HTTP/1.1\nHost: x\ntelnyx-timestamp: {timestamp}\nTELNYX-SIGNATURE-ED25519:{signature}",
        f"> telnyx-timestamp: {timestamp}\n> telnyx-signature-ed25519: {signature}",
        json.dumps(headers, indent=2),
        json.dumps({name: [value] for name, value in headers.items()}),
        json.dumps([[name, value] for name, value in headers.items()]),
        f"curl -X POST -H 'telnyx-timestamp: {timestamp}' \\\r\n  --header \"telnyx-signature-ed25519: {signature}\" x",
    ):
        text = verify(browser, pasted, body, account)
        assert "It is Telnyx's, for the account main: the door would let it in." in text, pasted
        assert "Signed with the current key of the account main." in text
        assert "call.initiated, id" in text


def test_it_says_whether_it_is_already_stored_and_stores_nothing_itself(
    browser: Client, account: TelnyxAccount
) -> None:
    headers, body = make_signed()
    assert "No event of this portal has this id" in verify(browser, headers, body)
    assert not CallEvent.objects.exists()
    post_webhook(Client(), account, body.encode())
    event = CallEvent.objects.get()
    text = verify(browser, headers, body)
    assert "It came at" in text
    assert reverse("admin:voice_callevent_change", args=[event.pk]) in text


def test_one_of_another_accounts_key_names_that_account(browser: Client, account: TelnyxAccount) -> None:
    key, public = key_pair()
    make_account("neighbour", public_key=public)
    headers, body = make_signed(key)
    text = verify(browser, headers, body, account)
    assert "It would be refused. It is signed with the current key of the account neighbour, not main" in text
    assert "pasted into the wrong account" in text
    assert "It is Telnyx's, for the account neighbour" in verify(browser, headers, body)


def test_two_accounts_of_one_key_are_not_taken_for_each_other(browser: Client, account: TelnyxAccount) -> None:
    make_account("a-twin")
    text = verify(browser, *make_signed(), account)
    assert "for the account main: the door would let it in" in text


def test_the_previous_key_is_told_as_such(browser: Client, account: TelnyxAccount) -> None:
    TelnyxAccount.objects.update(previous_public_key=account.public_key, public_key=key_pair()[1])
    assert "Signed with the previous key of the account main." in verify(browser, *make_signed(), account)


def test_a_stale_one_is_refused_now_and_right_as_of_its_own_time(browser: Client, account: TelnyxAccount) -> None:
    headers, body = make_signed(age=3 * 86400)
    text = verify(browser, headers, body, account)
    assert "It would be refused. Sent at" in text
    assert "the clock differs by 3 days" in text
    assert "Signed with the current key of the account main." in text
    assert "the door would let it in" in verify(browser, headers, body, account, moment="own")


def test_a_changed_body_is_refused_with_what_may_have_changed_it(browser: Client, account: TelnyxAccount) -> None:
    headers, body = make_signed()
    changed = body.replace("incoming", "outgoing!")
    text = verify(browser, headers | {"Content-Length": str(len(body)), "Content-Encoding": "gzip"}, changed, account)
    assert "No key of this portal made the signature" in text
    assert f"Content-Length says {len(body)} bytes, and here are {len(changed)}" in text
    assert "Content-Encoding" in text


@pytest.mark.parametrize("lost", ["\n", "\r\n", ""])
def test_line_ends_that_a_browser_changed_are_changed_back(browser: Client, account: TelnyxAccount, lost: str) -> None:
    body = json.dumps(make_event(), indent=2) + lost
    headers = signed(body.encode())
    pasted = body.removesuffix(lost).replace("\n", "\r\n")
    text = verify(browser, headers, pasted, account)
    assert "the door would let it in" in text
    assert "with the line endings changed back" in text


def test_a_body_that_was_rewritten_as_other_json_is_refused_and_told(browser: Client, account: TelnyxAccount) -> None:
    event = make_event()
    headers = signed(json.dumps(event, separators=(",", ":")).encode())
    text = verify(browser, headers, json.dumps(event, indent=4), account)
    assert "It would be refused." in text
    assert "rewritten as other JSON of the same meaning" in text


def test_a_texml_callback_is_read_as_one(browser: Client, account: TelnyxAccount) -> None:
    body = "CallSid=v3%3Aa-leg&CallStatus=completed&CallbackSource=call-progress-events&From=%2B13125550101"
    text = verify(browser, signed(body.encode()), body, account)
    assert "the door would let it in" in text
    assert "texml.call.completed" in text
    assert "5550101" not in text.partition("<form")[0]


@pytest.mark.parametrize(
    ("headers", "body", "said"),
    [
        ("nothing of use", "", "0 headers could be read: no signature headers"),
        ("{not json", "{}", "no signature headers"),
        ("-H 'never closed: x", "{}", "no signature headers"),
        ("HTTP_TELNYX_TIMESTAMP: 1\nHTTP_TELNYX_SIGNATURE_ED25519: x", "{}", "written with underscores"),
        ("Telnyx-Timestamp: soon\nTelnyx-Signature-Ed25519: x", "{}", "not a Unix time of ten digits"),
        ("Telnyx-Timestamp: 1790000000\nTelnyx-Signature-Ed25519: §", "{}", "not base64"),
        ("Telnyx-Timestamp: 1790000000\nTelnyx-Signature-Ed25519: AAAA", "{}", "has 3 bytes, not 64"),
        ("Webhook-Signature: v1,x", "\ud800", "Standard Webhooks"),
        ("x: y", "[" * 50_000, "nested deeper"),
        ("x: y", '{"event_type": "call_answered", "payload": {}}', "webhook API version 1"),
    ],
)
def test_garbage_gets_a_verdict_in_words(
    browser: Client, account: TelnyxAccount, headers: str, body: str, said: str
) -> None:
    text = verify(browser, headers, body.encode("utf-8", "replace").decode(), account)
    assert "It would be refused" in text
    assert said in text


def test_the_form_says_what_is_missing_or_too_large(browser: Client, account: TelnyxAccount) -> None:
    assert "This field is required" in verify(browser, "", "{}")
    assert "larger than 1 MiB" in verify(browser, "x: y", "a" * (1024 * 1024 + 1))
    assert "Null characters are not allowed" in verify(browser, "x: y\x00", "{}")


def test_the_form_takes_a_csrf_token(operator: User, account: TelnyxAccount) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(operator)
    url, form = reverse("admin:voice_inbox_verify"), {"headers": "x: y"}
    assert strict.post(url, form).status_code == 403
    token = strict.get(url).cookies["csrftoken"].value
    assert strict.post(url, form | {"csrfmiddlewaretoken": token}).status_code == 200
