"""A plan names every change before one is made."""

from io import StringIO
from pathlib import Path

import pytest
import yaml
from django.core.management import call_command

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.application_documents import HOOK, by_name, counts, plan_of, run, write
from tests.support.applications import TEXML, at_telnyx
from tests.support.sandbox_ledger import requests

pytestmark = pytest.mark.usefixtures("only_account")


def test_applications_of_one_name_are_told_apart_by_their_id(sandbox_account: TelnyxAccount, file: Path) -> None:
    ids = {at_telnyx(sandbox_account, name="twin")["id"] for _ in range(2)}
    file.write_text(run("export"))
    assert {key.partition("#")[2] for key in yaml.safe_load(file.read_text())["call_control_applications"]} == ids
    assert counts(plan_of(file)) == (0, 0, 0, 2)


def test_a_plan_names_creates_updates_by_field_and_deletes_only_with_prune(
    sandbox_account: TelnyxAccount, file: Path
) -> None:
    kept = at_telnyx(sandbox_account, name="kept")
    at_telnyx(sandbox_account, name="surplus")
    at_telnyx(sandbox_account, TEXML, name="of the other kind")
    write(
        file,
        {"call_control_applications": {"kept": {"inbound": {"channel_limit": 4}}, "new": {"webhook_event_url": HOOK}}},
    )
    plan = plan_of(file)
    assert counts(plan) == (1, 1, 0, 0)
    update, create = plan["steps"]
    assert (update["action"], update["id"]) == ("update", kept["id"])
    assert update["changes"] == {"inbound.channel_limit": {"before": None, "after": 4}}
    assert (create["action"], create["name"], create["id"]) == ("create", "new", None)
    pruned = plan_of(file, "--prune")
    assert [step["name"] for step in pruned["steps"] if step["action"] == "delete"] == ["surplus"]
    shown = StringIO()
    with pytest.raises(SystemExit):
        call_command("applications", "plan", str(file), stdout=shown)
    assert "inbound.channel_limit: empty → 4" in shown.getvalue()
    assert "1 to create, 1 to update, 0 to delete, 0 unchanged." in shown.getvalue()


def test_a_plan_writes_nothing(sandbox: Sandbox, sandbox_account: TelnyxAccount, file: Path) -> None:
    at_telnyx(sandbox_account, name="router")
    write(file, {"call_control_applications": {"router": {"active": False}}})
    before = len(requests(sandbox, "POST", "PATCH", "DELETE"))
    plan_of(file, "--prune")
    assert len(requests(sandbox, "POST", "PATCH", "DELETE")) == before
    assert not CallControlApplication.objects.exists()


def test_a_name_is_changed_under_its_id(sandbox_account: TelnyxAccount, file: Path) -> None:
    remote = at_telnyx(sandbox_account, name="old")
    write(file, {"call_control_applications": {"renamed": {"id": int(remote["id"])}}})
    run("apply", str(file), "--yes")
    assert by_name(sandbox_account)["renamed"]["id"] == remote["id"]
