"""The command ``applications``: export, plan, apply."""

from pathlib import Path

import pytest
from django.core.management import CommandError

from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.application_documents import HOOK, by_name, run, write


@pytest.mark.usefixtures("only_account")
def test_nobody_to_ask_is_no_yes(sandbox_account: TelnyxAccount, file: Path) -> None:
    write(file, {"call_control_applications": {"new": {"webhook_event_url": HOOK}}})
    with pytest.raises(CommandError, match="--yes"):
        run("apply", str(file))
    assert by_name(sandbox_account) == {}


@pytest.mark.usefixtures("only_account")
def test_a_file_that_is_not_there_and_an_outage_are_told(account: TelnyxAccount, file: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        run("plan", str(file))
    write(file, {"call_control_applications": {"a": {}}})
    with pytest.raises(CommandError, match="cannot be reached"):
        run("plan", str(file))


def test_of_several_accounts_one_is_named(sandbox_account: TelnyxAccount) -> None:
    make_account(name="dead")
    with pytest.raises(CommandError, match="--account"):
        run("export")
    assert "texml_applications" in run("export", "--account", "sandbox")
    with pytest.raises(CommandError, match="no account nobody"):
        run("export", "--account", "nobody")
