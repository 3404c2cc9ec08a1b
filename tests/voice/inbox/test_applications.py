"""Applications in the inbox: when each was last heard, and where it points."""

import uuid
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applications.models import TexmlApplication
from portal.models import TelnyxAccount
from portal.sandbox.core import records
from portal.sandbox.server.server import Sandbox
from tests.support.accounts import make_account
from tests.support.factories import make_event
from tests.support.inbox import make_application, stored, words
from tests.support.signing import key_pair
from tests.support.webhooks import post_webhook
from voice.inbox import applications

pytestmark = pytest.mark.django_db


def test_each_application_says_when_it_was_heard_and_where_it_points(browser: Client, account: TelnyxAccount) -> None:
    other, twin = make_account("other", public_key=key_pair()[1]), make_account("twin")
    make_application(account, "1", application_name="fine")
    make_application(account, "2", application_name="to-another", webhook_event_url=other.webhook_url)
    make_application(account, "11", application_name="to-its-twin", webhook_event_url=twin.webhook_url)
    make_application(account, "3", application_name="no-slash", webhook_event_url=account.webhook_url[:-1])
    make_application(account, "4", application_name="old", webhook_api_version="1")
    make_application(account, "5", application_name="no-address", webhook_event_url="")
    make_application(account, "6", application_name="off", active=False)
    make_application(
        account,
        "7",
        application_name="other-host",
        webhook_event_url=account.webhook_url.replace("127.0.0.1", "portal.example"),
    )
    make_application(account, "8", application_name="gone", missing_since=datetime.now(UTC))
    for telnyx_id, name, columns in (
        ("9", "ivr", {"voice_url": "https://x.example/"}),
        ("10", "told", {"status_callback": account.texml_url, "status_callback_method": "post"}),
        ("12", "by-get", {"status_callback": account.texml_url, "status_callback_method": "GET"}),
        ("13", "fetching", {"voice_url": account.texml_url, "status_callback": account.texml_url}),
    ):
        TexmlApplication.objects.create(account=account, telnyx_id=telnyx_id, friendly_name=name, **columns)
    stored(account, 3, connection_id="1")
    text = words(browser, reverse("admin:voice_inbox_account", args=[account.pk]))
    for said in (
        "the address of the account other, whose key does not fit",
        "the address of the account twin, which has its events",
        "not quite the account&#x27;s: copy it anew",
        "Its webhook API version is not 2",
        "they go nowhere",
        "switched off at Telnyx",
        "to the host portal.example:8000; PORTAL_PUBLIC_URL names another",
        "it is heard only if its documents ask for that",
        "comes by GET, which is refused here",
        "its calls would end there",
        "1 in 24 hours",
    ):
        assert said in text, said
    assert ">gone<" not in text
    assert text.index(">no-slash<") < text.index(">told<") < text.index(">fine<")
    assert text.count("portal-badge portal-warn portal-mark") == 10


def test_of_more_applications_than_are_looked_at_that_is_said(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(2):
        make_application(account, str(at), application_name=f"line {at}")
    for looked_at, more in ((2, False), (1, True)):
        monkeypatch.setattr(applications, "MOST_OF_ALL", looked_at)
        text = words(browser, reverse("admin:voice_inbox_account", args=[account.pk]))
        assert text.count(">line ") == looked_at
        assert (f"No more than {looked_at} applications of a kind are looked at" in text) == more


def test_a_url_of_another_host_is_told_without_its_path(browser: Client, account: TelnyxAccount) -> None:
    make_application(account, webhook_event_url="https://user:hush@elsewhere.example/hook/CANARY")
    text = words(browser)
    assert "elsewhere.example" in text
    assert "CANARY" not in text
    assert "hush" not in text


def test_the_page_asks_as_much_of_the_database_for_sixty_applications_as_for_one(
    browser: Client, account: TelnyxAccount
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            words(browser)
        return len(asked)

    make_application(account, "0")
    post_webhook(Client(), account, make_event())
    before = queries()
    for at in range(1, 60):
        make_application(account, str(at), application_name=f"application {at}")
        stored(account, at, connection_id=str(at))
    for at in range(5):
        make_application(make_account(f"account-{at}"), "x", application_name="of another")
    Client().post(f"/webhooks/{account.webhook_token}/call-control/", b"x", content_type="text/plain")
    assert queries() == before
    assert "All 60 applications" in words(browser)
    page = words(browser, f"{reverse('admin:voice_inbox_account', args=[account.pk])}?page=2")
    assert "51–60 of 60" in page


def test_telnyxs_own_list_is_asked_on_a_click_for_the_whole_account(
    browser: Client, sandbox_account: TelnyxAccount, sandbox: Sandbox
) -> None:
    at = datetime.now(UTC).timestamp()
    event = {"id": str(uuid.uuid4()), "event_type": "call.answered", "payload": {"connection_id": "1"}}
    records.keep(sandbox.store, event, [records.attempt("https://portal.example/hook", 404, at, at)])
    address = f"{reverse('admin:voice_callevent_undelivered')}?account={sandbox_account.pk}"
    assert address in words(browser)
    assert "HTTP 404" in words(browser, address)
