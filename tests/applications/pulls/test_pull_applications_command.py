import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from applications.models import CallControlApplication
from applications.pulls.pulls import begin, run
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.accounts import make_account
from tests.support.applications import CALL_CONTROL, at_telnyx, change_at_telnyx


def _run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("pull_applications", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.mark.usefixtures("only_account")
def test_it_prints_what_changed_for_each_account_and_kind(sandbox_account: TelnyxAccount) -> None:
    at_telnyx(sandbox_account)
    assert _run()[0].splitlines() == [
        "sandbox call-control-applications: 1 created, 0 updated, 0 missing, 0 unchanged",
        "sandbox texml-applications: 0 created, 0 updated, 0 missing, 0 unchanged",
    ]


@pytest.mark.usefixtures("only_account")
def test_check_writes_nothing_and_exits_2_on_drift(
    mirrored: Any, sandbox_account: TelnyxAccount, capsys: pytest.CaptureFixture[str]
) -> None:
    row = mirrored()
    assert json.loads(_run("--check")[0]) == []
    change_at_telnyx(sandbox_account, row.remote, application_name="renamed")
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("pull_applications", "--check", stdout=out)
    (drift,) = json.loads(out.getvalue())
    assert ended.value.code == 2
    assert (drift["account"], drift["kind"], drift["id"]) == ("sandbox", "call-control-applications", row.telnyx_id)
    assert drift["fields"]["application_name"] == {"here": "router", "there": "renamed"}
    row.refresh_from_db()
    assert row.application_name == "router"


def test_it_fails_when_a_pull_failed_and_says_why(sandbox: Sandbox, sandbox_account: TelnyxAccount) -> None:
    make_account(name="dead")
    err = StringIO()
    with pytest.raises(CommandError):
        call_command("pull_applications", stdout=StringIO(), stderr=err)
    assert "dead call-control-applications: failed: Telnyx cannot be reached" in err.getvalue()


def test_check_fails_when_telnyx_cannot_be_asked(account: TelnyxAccount) -> None:
    with pytest.raises(CommandError, match="cannot be reached"):
        _run("--check")


def test_one_account_can_be_named(sandbox_account: TelnyxAccount) -> None:
    make_account(name="dead")
    assert "dead" not in _run("--account", "sandbox")[0]
    with pytest.raises(CommandError, match="no account nobody"):
        _run("--account", "nobody")


@pytest.mark.usefixtures("only_account")
def test_a_mass_delete_stops_it_until_it_is_accepted(sandbox: Sandbox, mirrored: Any) -> None:
    for row in [mirrored(name="one"), mirrored(name="two")]:
        sandbox.store.delete_application(row.telnyx_id)
    with pytest.raises(CommandError):
        _run()
    assert not CallControlApplication.objects.exclude(missing_since=None).exists()
    assert "2 missing" in _run("--accept-missing")[0]


@pytest.mark.usefixtures("only_account")
def test_what_is_accepted_is_pulled_after_one_under_way_that_is_stopped_for_it(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, mirrored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for row in [mirrored(name="one"), mirrored(name="two")]:
        sandbox.store.delete_application(row.telnyx_id)
    begin(CALL_CONTROL, sandbox_account, PORTAL)
    waited = "applications.management.commands.pull_applications.wait"
    monkeypatch.setattr(waited, lambda record, seconds: run(record, PORTAL))
    assert "2 missing" in _run("--accept-missing")[0]
