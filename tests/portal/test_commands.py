"""The core's management commands, as an operator types them."""

import errno
import re
import socket
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.core.management.base import OutputWrapper
from django.utils import timezone
from gunicorn.config import Config

from portal.checks import OWN_CHECKS
from portal.management.commands import start
from portal.models import ApiToken, AuditEvent
from portal.progress import Bar
from portal.sealed_json import unsealed
from tests.support.accounts import make_account
from tests.support.commands import act
from tests.support.factories import make_call, make_flow


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_each_command_asks_for_no_check_but_our_own() -> None:
    """Django's read every address and page there is, which takes longer than most commands."""
    ours = [(name, app) for name, app in get_commands().items() if app in {"portal", "applications", "voice"}]
    asking = {name: set(load_command_class(app, name).requires_system_checks) for name, app in ours}
    every = asking.pop("start")  # it asks for all, once, before it starts the others
    assert (every, len(asking)) == (set("__all__"), len(ours) - 1)
    assert {name: tags for name, tags in asking.items() if not tags <= {*OWN_CHECKS}} == {}


def test_webhook_url_prints_one_line_an_account(account):
    other = make_account("other")
    assert run("webhook_url") == f"main {account.webhook_url}\nother {other.webhook_url}\n"
    assert run("webhook_url", "--account", "other") == f"other {other.webhook_url}\n"


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
    [
        ["nobody"],
        ["operator", "--expires", "0"],
        ["operator", "--expires", "-1"],
        ["operator", "--scope", "all"],
        ["operator", "--name", "x" * 101],
        ["operator", "--name", " "],
    ],
)
def test_create_token_refuses_in_words(operator, words):
    with pytest.raises(CommandError):
        run("create_token", *words)
    assert not ApiToken.objects.exists()


def test_seal_anew_makes_the_old_key_needless(account, settings):
    (old,), new = settings.PORTAL_ENCRYPTION_KEYS, b"a newer key of the tests, 32 byte"[:32]
    key = account.api_key
    empty = make_account("empty")
    type(empty).objects.filter(pk=empty.pk).update(api_key_sealed="")
    settings.PORTAL_ENCRYPTION_KEYS = [new, old]
    assert run("seal_anew") == "1 sealed anew.\n"
    assert run("seal_anew") == "0 sealed anew.\n"
    settings.PORTAL_ENCRYPTION_KEYS = [new]
    account.refresh_from_db()
    assert account.api_key == key
    empty.refresh_from_db()
    assert empty.api_key == ""


def test_create_token_makes_none_for_a_user_who_is_not_active(operator):
    type(operator).objects.filter(pk=operator.pk).update(is_active=False)
    with pytest.raises(CommandError, match="operator is not active"):
        run("create_token", "operator")
    assert not ApiToken.objects.filter(user=operator).exists()


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_seal_anew_tells_how_far_it_is(account):
    err = Terminal()
    call_command("seal_anew", stdout=StringIO(), stderr=err)
    assert re.search(r"secrets looked at \[#*\.*\] 1 of \d+", err.getvalue())


def test_start_tells_how_many_migrations_it_has_begun(db):
    call_command("migrate", "axes", "zero", fake=True, verbosity=0)
    err = Terminal()
    call_command(start._Migrating(Bar(OutputWrapper(err), "migrations begun")), "axes", fake=True, verbosity=0)
    assert "migrations begun: 1" in err.getvalue()


def test_seal_anew_reaches_the_secrets_within_rules_and_commands(account, settings):
    (old,), new = settings.PORTAL_ENCRYPTION_KEYS, b"a newer key of the tests, 32 byte"[:32]
    parameters = {"to": "+13125550001", "sip_auth_password": "correct-horse"}
    transfer = {"action": "transfer", "parameters": parameters}
    flow = make_flow(account, {"event_type": "call.initiated", "do": [transfer]})
    command = act(make_call(account), "transfer", **parameters)
    settings.PORTAL_ENCRYPTION_KEYS = [new, old]
    # the account's key, the rule, its version in the history, the command
    assert run("seal_anew") == "4 sealed anew.\n"
    assert run("seal_anew") == "0 sealed anew.\n"
    settings.PORTAL_ENCRYPTION_KEYS = [new]
    command.refresh_from_db()
    assert unsealed(command.parameters) == parameters
    assert unsealed(flow.rules.get().do[0]["parameters"]) == parameters


def test_seal_anew_names_what_no_key_opens_and_seals_the_others(account, settings):
    settings.PORTAL_ENCRYPTION_KEYS = [b"x" * 32, *settings.PORTAL_ENCRYPTION_KEYS]
    make_account("other")
    settings.PORTAL_ENCRYPTION_KEYS = [b"y" * 32, b"x" * 32]
    with pytest.raises(CommandError, match="main") as raised:
        run("seal_anew")
    assert "other" not in str(raised.value).partition("Put the key")[0]
    settings.PORTAL_ENCRYPTION_KEYS = [b"y" * 32]
    assert type(account).objects.get(name="other").api_key


@pytest.mark.parametrize(
    ("port", "reason", "words"),
    [
        (80, errno.EACCES, r"This user may not serve on port 80\. .* PORT=8080\."),
        (65500, errno.EADDRINUSE, r"Port 65500 is in use\. .* PORT=65400\."),
    ],
)
def test_start_says_why_a_port_cannot_be_had_and_names_one_that_there_is(monkeypatch, port, reason, words):
    def refuse(*_):
        raise OSError(reason, "no")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(CommandError, match=words):
        start._refuse_taken_port("PORT", port)


@pytest.mark.parametrize(("key", "name"), [("", r"admin"), ("KEY-of-the-tests", r"admin-[0-9a-f]{6}")])
def test_the_first_administrator_has_a_name_nobody_knows_once_there_is_something_to_guard(db, settings, key, name):
    settings.TELNYX_API_KEY = key
    made, password = start._make_first_administrator()
    assert re.fullmatch(name, made)
    assert get_user_model().objects.get(username=made).check_password(password)
    assert start._make_first_administrator() is None


_LOCAL = "127.0.0.1,::1"


@pytest.mark.parametrize(("named", "trusted"), [(None, _LOCAL), (" ", _LOCAL), ("10.0.0.7", "10.0.0.7")])
def test_an_empty_name_of_the_proxy_is_none(monkeypatch, named, trusted):
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    if named is not None:
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", named)
    parser = Config().parser()
    assert parser.parse_args(start._web_options()).forwarded_allow_ips == trusted
