"""A start makes the accounts that it needs."""

import secrets
from io import StringIO
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command

from portal.accounts import ensure_accounts
from portal.models import AuditEvent, TelnyxAccount
from tests.support.accounts import make_account
from tests.support.open_pages import OpenPage


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_webhook_url_says_when_there_is_no_such_account(account):
    with pytest.raises(CommandError, match="no such account"):
        run("webhook_url", "--account", "nobody")


def test_the_first_start_makes_the_sandbox_account(db, settings):
    sandbox = ensure_accounts()
    assert (sandbox.name, sandbox.is_live, sandbox.api_key) == ("sandbox", False, "KEY-sandbox")
    assert sandbox.base_url == f"http://127.0.0.1:{settings.SANDBOX_PORT}/v2"
    token = sandbox.webhook_token
    assert ensure_accounts().webhook_token == token
    assert TelnyxAccount.objects.count() == 1


def test_the_sandbox_that_a_start_has_made_follows_its_port(db, settings):
    ensure_accounts()
    settings.SANDBOX_PORT = 8101
    assert ensure_accounts().base_url == "http://127.0.0.1:8101/v2"


@pytest.mark.parametrize("base_url", ["https://api.telnyx.com/v2", "http://sandbox:9000/v2"])
def test_a_live_account_that_is_called_sandbox_is_left_alone(db, base_url):
    live = make_account("sandbox", base_url)
    assert ensure_accounts() is None
    account = TelnyxAccount.objects.get()
    assert (account.base_url, account.api_key, account.public_keys) == (base_url, live.api_key, live.public_keys)


def test_a_sandbox_that_somebody_has_led_elsewhere_stays_there(browser, sandbox, settings):
    made = ensure_accounts()
    page = OpenPage(browser, f"/admin/portal/telnyxaccount/{made.pk}/change/")
    saved = page.save(base_url=sandbox.base_url, api_key="KEY-other", public_key=sandbox.public_key)
    assert saved.status_code == 302
    assert ensure_accounts() is None
    account = TelnyxAccount.objects.get()
    assert (account.base_url, account.public_key) == (sandbox.base_url, sandbox.public_key)
    settings.SANDBOX_PORT = urlsplit(sandbox.base_url).port
    assert ensure_accounts() == account  # which is the one that a start runs


def test_a_sandbox_that_somebody_has_added_stays_where_it_is(browser, sandbox):
    new = {"name": "sandbox", "base_url": sandbox.base_url, "api_key": "KEY-other", "public_key": ""}
    assert browser.post("/admin/portal/telnyxaccount/add/", new).status_code == 302
    assert ensure_accounts() is None
    assert TelnyxAccount.objects.get().base_url == sandbox.base_url


def test_an_account_whose_key_is_no_longer_in_the_environment_is_changed_and_deleted_again(browser, settings):
    settings.TELNYX_API_KEY = "KEY-live"
    ensure_accounts()
    address = f"/admin/portal/telnyxaccount/{TelnyxAccount.objects.get().pk}/"
    assert browser.post(f"{address}delete/", {"post": "yes"}).status_code == 403
    settings.TELNYX_API_KEY = ""
    ensure_accounts()
    note = AuditEvent.objects.get(action="account.update")
    assert (note.actor, note.object_label) == ("portal", "default")
    assert (note.details["was"], note.details["now"]) == ({"from_environment": True}, {"from_environment": False})
    ensure_accounts()
    assert AuditEvent.objects.filter(action="account.update").count() == 1
    page = OpenPage(browser, f"{address}change/")
    assert page.save(name="renamed").status_code == 302
    account = TelnyxAccount.objects.get()
    assert (account.name, account.api_key) == ("renamed", "KEY-live")
    assert browser.post(f"{address}delete/", {"post": "yes"}).status_code == 302
    assert not TelnyxAccount.objects.exists()


def test_a_key_in_the_environment_makes_the_account_default_and_no_sandbox(db, settings):
    settings.TELNYX_API_KEY, settings.TELNYX_PUBLIC_KEY = "KEY-live", ""
    assert ensure_accounts() is None
    account = TelnyxAccount.objects.get()
    assert (account.name, account.api_key, account.from_environment, account.is_live) == (
        "default",
        "KEY-live",
        True,
        True,
    )


def test_the_account_default_has_the_account_sid_of_the_environment(db, settings):
    settings.TELNYX_API_KEY, settings.TELNYX_ACCOUNT_SID = "KEY-live", "61bf923e"
    ensure_accounts()
    assert TelnyxAccount.objects.get().account_sid == "61bf923e"


def test_the_account_default_is_refreshed_and_its_old_public_key_kept_aside(db, settings):
    settings.TELNYX_API_KEY, settings.TELNYX_PUBLIC_KEY = "KEY-live", "A" * 43 + "="
    ensure_accounts()
    token = TelnyxAccount.objects.get().webhook_token
    settings.TELNYX_API_KEY, settings.TELNYX_PUBLIC_KEY = "KEY-rotated", "B" * 42 + "A="
    ensure_accounts()
    account = TelnyxAccount.objects.get()
    assert (account.api_key, account.webhook_token) == ("KEY-rotated", token)
    assert account.public_keys == ["B" * 42 + "A=", "A" * 43 + "="]


def test_the_account_default_survives_a_lost_encryption_key(db, settings):
    settings.TELNYX_API_KEY = "KEY-live"
    ensure_accounts()
    settings.PORTAL_ENCRYPTION_KEYS = [secrets.token_bytes(32)]
    ensure_accounts()
    assert TelnyxAccount.objects.get().api_key == "KEY-live"


def test_the_account_sid_that_telnyx_told_outlives_a_start_with_the_same_key_alone(db, settings):
    settings.TELNYX_API_KEY = "KEY-live"
    ensure_accounts()
    TelnyxAccount.objects.update(found_account_sid="org-1")
    ensure_accounts()
    assert TelnyxAccount.objects.get().found_account_sid == "org-1"
    settings.TELNYX_API_KEY = "KEY-of-another-account"
    ensure_accounts()
    assert TelnyxAccount.objects.get().found_account_sid == ""
