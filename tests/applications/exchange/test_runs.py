"""One plan at a time is carried out for each account and kind, as it was written, and no mass delete by accident."""

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from applications.exchange import plans, runs, yaml_documents
from applications.kinds import KINDS
from applications.models import ApplyRun
from applications.pulls import one_at_a_time
from portal.actors import Actor
from portal.models import AuditEvent, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx import patience
from tests.support.application_documents import HOOK, by_name, plan_of, run, write
from tests.support.application_pages import page_url
from tests.support.applications import TEXML, at_telnyx, change_at_telnyx
from tests.support.clocks import is_near
from tests.support.connected_threads import others
from tests.support.factories import make_flow
from tests.support.sandbox_ledger import requests
from tests.support.telnyx_numbers import assigned
from tests.support.under_way import answers_otherwise, asks_to_wait

pytestmark = pytest.mark.usefixtures("only_account")
ADA = Actor("user: ada")
DESK = {"call_control_applications": {"desk": {"webhook_event_url": HOOK}}}


def _begun(account: TelnyxAccount, file: Path) -> tuple[list[ApplyRun], plans.Plan]:
    """Somebody's apply of the file, before its first step."""
    plan = plans.make(account, yaml_documents.load(file.read_text())[0], KINDS)
    return runs.begin(plan, ADA, "ada on build-7"), plan


def test_the_second_apply_is_told_who_has_it_and_does_nothing(sandbox_account: TelnyxAccount, file: Path) -> None:
    write(file, DESK)
    begun, plan = _begun(sandbox_account, file)
    with pytest.raises(CommandError, match=r"user: ada \(ada on build-7\) has been applying call-control-applications"):
        run("apply", str(file), "--yes")
    assert by_name(sandbox_account) == {}
    write(file, {"texml_applications": {"ivr": {"voice_url": HOOK}}})
    assert "1 of 1 done" in run("apply", str(file), "--yes")  # the other kind is free
    assert [outcome.state for outcome in runs.carried_out(begun, plan, ADA)] == ["done"]
    assert set(by_name(sandbox_account)) == {"desk"}


def test_an_import_is_told_as_well(browser: Client, sandbox_account: TelnyxAccount, file: Path) -> None:
    write(file, DESK)
    planned = _planned(browser, sandbox_account)
    _begun(sandbox_account, file)
    page = browser.post(page_url("import_run"), {"state": planned.context["state"]}).content.decode()
    assert "user: ada (ada on build-7) has been applying" in page
    assert by_name(sandbox_account) == {}


def test_a_run_that_was_killed_makes_room_after_a_minute(sandbox_account: TelnyxAccount, file: Path) -> None:
    write(file, DESK)
    (dead,), plan = _begun(sandbox_account, file)
    ApplyRun.objects.update(seen_alive_at="2020-01-01T00:00:00Z")
    assert "1 of 1 done" in run("apply", str(file), "--yes")
    with pytest.raises(runs.Lost):
        list(runs.carried_out([dead], plan, ADA))
    assert len(by_name(sandbox_account)) == 1
    dead.refresh_from_db()
    assert dead.state == "failed"


