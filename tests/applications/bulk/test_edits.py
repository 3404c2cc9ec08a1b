"""One change for many: chosen, shown, confirmed, then done one by one with an outcome each."""

import threading
import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.utils import timezone

from applications.bulk import edits
from applications.models import BulkEdit
from applications.pulls.pulls import pull
from portal import stopping
from portal.actors import PORTAL, Actor
from portal.models import AuditEvent, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx import patience
from portal.telnyx.errors import UNREAD
from tests.support.applications import CALL_CONTROL, change_at_telnyx, remote_of
from tests.support.bulk_pages import confirm, select, shown_lines
from tests.support.clocks import is_near
from tests.support.sandbox_ledger import requests
from tests.support.under_way import Meanwhile, asks_to_wait

ADA = Actor("user: ada")
pytestmark = pytest.mark.django_db(transaction=True)


def test_each_gets_its_own_outcome(
    browser: Client, mirrored: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    rows = {name: mirrored(name=name) for name in ("conflict", "gone", "same", "taken")}
    another = edits.draft(CALL_CONTROL, [rows["same"]], User.objects.get(username="operator"), {"active": False})
    page = select(browser, "bulk_edit", rows.values())
    browser.post(page, {"set:webhook_timeout_secs": "on", "webhook_timeout_secs": "9"})
    change_at_telnyx(sandbox_account, rows["conflict"].remote, webhook_timeout_secs=3)
    change_at_telnyx(sandbox_account, rows["same"].remote, webhook_timeout_secs=9)
    sandbox.store.delete_application(rows["gone"].telnyx_id)
    confirm(browser, page)
    lines = shown_lines(browser, page)
    assert {name: line.state for name, line in lines.items()} == {
        "conflict": "conflict",
        "gone": "refused",
        "same": "changed",  # here: the row now knows
        "taken": "changed",
    }
    assert "it was empty, Telnyx now has “3”, you want “9”" in lines["conflict"].said
    assert remote_of(rows["conflict"])["webhook_timeout_secs"] == 3
    assert BulkEdit.objects.exclude(pk=another.pk).get().state == "done"
    another.refresh_from_db()
    assert (another.state, another.seen_alive_at, another.finished_at) == ("draft", None, None)
    assert [target["state"] for target in another.targets] == [""]


def test_a_refusal_names_its_field_and_the_others_go_on(browser: Client, mirrored: Any, sandbox: Sandbox) -> None:
    rows = [mirrored(name="one"), mirrored(name="two")]
    page = select(browser, "bulk_edit", rows)
    browser.post(page, {"set:webhook_timeout_secs": "on", "webhook_timeout_secs": "31"})
    confirm(browser, page)
    assert [line.state for line in shown_lines(browser, page).values()] == ["refused", "refused"]
    assert "webhook_timeout_secs: " in shown_lines(browser, page)["two"].said


@pytest.mark.parametrize(("which", "state"), [({}, "unavailable"), ({"method": "PATCH"}, "uncertain")])
def test_when_telnyx_stays_away_the_rest_is_not_tried(
    mirrored: Any, operator: Any, sandbox: Sandbox, which: dict[str, str], state: str
) -> None:
    rows = [mirrored(name=str(at)) for at in range(5)]
    edit = edits.draft(CALL_CONTROL, rows, operator, {"active": False})
    before = len(requests(sandbox))
    sandbox.faults.add({"path": "/call_control_applications", "fault": "cut", "times": None, **which})
    edits.run(edit, ADA)
    sandbox.faults.clear()
    assert edits.counts(edit) == {state: 3, "skipped": 2}
    assert len({line["path"] for line in requests(sandbox)[before:]}) == 3


def test_one_that_telnyx_answers_for_says_that_it_is_there_again(
    mirrored: Any, operator: Any, sandbox: Sandbox
) -> None:
    rows = [mirrored(name=str(at)) for at in range(6)]
    edit = edits.draft(CALL_CONTROL, rows, operator, {"active": False})
    for at in (0, 1, 3, 4):
        sandbox.faults.add({"path": f"/call_control_applications/{rows[at].telnyx_id}", "fault": "cut"})
    edits.run(edit, ADA)
    assert [target["state"] for target in edit.targets] == ["unavailable", "unavailable", "changed"] * 2


def test_a_429_is_waited_out_and_none_is_left_out(
    mirrored: Any, operator: Any, sandbox: Sandbox, waits: list[float]
) -> None:
    rows = [mirrored(name=str(at)) for at in range(5)]
    edit = edits.draft(CALL_CONTROL, rows, operator, {"active": False})
    busy = {"method": "PATCH", "path": "/call_control_applications", "fault": "status", "value": 429, "times": 3}
    sandbox.faults.add(busy)
    edits.run(edit, ADA)
    assert (edits.counts(edit), waits) == ({"changed": 5}, [1, 1, 1])  # the sandbox's x-ratelimit-reset


def test_one_that_waits_for_telnyx_shows_every_ten_seconds_that_it_is_alive(
    mirrored: Any, operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit = edits.draft(CALL_CONTROL, [mirrored()], operator, {"active": False})
    waited = list[tuple[float, Any]]()

    def sleep(seconds: float) -> None:
        waited.append((seconds, BulkEdit.objects.get().seen_alive_at))
        time.sleep(0.01)  # SQLite's clock tells milliseconds

    monkeypatch.setattr(patience, "time", SimpleNamespace(sleep=sleep))
    asks_to_wait(monkeypatch, "/call_control_applications/", 25, times=1)
    edits.run(edit, ADA)
    assert (edits.counts(edit), [seconds for seconds, _ in waited]) == ({"changed": 1}, [10, 10, 5])
    assert len({seen for _, seen in waited}) == 3


def test_a_new_one_forgets_those_of_more_than_thirty_days_ago(mirrored: Any, operator: Any) -> None:
    row = mirrored()
    old, young = (edits.draft(CALL_CONTROL, [row], operator) for _ in range(2))
    for edit, days in ((old, 31), (young, 29)):
        BulkEdit.objects.filter(pk=edit.pk).update(created_at=timezone.now() - timedelta(days=days))
    new = edits.draft(CALL_CONTROL, [row], operator)
    assert set(BulkEdit.objects.values_list("pk", flat=True)) == {young.pk, new.pk}


def test_what_others_changed_is_not_told_as_changed_here(
    browser: Client, mirrored: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored(name="router", webhook_timeout_secs=9)
    page = select(browser, "bulk_edit", [row])
    browser.post(page, {"set:webhook_timeout_secs": "on", "webhook_timeout_secs": "9"})
    change_at_telnyx(sandbox_account, row.remote, active=False)
    patches = len(requests(sandbox, "PATCH"))
    confirm(browser, page)
    assert len(requests(sandbox, "PATCH")) == patches
    assert shown_lines(browser, page)["router"].state == "unchanged"


def test_what_a_process_that_ends_did_not_ask_has_its_turn_later(
    browser: Client, mirrored: Any, sandbox: Sandbox, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [mirrored(name=str(at)) for at in range(5)]
    page = select(browser, "bulk_deactivate", rows)
    with monkeypatch.context() as ending:
        meanwhile.do("PATCH", lambda: ending.setattr(stopping._Process, "is_ending", True))
        confirm(browser, page)
    edit = BulkEdit.objects.get()
    assert (edit.state, edits.counts(edit), len(requests(sandbox, "PATCH"))) == ("running", {"changed": 1}, 1)
    BulkEdit.objects.update(seen_alive_at=timezone.now() - timedelta(seconds=edits.SILENT_SECONDS + 1))
    confirm(browser, page)
    edit.refresh_from_db()
    assert (edit.state, edits.counts(edit), len(requests(sandbox, "PATCH"))) == ("done", {"changed": 5}, 5)


def test_a_killed_run_goes_on_where_it_stopped(browser: Client, mirrored: Any, sandbox: Sandbox) -> None:
    rows = [mirrored(name="one"), mirrored(name="two")]
    page = select(browser, "bulk_deactivate", rows)
    edit = BulkEdit.objects.get()
    edit.targets[0]["state"] = "changed"
    edit.state, edit.seen_alive_at = BulkEdit.State.RUNNING, timezone.now()
    edit.save()
    confirm(browser, page)
    assert not requests(sandbox, "PATCH"), "somebody else may still be at it"
    BulkEdit.objects.update(seen_alive_at=timezone.now() - timedelta(seconds=edits.SILENT_SECONDS + 1))
    assert "This was interrupted" in browser.get(page).content.decode()
    confirm(browser, page)
    assert len(requests(sandbox, "PATCH")) == 1
    assert BulkEdit.objects.get().state == "done"


def test_who_was_taken_for_dead_leaves_the_rest_to_whoever_has_it_now(
    mirrored: Any, operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [mirrored(name=name) for name in ("one", "two", "three")]
    edit, real, tried = edits.draft(CALL_CONTROL, rows, operator, {"active": False}), edits.update_application, []

    def slow(row: Any, *args: Any, **kwargs: Any) -> Any:
        tried.append(row.name)
        if tried == ["one", "two"]:  # meanwhile another one takes it, and does all of it
            edits.run(BulkEdit.objects.get(), ADA)
        return real(row, *args, **kwargs)

    monkeypatch.setattr(edits, "update_application", slow)
    edits.run(edit, ADA)
    assert tried == ["one", "two", "two", "three"]
    (done,) = BulkEdit.objects.values_list("targets", flat=True)
    assert [target["state"] for target in done] == ["changed"] * 3
    assert AuditEvent.objects.filter(action="application.bulk_edit").count() == 1


def test_one_that_is_through_is_kept_with_its_owner_and_its_time(mirrored: Any, operator: Any) -> None:
    edit = edits.draft(CALL_CONTROL, [mirrored()], operator, {"active": False})
    edits.run(edit, ADA)
    kept = BulkEdit.objects.get()
    assert (kept.state, kept.owner, is_near(kept.finished_at), is_near(kept.seen_alive_at)) == (
        "done",
        operator,
        True,
        True,
    )


def test_what_another_tab_chooses_at_that_moment_is_not_what_was_confirmed_and_changes_none_that_runs(
    mirrored: Any, operator: Any, sandbox: Sandbox
) -> None:
    edit = edits.draft(CALL_CONTROL, [mirrored()], operator, {"active": False})
    confirmed = BulkEdit.objects.get()
    edits.choose(edit, {"webhook_timeout_secs": 9})
    with pytest.raises(edits.OtherPreview):
        edits.run_within(60, confirmed, str(confirmed.preview), ADA)
    assert requests(sandbox, "PATCH") == []
    BulkEdit.objects.update(state=BulkEdit.State.RUNNING)
    edits.choose(edit, {"active": True})
    assert (edit.state, edit.values) == ("running", {"webhook_timeout_secs": 9})


def test_what_a_pull_brought_before_the_preview_was_drawn_is_no_conflict(
    mirrored: Any, operator: Any, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored()
    edit = edits.draft(CALL_CONTROL, [row], operator)
    change_at_telnyx(sandbox_account, row.remote, webhook_timeout_secs=3)
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    edits.choose(edit, {"webhook_timeout_secs": 9})
    edits.run(edit, ADA)
    assert (edits.counts(edit), remote_of(row)["webhook_timeout_secs"]) == ({"changed": 1}, 9)


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_while_somebody_is_at_it_it_is_not_begun_once_more(
    mirrored: Any, operator: Any, monkeypatch: pytest.MonkeyPatch, is_interrupted: bool
) -> None:
    edit, real = edits.draft(CALL_CONTROL, [mirrored()], operator, {"active": False}), edits.update_application
    seen = list[tuple[bool, bool]]()
    if is_interrupted:
        silent = timezone.now() - timedelta(seconds=edits.SILENT_SECONDS + 1)
        BulkEdit.objects.update(state=BulkEdit.State.RUNNING, seen_alive_at=silent)

    def press() -> None:
        edits.run_within(60, BulkEdit.objects.get(), str(edit.preview), ADA)

    def slow(row: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append((threading.current_thread().daemon, edits.is_silent(BulkEdit.objects.get())))
        if len(seen) == 1:
            press()
        return real(row, *args, **kwargs)

    monkeypatch.setattr(edits, "update_application", slow)
    press()
    done = BulkEdit.objects.get()
    assert (seen, done.state, edits.counts(done)) == ([(True, False)], "done", {"changed": 1})


def test_why_telnyx_could_not_be_asked_for_one_is_told(mirrored: Any, operator: Any, sandbox: Sandbox) -> None:
    edit = edits.draft(CALL_CONTROL, [mirrored()], operator, {"active": False})
    sandbox.faults.add({"path": "/call_control_applications", "fault": "cut"})
    edits.run(edit, ADA)
    (line,) = edits.lines(edit)
    assert (line.state, line.said) == ("unavailable", UNREAD)


def test_one_whose_row_is_gone_is_told_and_the_others_go_on(mirrored: Any, operator: Any) -> None:
    rows = [mirrored(name="one"), mirrored(name="two")]
    edit = edits.draft(CALL_CONTROL, rows, operator, {"active": False})
    rows[0].delete()
    edits.run(edit, ADA)
    assert [target["state"] for target in edit.targets] == ["gone", "changed"]
    assert [line.application.name for line in edits.lines(edit)] == ["two"]


def test_an_error_of_ours_with_one_does_not_stop_the_others(
    mirrored: Any, operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [mirrored(name="one"), mirrored(name="two")]
    real = edits.update_application
    edit = edits.draft(CALL_CONTROL, rows, operator, {"active": False})

    def failing(row: Any, *args: Any, **kwargs: Any) -> Any:
        if row.name == "one":
            raise KeyError("a bug")
        return real(row, *args, **kwargs)

    monkeypatch.setattr(edits, "update_application", failing)
    edits.run(edit, ADA)
    assert edits.counts(edit) == {"failed": 1, "changed": 1}


def test_one_that_somebody_began_since_it_was_looked_at_is_left_to_him_without_a_word(
    mirrored: Any, operator: Any, sandbox: Sandbox
) -> None:
    edit = edits.draft(CALL_CONTROL, [mirrored()], operator, {"active": False})
    looked_at = BulkEdit.objects.get()
    BulkEdit.objects.update(state=BulkEdit.State.RUNNING, seen_alive_at=timezone.now())
    edits.run_within(60, looked_at, str(edit.preview), ADA)
    assert (requests(sandbox, "PATCH"), looked_at.state) == ([], "running")


def test_a_run_writes_into_its_own_alone_and_one_that_nobody_was_ever_seen_at_is_silent(
    mirrored: Any, operator: Any
) -> None:
    row = mirrored()
    another, edit = (edits.draft(CALL_CONTROL, [row], operator, {"active": False}) for _ in range(2))
    edits.run(edit, ADA)
    another.refresh_from_db()
    assert (another.state, edits.counts(another), edits.counts(edit)) == ("draft", {}, {"changed": 1})
    another.state = BulkEdit.State.RUNNING
    assert edits.is_silent(another)


def test_a_value_that_cannot_be_sent_is_told_by_its_field_and_costs_no_request(
    mirrored: Any, operator: Any, sandbox: Sandbox
) -> None:
    rows = [mirrored(name="one"), mirrored(name="two")]
    edit = edits.draft(CALL_CONTROL, rows, operator, {"webhook_timeout_secs": "many"})
    before = len(requests(sandbox))
    edits.run(edit, ADA)
    assert (edits.counts(edit), len(requests(sandbox))) == ({"refused": 2}, before)
    assert ["webhook_timeout_secs: " in target["said"] for target in edit.targets] == [True, True]


@pytest.fixture(autouse=True)
def _close() -> Any:
    yield
    connections.close_all()
