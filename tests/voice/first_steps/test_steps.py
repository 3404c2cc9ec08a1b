"""The first steps of an account, each by looking: at the sandbox, at the portal's own address, at the rows."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx.client import ask
from tests.support.inbox import make_application, stored
from tests.support.sandbox_http import Http
from tests.support.telnyx_numbers import assigned
from voice.dialling import limits
from voice.first_steps import steps

pytestmark = pytest.mark.django_db(transaction=True)
ALL = ["key", "public-key", "address", "application", "numbers", "heard", "limits", "colleagues"]


def looked(account: TelnyxAccount) -> dict[str, bool | None]:
    return {id: steps.look(account, id).ok for id in steps.titles()}


@pytest.fixture
def application(sandbox_account: TelnyxAccount) -> CallControlApplication:
    made = ask(
        sandbox_account,
        "call_control_applications.create",
        application_name="router",
        webhook_event_url=sandbox_account.webhook_url,
    )
    return make_application(sandbox_account, made["data"]["id"])


def test_an_account_that_was_just_made_lacks_all_but_its_keys(sandbox_account: TelnyxAccount, operator: User) -> None:
    assert list(steps.titles()) == ALL
    assert looked(sandbox_account) == {
        "key": True,
        "public-key": True,
        "address": False,
        "application": False,
        "numbers": False,
        "heard": False,
        "limits": None,
        "colleagues": None,
    }


def test_each_step_is_done_by_doing_it(
    sandbox_account: TelnyxAccount,
    application: CallControlApplication,
    operator: User,
    live_server: Any,
    settings: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings.PORTAL_PUBLIC_URL = live_server.url
    application.webhook_event_url = sandbox_account.webhook_url
    application.save()
    assert steps.look(sandbox_account, "address").ok
    found = steps.look(sandbox_account, "application")
    assert (found.ok, found.words) == (True, "router sends here.")
    assert steps.look(sandbox_account, "numbers").words == "No phone number is assigned to it: nobody can call."
    assigned(sandbox_account, application)
    assert steps.look(sandbox_account, "numbers").words == "1 phone number is assigned to it."
    User.objects.create_user("ada", is_staff=True)
    assert steps.look(sandbox_account, "colleagues").words == "2 people can sign in."
    stored(sandbox_account, 3)
    assert False not in looked(sandbox_account).values()
    call_command("doctor", "--account", "sandbox")
    assert "FAIL" not in capsys.readouterr().out
    TelnyxAccount.objects.filter(pk=sandbox_account.pk).update(public_key="A" * 43 + "=")
    with pytest.raises(CommandError, match="1 of 8 steps is still to be done"):
        call_command("doctor", "--account", "sandbox")


def test_what_only_backfill_brought_or_cannot_be_used_was_not_heard(sandbox_account: TelnyxAccount) -> None:
    stored(sandbox_account, 3, source="backfill")
    stored(sandbox_account, 2, status="quarantined")
    assert steps.look(sandbox_account, "heard").ok is False
    stored(sandbox_account, 1, status="received")
    assert steps.look(sandbox_account, "heard").words == "The last signed webhook came 1\xa0minute ago."


def test_the_public_key_is_compared_with_telnyxs(sandbox_account: TelnyxAccount, sandbox: Sandbox) -> None:
    sandbox_account.public_key = ""
    found = steps.look(sandbox_account, "public-key")
    assert found.ok is False
    assert sandbox.public_key in found.words
    sandbox_account.public_key = "A" * 43 + "="
    found = steps.look(sandbox_account, "public-key")
    assert (found.ok, sandbox.public_key in found.words) == (False, True)


def test_a_telnyx_that_does_not_tell_its_key_leaves_it_open(sandbox_account: TelnyxAccount, sandbox: Sandbox) -> None:
    Http(sandbox.port).fault("status", path="/v2/public_key", value=404, times=2)
    assert steps.look(sandbox_account, "public-key").ok is None
    sandbox_account.public_key = ""
    assert steps.look(sandbox_account, "public-key").ok is False


def test_where_telnyx_is_away_nothing_is_said_to_be_wrong_but_the_key(account: TelnyxAccount) -> None:
    make_application(account)
    assert steps.look(account, "key").ok is False
    assert steps.look(account, "public-key").ok is None
    assert steps.look(account, "numbers").ok is None
    account.api_key_sealed = ""
    assert steps.look(account, "key").words == "No API key is stored."


def test_a_live_account_needs_https_and_limits(account: TelnyxAccount) -> None:
    account.base_url = "https://api.telnyx.com/v2"
    account.save()
    assert "Telnyx cannot send anything there" in steps.look(account, "address").words
    held = limits.of_account(account)
    held.any_country = True
    held.save()
    assert steps.look(account, "limits").words == "Every country may be called."
    held.allowed_countries = ["US"]
    held.dials_per_day = None
    held.save()
    assert "how often may be called is not" in steps.look(account, "limits").words
    held.dials_per_minute, held.dials_per_day, held.concurrent_calls = 5, 50, 5
    held.save()
    assert steps.look(account, "limits").ok


def test_the_command_says_what_is_to_be_done(
    sandbox_account: TelnyxAccount, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError, match="4 of 8 steps are still to be done"):
        call_command("doctor", "--account", "sandbox")
    told = capsys.readouterr().out
    assert "ok   sandbox: Telnyx takes the API key." in told
    assert "FAIL sandbox: An application sends its events here." in told
    with pytest.raises(CommandError):
        call_command("doctor", "--format", "json")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    accounts = sorted(TelnyxAccount.objects.values_list("name", flat=True))
    assert [(line["account"], line["id"]) for line in lines] == [(name, id) for name in accounts for id in ALL]
    assert len(accounts) > 1
    with pytest.raises(CommandError, match="no such account"):
        call_command("doctor", "--account", "nobody")
    with pytest.raises(KeyError):
        steps.look(sandbox_account, "nothing")


def test_a_number_of_one_of_many_applications_is_not_said_to_be_missing(
    sandbox_account: TelnyxAccount, application: CallControlApplication
) -> None:
    for at in range(6):
        make_application(sandbox_account, f"77{at}", application_name=f"a{at}")
    assigned(sandbox_account, application)
    found = steps.look(sandbox_account, "numbers")
    assert (found.ok, "None of the 5 applications" in found.words) == (None, True)
    CallControlApplication.objects.filter(pk=application.pk).update(numbers_count=1)  # as a pull does
    assert steps.look(sandbox_account, "numbers").words == "At least 1 phone number is assigned to it."
    assert steps.look(sandbox_account, "application").words.startswith("router, ")


def test_what_comes_from_the_environment_is_to_be_set_there(sandbox_account: TelnyxAccount) -> None:
    sandbox_account.public_key, sandbox_account.from_environment = "", True
    found = steps.look(sandbox_account, "public-key")
    assert (found.ok, "TELNYX_PUBLIC_KEY" in found.hint, found.fix) == (False, True, "")
    sandbox_account.api_key_sealed = ""
    assert "TELNYX_API_KEY" in steps.look(sandbox_account, "key").hint
    sandbox_account.from_environment = False
    assert steps.look(sandbox_account, "key").hint.endswith("and enter it.")
