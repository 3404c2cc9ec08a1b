"""A start makes the accounts that it needs."""

import secrets
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from portal.accounts import ensure_accounts
from portal.models import TelnyxAccount


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