def _once_the_list_is_read(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Act between Telnyx's answer to the next list and our having it, as in a reading that takes long."""
    acts = [act]

    def change(request: httpx.Request, answer: httpx.Response) -> None:
        if request.method == "GET" and request.url.path.endswith("/call_control_applications") and acts:
            acts.pop()()

    answers_otherwise(monkeypatch, change)


def _silent_for_long() -> None:
    ApplyRun.objects.update(seen_alive_at=timezone.now() - timedelta(minutes=2))


def test_a_run_that_was_taken_for_dead_while_it_read_does_nothing(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file, DESK)
    plan = plans.make(sandbox_account, yaml_documents.load(file.read_text())[0], KINDS)

    def another() -> None:
        _silent_for_long()
        assert "1 of 1 done" in run("apply", str(file), "--yes")

    _once_the_list_is_read(monkeypatch, another)
    with pytest.raises(runs.NotBegun, match="Another run took its place"):
        list(runs.carried_out(runs.begin(plan, ADA, ""), plan, ADA))
    assert len(requests(sandbox, "POST")) == 1
    assert ApplyRun.objects.get().state == "done"


def test_a_run_that_reads_for_long_is_alive(
    sandbox_account: TelnyxAccount, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file, DESK)
    plan = plans.make(sandbox_account, yaml_documents.load(file.read_text())[0], KINDS)
    _once_the_list_is_read(monkeypatch, _silent_for_long)
    (begun,) = runs.begin(plan, ADA, "")
    begun.refresh_from_db()
    assert not one_at_a_time.bury(begun, {})
    assert [outcome.state for outcome in runs.carried_out([begun], plan, ADA)] == ["done"]


def test_a_run_that_waits_to_ask_whose_the_key_is_shows_that_it_is_alive(
    mirrored: Any, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, waited = mirrored().account, list[bool]()  # by that pull it is known whose it should be
    write(file, DESK)
    plan = plans.make(account, yaml_documents.load(file.read_text())[0], KINDS)

    def sleep(_: float) -> None:
        waited.append(is_near(ApplyRun.objects.get().seen_alive_at))
        ApplyRun.objects.update(seen_alive_at=timezone.now() - timedelta(seconds=59))

    monkeypatch.setattr(patience, "time", SimpleNamespace(sleep=sleep))
    asks_to_wait(monkeypatch, "/whoami", 25, times=1)
    runs.begin(plan, ADA, "")
    assert waited == [True] * 3


def test_an_import_that_lost_its_run_says_so(browser: Client, sandbox_account: TelnyxAccount, meanwhile: Any) -> None:
    state = _planned(browser, sandbox_account, "desk", "hall").context["state"]
    meanwhile.do("POST", lambda: ApplyRun.objects.update(state="failed"))
    page = browser.post(page_url("import_run"), {"state": state})
    assert "another run took its place" in page.content.decode()
    assert set(by_name(sandbox_account)) == {"desk"}


@pytest.mark.django_db(transaction=True)
def test_two_applies_at_once_make_everything_once(sandbox: Sandbox, sandbox_account: TelnyxAccount, file: Path) -> None:
    write(file, {"call_control_applications": {f"desk {n}": {"webhook_event_url": HOOK} for n in range(3)}})
    together, said = Barrier(2), list[str]()

    def apply() -> None:
        plan = plans.make(sandbox_account, yaml_documents.load(file.read_text())[0], KINDS)
        together.wait(60)  # both plans are made before either is carried out
        try:
            said.extend(outcome.state for outcome in runs.carried_out(runs.begin(plan, ADA, ""), plan, ADA))
        except runs.NotBegun as refused:
            said.append(type(refused).__name__)

    with others(2) as elsewhere:
        elsewhere(apply), elsewhere(apply)
    assert len(requests(sandbox, "POST")) == 3
    assert sorted(said)[0] in {"Busy", "Outdated"}
    assert sorted(said)[1:] == ["done"] * 3


@pytest.mark.django_db(transaction=True)
def test_a_confirmation_posted_twice_at_once_is_carried_out_once(
    browser: Client, operator: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    state, together = {"state": _planned(browser, sandbox_account).context["state"]}, Barrier(2)

    def confirm() -> str:
        tab = Client()
        tab.force_login(operator)
        together.wait(60)
        return tab.post(page_url("import_run"), state).content.decode()

    with others(2) as elsewhere:
        pages = [posted.result(120) for posted in (elsewhere(confirm), elsewhere(confirm))]
    assert len(requests(sandbox, "POST")) == 1
    assert sum("1 of 1 done" in page for page in pages) == 1


def test_a_part_of_an_import_is_carried_out_once_though_it_is_posted_twice(
    browser: Client, sandbox: Sandbox, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("applications.exchange.pages.RUN_SECONDS", -1.0)
    first = _planned(browser, sandbox_account, "desk", "hall", "door").context["state"]
    second = browser.post(page_url("import_run"), {"state": first}, headers={"HX-Request": "true"}).context["state"]
    for state in (second, second):
        page = browser.post(page_url("import_run"), {"state": state}, headers={"HX-Request": "true"})
    assert "carried out already" in page.content.decode()
    assert set(by_name(sandbox_account)) == {"desk", "hall"}


def _planned(browser: Client, account: TelnyxAccount, *names: str) -> Any:
    lines = "".join(f"{name},{HOOK}\n" for name in names or ("desk",))
    content = f"application_name,webhook_event_url\n{lines}".encode()
    file = SimpleUploadedFile("apps.csv", content)
    return browser.post(page_url("import"), {"account": account.pk, "file": file})


# deletions


def test_an_empty_section_deletes_nothing_unless_that_is_accepted(sandbox_account: TelnyxAccount, file: Path) -> None:
    for n in range(7):
        at_telnyx(sandbox_account, name=f"number {n}")
    at_telnyx(sandbox_account, TEXML, name="ivr")
    write(file, {"call_control_applications": {}})
    assert "It would delete 7 of 7 call_control_applications." in _shown(file, "--prune")
    with pytest.raises(CommandError, match="It would delete 7 of 7"):
        run("apply", str(file), "--prune", "--yes")
    assert len(by_name(sandbox_account)) == 7
    assert "7 of 7 done" in run("apply", str(file), "--prune", "--yes", "--accept-deletes")
    assert (by_name(sandbox_account), len(by_name(sandbox_account, TEXML))) == ({}, 1)


def test_a_plan_tells_what_hangs_on_what_it_deletes(sandbox_account: TelnyxAccount, mirrored: Any, file: Path) -> None:
    row = mirrored(name="busy")
    mirrored(name="kept")
    assigned(sandbox_account, row)
    make_flow(sandbox_account, connection_id=row.telnyx_id, name="greeting")
    write(file, {"call_control_applications": {"kept": {}}})
    shown = _shown(file, "--prune")
    assert "1 phone number is assigned to it" in shown
    assert "“greeting”" in shown
    (step,) = json.loads(_shown(file, "--prune", "--json"))["steps"]
    assert len(step["dependents"]) == 2


# plans that are written down, and what came of them


def test_a_plan_written_down_is_carried_out_as_it_was(sandbox_account: TelnyxAccount, file: Path) -> None:
    at_telnyx(sandbox_account, name="router")
    plan = file.with_suffix(".plan.json")
    write(file, {"call_control_applications": {"router": {"active": False}, "desk": {"webhook_event_url": HOOK}}})
    _shown(file, "--out", str(plan))
    write(file, {"call_control_applications": {}})  # the file goes on
    with pytest.raises(CommandError, match="carried out as it was written"):
        run("apply", str(plan), "--yes", "--prune")
    told = json.loads(run("apply", str(plan), "--yes", "--json"))
    assert (told["done"], told["failed"], told["not_tried"], told["reasons"]) == (2, 0, 0, [])
    assert told["actor"] == "command line: apps.plan.json"
    there = by_name(sandbox_account)
    assert there["router"]["active"] is False
    assert [one["id"] for one in told["results"]] == [there["router"]["id"], there["desk"]["id"]]
    noted = AuditEvent.objects.get(action="application.apply")
    assert (noted.actor, noted.details["tried"], noted.details["failed"]) == (told["actor"], 2, 0)
    kept = ApplyRun.objects.get()
    assert (kept.state, kept.results, kept.source) == ("done", told["results"], told["who"])
    with pytest.raises(CommandError, match="Telnyx changed since the plan was made"):
        run("apply", str(plan), "--yes")


def test_a_plan_is_not_carried_out_once_telnyx_has_changed(sandbox_account: TelnyxAccount, file: Path) -> None:
    remote = at_telnyx(sandbox_account, name="router")
    plan = file.with_suffix(".plan.json")
    write(file, {"call_control_applications": {"router": {"active": False}}})
    _shown(file, "--out", str(plan))
    change_at_telnyx(sandbox_account, remote, webhook_timeout_secs=9)
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("applications", "apply", str(plan), "--yes", "--json", stdout=out, stderr=StringIO())
    told = json.loads(out.getvalue())
    assert (told["done"], told["not_tried"]) == (0, 1)
    assert "was changed at Telnyx" in told["reasons"][1]
    assert by_name(sandbox_account)["router"]["active"] is True


BAD = {
    "account": ("other", "There is no account other"),
    "made_at": ("yesterday", "made_at: "),
    "steps": ([{"action": "burn"}], "steps.0.kind: "),
}


@pytest.mark.parametrize("member", BAD)
def test_a_plan_that_was_tampered_with_is_told(sandbox_account: TelnyxAccount, file: Path, member: str) -> None:
    write(file, DESK)
    plan = file.with_suffix(".plan.json")
    _shown(file, "--out", str(plan))
    wrong, message = BAD[member]
    plan.write_text(json.dumps(json.loads(plan.read_text()) | {member: wrong}))
    with pytest.raises(CommandError, match=message):
        run("apply", str(plan), "--yes")
    assert by_name(sandbox_account) == {}


def test_only_what_was_aimed_at_is_changed(sandbox_account: TelnyxAccount, file: Path) -> None:
    ids = {name: at_telnyx(sandbox_account, name=name)["id"] for name in ("one", "two", "surplus", "more")}
    write(file, {"call_control_applications": {"one": {"active": False}, "two": {"active": False}}})
    run("apply", str(file), "--yes", "--prune", "--target", "one", "--target", ids["surplus"])
    there = by_name(sandbox_account)
    assert set(there) == {"one", "two", "more"}
    assert (there["one"]["active"], there["two"]["active"]) == (False, True)
    with pytest.raises(CommandError, match="has the name or id 'tow'"):
        run("apply", str(file), "--yes", "--target", "tow")
    assert plan_of(file, "--target", ids["one"])["steps"] == []  # it is as it is to be, and no slip of the pen
    write(file, {"call_control_applications": {"uno": {"id": ids["one"]}, "two": {"active": False}}})
    run("apply", str(file), "--yes", "--target", "uno")
    there = by_name(sandbox_account)
    assert (set(there), there["two"]["active"]) == ({"uno", "two", "more"}, True)


def _shown(file: Path, *arguments: str) -> str:
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("applications", "plan", str(file), *arguments, stdout=out, stderr=StringIO())
    assert ended.value.code == 2
    return out.getvalue()
