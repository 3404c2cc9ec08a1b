"""The page that answers "why does nothing arrive?": requests through the door, then the page's words."""

import re
import time
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse
from nacl.signing import SigningKey

from applications.models import CallControlApplication
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.factories import CONNECTION, make_event, run_owed
from tests.support.inbox import make_application, stored, words
from tests.support.rows import RejectedRequest, RejectionCount
from tests.support.signing import key_pair
from tests.support.webhooks import post_webhook
from voice.stops import service as stops

pytestmark = pytest.mark.django_db


def test_it_says_that_webhooks_arrive_and_how_many(browser: Client, account: TelnyxAccount) -> None:
    make_application(account)
    for event in (make_event(), make_event("call.answered", 1)):
        post_webhook(Client(), account, event)
    post_webhook(Client(), account, b"{")
    run_owed()
    stored(account, 90)
    stored(account, 25 * 60)
    text = words(browser)
    assert "Webhooks arrive: the last one came" in text
    assert "1 could not be used" in text
    assert "processed</span></a></td> <td>2</td> <td>3</td>" in text
    assert "quarantined</span></a></td> <td>1</td> <td>1</td>" in text
    for status, of_a_day in (("processed", 3), ("quarantined", 1)):
        (listed,) = re.findall(rf'href="([^"]+status__exact={status}[^"]*)"', text)
        assert len(browser.get(unescape(listed)).context["cl"].result_list) == of_a_day


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "no signature headers: is a proxy stripping them?"),
        ({"X-Telnyx-Signature": "x"}, "webhook API version 1. Set it to 2"),
        ({"Telnyx-Timestamp": "soon", "Telnyx-Signature-Ed25519": "x"}, "not a Unix time of ten digits"),
    ],
)
def test_it_says_why_all_is_refused(
    browser: Client, account: TelnyxAccount, headers: dict[str, str], said: str
) -> None:
    url = f"/webhooks/{account.webhook_token}/call-control/"
    Client().post(url, b"{}", content_type="application/json", headers=headers)
    text = words(browser)
    assert "Requests arrive but are refused:" in text
    assert said in text


def test_it_says_that_something_is_suspended(browser: Client, account: TelnyxAccount) -> None:
    make_application(account)
    post_webhook(Client(), account, make_event())
    assert "is suspended here" not in words(browser)
    stops.suspend(account, CONNECTION, "", PORTAL)
    assert "It is suspended here: no rule acts." in words(browser)
    stops.suspend(account, "", "", PORTAL)
    text = words(browser)
    assert "It is suspended here: webhooks are kept, and no rule acts on them." in text
    assert "Webhooks arrive: the last one came" in text


def test_a_clock_that_is_off_is_told_with_its_minutes(browser: Client, account: TelnyxAccount) -> None:
    post_webhook(Client(), account, make_event(), now=time.time() - 420)
    text = words(browser)
    assert "Requests arrive but are refused: the clock differs by 7 min" in text
    assert "run NTP" in text


def test_a_key_that_stopped_fitting_is_told_although_webhooks_came_before(
    browser: Client, account: TelnyxAccount
) -> None:
    stored(account, 10)
    key, public = key_pair()
    make_account("neighbour", public_key=public)
    post_webhook(Client(), account, make_event(), key=key)
    text = words(browser, reverse("admin:voice_inbox_account", args=[account.pk]))
    assert "Requests arrive but are refused: the signature is from another key" in text
    assert "Nothing got in since" in text
    assert "signed with the current key of the account neighbour" in text


def test_a_strangers_nonsense_beside_good_webhooks_is_no_alarm(browser: Client, account: TelnyxAccount) -> None:
    stored(account, 10)
    Client().post(f"/webhooks/{account.webhook_token}/call-control/", b"x", content_type="text/plain")
    text = words(browser)
    assert "Webhooks arrive: the last one came 10 min ago. In the last 24 hours 1 request was refused." in text


