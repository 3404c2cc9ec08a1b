"""Checks find what the first caller would."""

import pytest
from django.contrib.auth.models import User

from portal.checks import check_accounts, check_settings
from portal.models import TelnyxAccount
from tests.support.environments import GOOD, start


def test_an_account_without_a_public_key_is_warned_of(account):
    assert check_accounts() == []
    TelnyxAccount.objects.update(public_key="")
    assert [warning.id for warning in check_accounts()] == ["portal.W002"]


def test_a_name_that_attackers_try_first_is_warned_of_beside_a_live_account(account):
    User.objects.create_superuser("admin")
    assert check_accounts() == []
    TelnyxAccount.objects.update(base_url="https://api.telnyx.com/v2")
    assert [warning.id for warning in check_accounts()] == ["portal.W003"]
    User.objects.update(username="ada")
    assert check_accounts() == []


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("localhost", ["portal.W001"]),
        ("[::1]:8000", ["portal.W001"]),
        ("127.0.0.2", ["portal.W001"]),
        ("0.0.0.0", ["portal.W001"]),
        ("portal.example", []),
        ("198.51.100.7", []),
    ],
)
def test_an_address_that_leads_to_this_machine_alone_is_warned_of(settings, host, found):
    settings.TELNYX_API_KEY, settings.TELNYX_PUBLIC_KEY, settings.DEBUG = "KEY1", "", False
    settings.PORTAL_PUBLIC_URL = f"http://{host}"
    assert [warning.id for warning in check_settings()] == found


@pytest.mark.parametrize(
    ("variables", "check_id"),
    [
        ({"TELNYX_PUBLIC_KEY": "AAAA"}, "portal.E001"),
        ({"TELNYX_API_KEY": "KEY1", "DEBUG": "true"}, "portal.E002"),
        ({"TELNYX_API_KEY": "KEY1"}, "portal.W001"),
    ],
)
def test_a_check_finds_what_the_first_caller_would(tmp_path, variables, check_id):
    done = start(tmp_path, "manage.py", "check", "--fail-level", "WARNING", **GOOD, **variables)
    assert done.returncode != 0
    assert check_id in done.stderr
