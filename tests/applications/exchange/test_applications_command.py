"""The command ``applications``: export, plan, apply."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command

from applications.exchange import plans
from applications.models import CallControlApplication
from portal.models import AuditEvent, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx.client import ask
from tests.support.accounts import make_account
from tests.support.applications import CALL_CONTROL, TEXML, at_telnyx, change_at_telnyx
from tests.support.sandbox_ledger import requests

HOOK = "https://portal.example/hook"


def _run(*arguments: str) -> str:
    out = StringIO()
    call_command("applications", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def _plan(file: Path, *arguments: str) -> dict[str, Any]:
    """The plan, with the exit status that belongs to it checked."""
    out, status = StringIO(), 0
    try:
        call_command("applications", "plan", str(file), "--json", *arguments, stdout=out)
    except SystemExit as ended:
        status = int(str(ended.code))
    plan = json.loads(out.getvalue())
    assert status == (2 if plan["steps"] else 0)
    return plan


def _counts(plan: dict[str, Any]) -> tuple[int, int, int, int]:
    return plan["create"], plan["update"], plan["delete"], plan["unchanged"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "apps.yaml"


def _write(file: Path, document: Any) -> None:
    file.write_text(yaml.safe_dump(document, sort_keys=False))


def _telnyx(account: TelnyxAccount, kind: Any = CALL_CONTROL) -> dict[str, dict[str, Any]]:
    listed = ask(account, kind.method("list"))["data"]
    return {remote[kind.model.name_field]: remote for remote in listed}


def test_the_round_trip_of_every_field_is_empty(sandbox_account: TelnyxAccount, file: Path) -> None:
    at_telnyx(sandbox_account, name="no: 1", inbound={"channel_limit": 3}, outbound={"outbound_voice_profile_id": "77"})
    at_telnyx(sandbox_account, name="2026-01-02", webhook_timeout_secs=5)
    at_telnyx(sandbox_account, TEXML, name='grüße "ivr"', tags=["yes", "1"])
    file.write_text(_run("export"))
    assert _counts(_plan(file)) == (0, 0, 0, 3)
    assert _counts(_plan(file, "--prune")) == (0, 0, 0, 3)


def test_an_export_is_stable_and_holds_all_that_can_be_set(sandbox_account: TelnyxAccount) -> None:
    remote = at_telnyx(sandbox_account, name="router")
    at_telnyx(sandbox_account, name="desk")
    text = _run("export")
    section = yaml.safe_load(text)["call_control_applications"]
    assert text == _run("export")
    assert list(section) == ["desk", "router"]
    assert section["router"]["id"] == remote["id"]
    names = {name.partition(".")[0] for name in CALL_CONTROL.settable_flat()} - {"application_name"}
    assert set(section["router"]) == names | {"id"}


def test_applications_of_one_name_are_told_apart_by_their_id(sandbox_account: TelnyxAccount, file: Path) -> None:
    ids = {at_telnyx(sandbox_account, name="twin")["id"] for _ in range(2)}
    file.write_text(_run("export"))
    assert {key.partition("#")[2] for key in yaml.safe_load(file.read_text())["call_control_applications"]} == ids
    assert _counts(_plan(file)) == (0, 0, 0, 2)


def test_a_plan_names_creates_updates_by_field_and_deletes_only_with_prune(
    sandbox_account: TelnyxAccount, file: Path
) -> None:
    kept = at_telnyx(sandbox_account, name="kept")
    at_telnyx(sandbox_account, name="surplus")
    at_telnyx(sandbox_account, TEXML, name="of the other kind")
    _write(
        file,
        {"call_control_applications": {"kept": {"inbound": {"channel_limit": 4}}, "new": {"webhook_event_url": HOOK}}},
    )
    plan = _plan(file)
    assert _counts(plan) == (1, 1, 0, 0)
    update, create = plan["steps"]
    assert (update["action"], update["id"]) == ("update", kept["id"])
    assert update["changes"] == {"inbound.channel_limit": {"before": None, "after": 4}}
    assert (create["action"], create["name"], create["id"]) == ("create", "new", None)
    pruned = _plan(file, "--prune")
    assert [step["name"] for step in pruned["steps"] if step["action"] == "delete"] == ["surplus"]
    shown = StringIO()
    with pytest.raises(SystemExit):
        call_command("applications", "plan", str(file), stdout=shown)
    assert "inbound.channel_limit: empty → 4" in shown.getvalue()
    assert "1 to create, 1 to update, 0 to delete, 0 unchanged." in shown.getvalue()


def test_a_plan_writes_nothing(sandbox: Sandbox, sandbox_account: TelnyxAccount, file: Path) -> None:
    at_telnyx(sandbox_account, name="router")
    _write(file, {"call_control_applications": {"router": {"active": False}}})
    before = len(requests(sandbox, "POST", "PATCH", "DELETE"))
    _plan(file, "--prune")
    assert len(requests(sandbox, "POST", "PATCH", "DELETE")) == before
    assert not CallControlApplication.objects.exists()


def test_apply_does_the_plan_and_a_second_one_finds_nothing(sandbox_account: TelnyxAccount, file: Path) -> None:
    at_telnyx(sandbox_account, name="kept")
    at_telnyx(sandbox_account, name="surplus")
    at_telnyx(sandbox_account, TEXML, name="ivr")
    _write(
        file,
        {
            "call_control_applications": {
                "kept": {"active": False, "outbound": {"channel_limit": 2}},
                "new": {"webhook_event_url": HOOK, "tags": ["a", "b"], "inbound": {"sip_subdomain": None}},
            },
            "texml_applications": {"ivr": {"voice_method": "get"}},
        },
    )
    assert "4 of 4 done." in _run("apply", str(file), "--prune", "--yes")
    there = _telnyx(sandbox_account)
    assert set(there) == {"kept", "new"}
    assert (there["kept"]["active"], there["kept"]["outbound"]["channel_limit"]) == (False, 2)
    assert (there["new"]["tags"], there["new"]["webhook_api_version"]) == (["a", "b"], "2")
    assert _telnyx(sandbox_account, TEXML)["ivr"]["voice_method"] == "get"
    assert _counts(_plan(file, "--prune")) == (0, 0, 0, 3)
    assert "0 to create, 0 to update, 0 to delete, 3 unchanged." in _run("apply", str(file), "--yes")
    assert AuditEvent.objects.filter(actor="command line: apps.yaml").count() >= 4


def test_a_name_is_changed_under_its_id(sandbox_account: TelnyxAccount, file: Path) -> None:
    remote = at_telnyx(sandbox_account, name="old")
    _write(file, {"call_control_applications": {"renamed": {"id": int(remote["id"])}}})
    _run("apply", str(file), "--yes")
    assert _telnyx(sandbox_account)["renamed"]["id"] == remote["id"]


def test_apply_stops_when_telnyx_changed_since_the_plan(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = at_telnyx(sandbox_account, name="router")
    _write(file, {"call_control_applications": {"router": {"active": False}, "desk": {"webhook_event_url": HOOK}}})

    def meanwhile(*_: Any, **__: Any) -> None:
        change_at_telnyx(sandbox_account, remote, webhook_timeout_secs=9)
        at_telnyx(sandbox_account, name="desk")

    monkeypatch.setattr("applications.management.commands.applications.Command._ask", meanwhile)
    with pytest.raises(CommandError) as stopped:
        _run("apply", str(file))
    assert "nothing was done" in str(stopped.value)
    assert f"router ({remote['id']}) was changed at Telnyx." in str(stopped.value)
    assert "was created at Telnyx" in str(stopped.value)
    assert _telnyx(sandbox_account)["router"]["active"] is True
    assert len(requests(sandbox, "POST")) == 2


def test_a_change_at_the_last_moment_stops_the_rest(
    sandbox_account: TelnyxAccount, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (at_telnyx(sandbox_account, name=name) for name in ("first", "second"))
    wanted = {"active": False}
    _write(file, {"call_control_applications": {"first": wanted, "second": dict(wanted)}})

    def looked(plan: Any) -> list[str]:
        change_at_telnyx(sandbox_account, first, webhook_timeout_secs=9)
        return []

    monkeypatch.setattr(plans, "outdated", looked)
    err = StringIO()
    with pytest.raises(CommandError):
        call_command("applications", "apply", str(file), "--yes", stdout=StringIO(), stderr=err)
    assert "line 2: update first: The application was changed at Telnyx meanwhile" in err.getvalue()
    assert {remote["active"] for remote in _telnyx(sandbox_account).values()} == {True}
    assert second["active"] is True


def test_one_refusal_keeps_no_other_from_being_done(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, file: Path
) -> None:
    remote = at_telnyx(sandbox_account, name="first")
    at_telnyx(sandbox_account, name="second")
    path = f"/call_control_applications/{remote['id']}"
    sandbox.faults.add({"method": "PATCH", "path": path, "fault": "status", "value": 422})
    _write(file, {"call_control_applications": {"first": {"active": False}, "second": {"active": False}}})
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError, match="Not everything"):
        call_command("applications", "apply", str(file), "--yes", stdout=out, stderr=err)
    assert "1 of 2 done." in out.getvalue()
    assert err.getvalue().startswith("line 2: update first: ")
    assert _telnyx(sandbox_account)["second"]["active"] is False


def test_nobody_to_ask_is_no_yes(sandbox_account: TelnyxAccount, file: Path) -> None:
    _write(file, {"call_control_applications": {"new": {"webhook_event_url": HOOK}}})
    with pytest.raises(CommandError, match="--yes"):
        _run("apply", str(file))
    assert _telnyx(sandbox_account) == {}


BAD = {
    "no: [yaml": "Not valid YAML",
    "- a\n- b": "apps.yaml: line 1: Must be a mapping of sections.",
    "phones: {}": "line 1, phones: Unknown section.",
    "call_control_applications:\n  - one": "line 2, call_control_applications: Must be a mapping",
    "call_control_applications:\n  a: {id: '1'}\n  a: {id: '2'}": "line 3, a: It stands here twice.",
    "call_control_applications:\n  a:\n    id: '5'\n": "line 3, id: Telnyx has no application of this id.",
    "call_control_applications:\n  a:\n    colour: red\n": "line 3, colour: Unknown parameter.",
    "call_control_applications:\n  router:\n    inbound:\n      limit: 3\n": "line 4, inbound.limit: Unknown parameter",
    "call_control_applications:\n  router:\n    inbound: 3\n": "line 3, inbound: Must be",
    "call_control_applications:\n  router:\n    active: 'yes'\n": "line 3, active: Must be a valid boolean",
    "call_control_applications:\n  router:\n    created_at: 2026-01-01\n": "line 3, created_at: Unknown parameter.",
    "call_control_applications:\n  router:\n    application_name: null\n": "application_name: ",
    "call_control_applications:\n  a: {}\n": "webhook_event_url: This parameter is required.",
    "call_control_applications:\n  a: &x {}\n  b: *x\n": "line 3: Aliases",
    "call_control_applications:\n  a: !!python/object:os.system {}\n": "webhook_event_url",
    "call_control_applications:\n  a:\n    tags: !!binary aGk=\n": "line 3, tags: This value cannot be read.",
    "call_control_applications:\n  a:\n    tags: " + "[" * 40 + "]" * 40: "line 3: Nested too deep.",
    'call_control_applications:\n  a:\n    dtmf_type: "\\0"\n': "line 3, dtmf_type: This value cannot be read.",
}


@pytest.mark.parametrize(("text", "message"), BAD.items())
def test_a_bad_file_is_told_by_file_line_and_field(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, file: Path, text: str, message: str
) -> None:
    at_telnyx(sandbox_account, name="router")
    file.write_text(text)
    with pytest.raises(CommandError) as refused:
        _run("apply", str(file), "--yes")
    assert message in str(refused.value)
    assert str(refused.value).startswith(str(file))
    assert len(requests(sandbox, "POST", "PATCH")) == 1


def test_every_problem_of_a_file_is_told_at_once(sandbox_account: TelnyxAccount, file: Path) -> None:
    file.write_text("call_control_applications:\n  a:\n    colour: red\n  b:\n    size: 3\n")
    with pytest.raises(CommandError) as refused:
        _run("plan", str(file))
    assert [line.split(": ")[1] for line in str(refused.value).splitlines()] == [
        "line 2, webhook_event_url",
        "line 3, colour",
        "line 4, webhook_event_url",
        "line 5, size",
    ]


def test_a_file_that_is_not_there_and_an_outage_are_told(account: TelnyxAccount, file: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        _run("plan", str(file))
    _write(file, {"call_control_applications": {"a": {}}})
    with pytest.raises(CommandError, match="cannot be reached"):
        _run("plan", str(file))


def test_of_several_accounts_one_is_named(sandbox_account: TelnyxAccount) -> None:
    make_account(name="dead")
    with pytest.raises(CommandError, match="--account"):
        _run("export")
    assert "texml_applications" in _run("export", "--account", "sandbox")
    with pytest.raises(CommandError, match="no account nobody"):
        _run("export", "--account", "nobody")


def test_an_export_without_ids_makes_the_same_elsewhere(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, file: Path
) -> None:
    at_telnyx(sandbox_account, name="router", inbound={"channel_limit": 3})
    file.write_text(_run("export", "--no-ids"))
    sandbox.reset()
    _run("apply", str(file), "--yes")
    assert _telnyx(sandbox_account)["router"]["inbound"]["channel_limit"] == 3
    assert _counts(_plan(file, "--prune")) == (0, 0, 0, 1)