@pytest.mark.parametrize("arrived_before", [True, False])
def test_a_flood_of_nonsense_does_not_hide_the_key_that_does_not_fit(
    browser: Client, account: TelnyxAccount, arrived_before: bool
) -> None:
    if arrived_before:
        stored(account, 10)
    post_webhook(Client(), account, make_event(), key=SigningKey.generate())
    for _ in range(20):
        Client().post(f"/webhooks/{account.webhook_token}/call-control/", b"x", content_type="text/plain")
    assert "Requests arrive but are refused: the signature is from another key" in words(browser)


def test_our_own_probe_counts_as_no_refusal(browser: Client, account: TelnyxAccount) -> None:
    make_application(account)
    Client().post(
        f"/webhooks/{account.webhook_token}/call-control/",
        b"{}",
        content_type="application/json",
        headers={"X-Portal-Probe": "a-nonce-of-the-portal"},
    )
    text = words(browser)
    assert "Nothing has ever arrived: there was no call yet" in text
    assert "1 ×" in text


def test_each_cause_of_silence_has_its_sentence(browser: Client, account: TelnyxAccount) -> None:
    assert "the portal knows no application of this account" in words(browser)
    application = make_application(account, webhook_event_url="https://elsewhere.example/hook")
    text = words(browser)
    assert "no application is set up to be heard here" in text
    assert "Telnyx sends its webhooks elsewhere: to elsewhere.example" in text
    CallControlApplication.objects.filter(pk=application.pk).update(webhook_event_url=account.webhook_url)
    assert "there was no call yet, or Telnyx cannot reach the address" in words(browser)
    TelnyxAccount.objects.update(base_url="https://api.telnyx.com/v2")
    assert "Telnyx cannot reach this portal, 127.0.0.1 is the machine itself" in words(browser)
    TelnyxAccount.objects.update(public_key="")
    assert "Nothing can be verified: the account has no public key" in words(browser)


def test_what_only_the_backfill_brought_did_not_arrive(browser: Client, account: TelnyxAccount) -> None:
    make_application(account)
    stored(account, 5, source="backfill")
    text = words(browser)
    assert "Nothing has ever arrived" in text
    assert "never heard" in text


def test_events_that_nobody_processes_are_told(browser: Client, account: TelnyxAccount) -> None:
    stored(account, 5, status="received")
    assert "Webhooks arrive, but they wait: the oldest since 5 min" in words(browser)


def test_an_old_last_webhook_is_told_as_such(browser: Client, account: TelnyxAccount) -> None:
    stored(account, 3 * 24 * 60)
    assert "Webhooks arrived: the last one came 3 days ago" in words(browser)


def test_an_address_of_nobody_has_a_card_of_its_own(browser: Client, account: TelnyxAccount) -> None:
    assert "Addresses that nobody has" not in words(browser)
    Client().post("/webhooks/an-old-token/call-control/", b"{}", content_type="application/json")
    text = words(browser)
    assert "Addresses that nobody has" in text
    assert "an-old-token" not in text


def test_the_counters_are_told_not_the_ring(browser: Client, account: TelnyxAccount) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    RejectionCount.objects.create(account=account, hour=hour, code="other_key", count=9_990)
    RejectionCount.objects.create(account=account, hour=hour - timedelta(hours=3), code="other_key", count=10)
    RejectionCount.objects.create(account=account, hour=hour - timedelta(hours=30), code="other_key", count=500)
    assert "10,000 ×" in words(browser)


def test_what_was_refused_days_ago_is_not_told_as_of_today(browser: Client, account: TelnyxAccount) -> None:
    told = {"at": datetime.now(UTC) - timedelta(days=3), "code": "other_key", "reason": "signed with another key"}
    RejectedRequest.objects.create(account=account, **told)
    RejectedRequest.objects.create(account=None, **told)
    text = words(browser)
    assert "signed with another key" not in text
    assert "Addresses that nobody has" not in text


def test_without_an_account_the_page_says_so(browser: Client, db: None) -> None:
    assert "There is no Telnyx account yet" in words(browser)
