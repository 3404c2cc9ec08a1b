"""A plan is carried out one by one, and stops where Telnyx is not as planned."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from applications.editing.service import update_application
from applications.exchange import freshness
from applications.mirror.store import store
from applications.models import CallControlApplication
from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx.client import ask
from tests.support.application_documents import HOOK, by_name, counts, plan_of, run, write
from tests.support.applications import CALL_CONTROL, TEXML, at_telnyx, change_at_telnyx
from tests.support.sandbox_ledger import requests
from tests.support.telnyx_edits import reasons

pytestmark = pytest.mark.usefixtures("only_account")


def test_apply_does_the_plan_and_a_second_one_finds_nothing(sandbox_account: TelnyxAccount, file: Path) -> None:
    at_telnyx(sandbox_account, name="kept")
    at_telnyx(sandbox_account, name="surplus")
    at_telnyx(sandbox_account, TEXML, name="ivr")
    write(
        file,
        {
            "call_control_applications": {
                "kept": {"active": False, "outbound": {"channel_limit": 2}},
                "new": {"webhook_event_url": HOOK, "tags": ["a", "b"], "inbound": {"sip_subdomain": None}},
            },
            "texml_applications": {"ivr": {"voice_method": "get"}},
        },
    )
    assert "4 of 4 done." in run("apply", str(file), "--prune", "--yes")
    there = by_name(sandbox_account)
    assert set(there) == {"kept", "new"}
    assert (there["kept"]["active"], there["kept"]["outbound"]["channel_limit"]) == (False, 2)
    assert (there["new"]["tags"], there["new"]["webhook_api_version"]) == (["a", "b"], "2")
    assert by_name(sandbox_account, TEXML)["ivr"]["voice_method"] == "get"
    assert counts(plan_of(file, "--prune")) == (0, 0, 0, 3)
    assert "0 to create, 0 to update, 0 to delete, 3 unchanged." in run("apply", str(file), "--yes")
    assert AuditEvent.objects.filter(actor="command line: apps.yaml").count() >= 4


def test_apply_stops_when_telnyx_changed_since_the_plan(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = at_telnyx(sandbox_account, name="router")
    write(file, {"call_control_applications": {"router": {"active": False}, "desk": {"webhook_event_url": HOOK}}})

    def meanwhile(*_: Any, **__: Any) -> None:
        change_at_telnyx(sandbox_account, remote, webhook_timeout_secs=9)
        at_telnyx(sandbox_account, name="desk")

    monkeypatch.setattr("applications.management.commands.applications.Command._ask", meanwhile)
    with pytest.raises(CommandError) as stopped:
        run("apply", str(file))
    assert "nothing was done" in str(stopped.value)
    assert f"router ({remote['id']}) was changed at Telnyx." in str(stopped.value)
    assert "was created at Telnyx" in str(stopped.value)
    assert by_name(sandbox_account)["router"]["active"] is True
    assert len(requests(sandbox, "POST")) == 2


@pytest.mark.usefixtures("differing")
def test_a_change_at_the_last_moment_stops_the_rest(
    sandbox_account: TelnyxAccount, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (at_telnyx(sandbox_account, name=name) for name in ("first", "second"))
    wanted, real = {"active": False}, freshness.outdated
    write(file, {"call_control_applications": {"first": wanted, "second": dict(wanted)}})

    def looked(*given: Any) -> list[str]:
        changed = real(*given)
        change_at_telnyx(sandbox_account, first, webhook_timeout_secs=9)
        return changed

    monkeypatch.setattr(freshness, "outdated", looked)
    err = StringIO()
    with pytest.raises(CommandError):
        call_command("applications", "apply", str(file), "--yes", stdout=StringIO(), stderr=err)
    assert "line 2: update first: The application was changed at Telnyx meanwhile" in err.getvalue()
    assert {remote["active"] for remote in by_name(sandbox_account).values()} == {True}
    assert second["active"] is True


@pytest.mark.usefixtures("differing")
def test_what_the_list_tells_otherwise_than_the_single_answer_stops_nothing(
    sandbox_account: TelnyxAccount, mirrored: Any, file: Path
) -> None:
    update_application(mirrored(name="router"), {"dtmf_type": "Inband"}, PORTAL)  # now it has what both tell
    write(file, {"call_control_applications": {"router": {"active": False}}})
    plan = file.with_suffix(".plan.json")
    with pytest.raises(SystemExit):
        run("plan", str(file), "--out", str(plan))
    row = CallControlApplication.objects.get()
    store(CALL_CONTROL, sandbox_account, row.remote | {"learned": "later"}, PORTAL, "read")  # and nothing is another
    assert "1 of 1 done." in run("apply", str(plan), "--yes")
    assert by_name(sandbox_account)["router"]["active"] is False
    write(file, {"call_control_applications": {"router": {"active": True}}})
    assert "1 of 1 done." in run("apply", str(file), "--yes")
    write(file, {"call_control_applications": {}})
    assert "1 of 1 done" in run("apply", str(file), "--prune", "--yes", "--accept-deletes")
    assert by_name(sandbox_account) == {}


@pytest.mark.usefixtures("differing")
def test_what_was_never_pulled_is_changed_and_deleted_in_one_run(sandbox_account: TelnyxAccount, file: Path) -> None:
    for name in ("first", "second"):
        at_telnyx(sandbox_account, name=name)
    write(file, {"call_control_applications": {"first": {"active": False}, "second": {"active": False}}})
    assert "2 of 2 done." in run("apply", str(file), "--yes")
    assert {remote["active"] for remote in by_name(sandbox_account).values()} == {False}
    for name in ("third", "fourth"):
        at_telnyx(sandbox_account, name=name)
    assert "2 of 2 done." in run("apply", str(file), "--prune", "--yes", "--accept-deletes")
    assert set(by_name(sandbox_account)) == {"first", "second"}
    assert reasons(CallControlApplication.objects.get(application_name="first")) == [
        "changed (command line: apps.yaml)",
        "read (command line: apps.yaml)",
    ]


@pytest.mark.usefixtures("differing")
def test_what_was_changed_at_telnyx_before_the_plan_is_done_in_one_run(
    sandbox_account: TelnyxAccount, mirrored: Any, file: Path
) -> None:
    rows = [mirrored(name=name) for name in ("first", "second")]
    rows = [update_application(row, {"dtmf_type": "Inband"}, PORTAL) for row in rows]  # now they have what both tell
    for row in rows:
        change_at_telnyx(sandbox_account, row.remote, webhook_timeout_secs=9)
    write(file, {"call_control_applications": {"first": {"active": False}, "second": {"active": False}}})
    assert "2 of 2 done." in run("apply", str(file), "--yes")
    assert reasons(CallControlApplication.objects.get(application_name="first"))[:2] == [
        "changed (command line: apps.yaml)",
        "changed at Telnyx, seen by command line: apps.yaml",
    ]


def test_one_more_of_a_name_is_created_before_one_that_was_never_pulled_is_changed(
    sandbox_account: TelnyxAccount, file: Path
) -> None:
    remote = at_telnyx(sandbox_account, name="twin")
    twins = {
        "twin #1": {"application_name": "twin", "webhook_event_url": HOOK},
        "twin #2": {"id": remote["id"], "application_name": "twin", "active": False},
    }
    write(file, {"call_control_applications": twins})
    assert "2 of 2 done." in run("apply", str(file), "--yes")
    assert counts(plan_of(file)) == (0, 0, 0, 2)


@pytest.mark.parametrize("first", [{}, {"active": False}], ids=["as it is", "changed"])
def test_one_more_of_a_name_is_created_beside_one_that_is_named_by_its_id(
    sandbox_account: TelnyxAccount, mirrored: Any, file: Path, first: Any
) -> None:
    row = mirrored(name="twin")
    twins = {
        "twin #1": {"id": row.telnyx_id, "application_name": "twin", **first},
        "twin #2": {"application_name": "twin", "webhook_event_url": HOOK},
    }
    write(file, {"call_control_applications": twins})
    done = len(first) + 1
    assert f"{done} of {done} done." in run("apply", str(file), "--yes")
    there = ask(sandbox_account, CALL_CONTROL.method("list"))["data"]
    assert [one["application_name"] for one in there] == ["twin", "twin"]
    assert counts(plan_of(file)) == (0, 0, 0, 2)


def test_one_refusal_keeps_no_other_from_being_done(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, file: Path
) -> None:
    remote = at_telnyx(sandbox_account, name="first")
    at_telnyx(sandbox_account, name="second")
    path = f"/call_control_applications/{remote['id']}"
    sandbox.faults.add({"method": "PATCH", "path": path, "fault": "status", "value": 422})
    write(file, {"call_control_applications": {"first": {"active": False}, "second": {"active": False}}})
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError, match="Not everything"):
        call_command("applications", "apply", str(file), "--yes", stdout=out, stderr=err)
    assert "1 of 2 done." in out.getvalue()
    assert err.getvalue().startswith("line 2: update first: ")
    assert by_name(sandbox_account)["second"]["active"] is False


def test_a_429_is_waited_out_as_long_as_telnyx_says_and_nothing_is_left_out(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, file: Path, waits: list[float]
) -> None:
    remote = at_telnyx(sandbox_account, name="first")
    for method, path in (
        ("PATCH", f"/call_control_applications/{remote['id']}"),
        ("POST", "/call_control_applications"),
    ):
        sandbox.faults.add({"method": method, "path": path, "fault": "status", "value": 429, "times": 2})
    desk = {"webhook_event_url": HOOK}
    write(file, {"call_control_applications": {"first": {"active": False}, "desk": desk}})
    assert "2 of 2 done." in run("apply", str(file), "--yes")
    there = by_name(sandbox_account)
    assert (there["first"]["active"], there["desk"]["webhook_event_url"]) == (False, HOOK)
    assert waits == [1, 1, 1, 1]  # the sandbox's x-ratelimit-reset
    made = [line for line in requests(sandbox, "POST") if line["status"] < 300]
    assert len(made) == 2


def test_a_429_that_does_not_end_stops_the_rest(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, file: Path, waits: list[float]
) -> None:
    for name in ("first", "second"):
        at_telnyx(sandbox_account, name=name)
    sandbox.faults.add({"method": "PATCH", "path": "/", "fault": "status", "value": 429, "times": None})
    write(file, {"call_control_applications": {"first": {"active": False}, "second": {"active": False}}})
    err = StringIO()
    with pytest.raises(CommandError):
        call_command("applications", "apply", str(file), "--yes", stdout=StringIO(), stderr=err)
    assert "too many requests" in err.getvalue()
    assert (len(waits), len(requests(sandbox, "PATCH"))) == (5, 6)
    assert {remote["active"] for remote in by_name(sandbox_account).values()} == {True}
