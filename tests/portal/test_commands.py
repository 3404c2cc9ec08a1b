"""The core's management commands, its first accounts, its logs."""

import json
import logging
import secrets
from datetime import timedelta
from io import StringIO

import pytest
import structlog
from django.core.management import CommandError, call_command
from django.utils import timezone

from portal.accounts import ensure_accounts
from portal.checks import check_accounts
from portal.models import ApiToken, AuditEvent, TelnyxAccount
from portal.runtime.logs import formatter
from tests.support.accounts import make_account


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_webhook_url_prints_one_line_an_account(account):
    other = make_account("other")
    assert run("webhook_url") == f"main {account.webhook_url}\nother {other.webhook_url}\n"
    assert run("webhook_url", "--account", "other") == f"other {other.webhook_url}\n"


def test_webhook_url_says_when_there_is_no_such_account(account):
    with pytest.raises(CommandError, match="no such account"):
        run("webhook_url", "--account", "nobody")


def test_create_token_prints_a_token_that_works_and_audits_it(operator):
    text = run("create_token", "operator", "--name", "ci", "--scope", "calls:read", "--expires", "2").strip()
    token = ApiToken.find(text)
    assert (token.name, token.scopes, token.user) == ("ci", ["calls:read"], operator)
    assert timedelta(days=1) < token.expires_at - timezone.now() <= timedelta(days=2)
    assert text.partition(".")[2] not in str(list(AuditEvent.objects.values()))
    assert AuditEvent.objects.get().action == "token.make"


def test_a_token_made_without_scope_has_all_and_without_expiry_never_expires(operator):
    token = ApiToken.find(run("create_token", "operator").strip())
    assert (token.scopes, token.expires_at) == ([], None)
    assert token.allows("flows:write")


@pytest.mark.parametrize(
    "words",
    [["nobody"], ["operator", "--expires", "0"], ["operator", "--expires", "-1"], ["operator", "--scope", "all"]],
)
def test_create_token_refuses_in_words(operator, words):
    with pytest.raises(CommandError):
        run("create_token", *words)
    assert not ApiToken.objects.exists()


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


def test_an_account_without_a_public_key_is_warned_of(account):
    assert check_accounts() == []
    TelnyxAccount.objects.update(public_key="")
    assert [warning.id for warning in check_accounts()] == ["portal.W002"]


def logged(message: str, *values: object) -> dict:
    record = logging.LogRecord("somewhere", logging.WARNING, __file__, 1, message, values, None)
    return json.loads(formatter().format(record))


def test_a_log_line_is_json_without_numbers_tokens_and_keys():
    line = logged("call from %s to %s", "+13125550199", "+442071838750")["event"]
    assert "+13125550199" not in line
    assert "0199" in line
    for secret in ("/webhooks/abcdefgh-ijkl_mnop", "KEY0123456789ABCDEF", "tvp_0123abcd.secretsecret"):
        assert secret[-8:] not in logged("saw %s here", secret)["event"]


@pytest.mark.parametrize(
    "told",
    [
        {"payload": {"from": "+13125550147"}},
        {"payload": {"from": "13125550147", "legs": [{"to_number": 13125550147}]}},
        {"numbers": ["+13125550147", ("+13125550147",)]},
        {"caller": "13125550147", "digits": "13125550147"},
        {"asked": "sip:13125550147@example.com"},
        {"body": b"from=+13125550147"},
        {"error": ValueError("no route to +13125550147")},
        {"deep": [[[[[[[[[["+13125550147"]]]]]]]]]]},
    ],
)
def test_no_number_passes_however_it_is_logged(told):
    # a handler of its own: pytest has its hands on the others
    handler = logging.StreamHandler(stream := StringIO())
    handler.setFormatter(formatter())
    log = logging.getLogger("tests.numbers")
    log.addHandler(handler)
    try:
        structlog.get_logger("tests.numbers").warning("said", at=1763650000123, event_id="0123456789", **told)
    finally:
        log.removeHandler(handler)
    line = json.loads(stream.getvalue())
    assert "5550147" not in stream.getvalue()
    assert (line["event"], line["at"], line["event_id"]) == ("said", 1763650000123, "0123456789")


def test_an_exceptions_text_is_cleaned_too():
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", (), None)
    try:
        raise ValueError("no route to +13125550199 with KEY0123456789ABCDEF")
    except ValueError as error:
        record.exc_info = (type(error), error, error.__traceback__)
    text = formatter().format(record)
    assert "+13125550199" not in text
    assert "KEY0123456789ABCDEF" not in text
