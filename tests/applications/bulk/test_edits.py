"""One change for many: chosen, shown, confirmed, then done one by one with an outcome each."""

import re
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from applications.bulk import edits
from applications.models import BulkEdit
from portal.actors import Actor
from portal.models import AuditEvent, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.applications import CALL_CONTROL, TEXML, change_at_telnyx, remote_of
from tests.support.sandbox_ledger import requests

ADA = Actor("user: ada")
KINDS = [CALL_CONTROL, TEXML]
pytestmark = pytest.mark.django_db(transaction=True)


def _url(name: str, *args: Any, kind: Any = CALL_CONTROL) -> str:
    return reverse(f"admin:applications_{kind.model._meta.model_name}_{name}", args=args)


def _select(browser: Client, action: str, rows: Any, kind: Any = CALL_CONTROL) -> str:
    """The page an action on a selection leads to."""
    answer = browser.post(
        _url("changelist", kind=kind), {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    )
    assert answer.status_code == 302
    return answer["Location"]


def _lines(browser: Client, page: str) -> dict[str, Any]:
    return {line.application.name: line for line in browser.get(page).context["lines"]}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_fields_are_chosen_shown_and_changed_one_by_one(
    browser: Client, mirrored: Any, sandbox: Sandbox, kind: Any
) -> None:
    rows = [mirrored(kind, name="one", dtmf_type="Inband"), mirrored(kind, name="two"), mirrored(kind, name="left")]
    page = _select(browser, "bulk_edit", rows[:2], kind)
    before = len(requests(sandbox))
    chosen = {
        "set:dtmf_type": "on",
        "dtmf_type": "Inband",
        "set:inbound.channel_limit": "on",
        "inbound.channel_limit": "7",
    }
    assert browser.post(page, chosen | {"active": "false"}).status_code == 302
    lines = _lines(browser, page)
    assert lines["one"].changes == {"dtmf_type": ("Inband", "Inband"), "inbound.channel_limit": (None, 7)}
    assert lines["two"].changes["dtmf_type"] == ("RFC 2833", "Inband")
    assert len(requests(sandbox)) == before, "a preview asks Telnyx for nothing"

    browser.post(f"{page}run/")
    assert {name: line.state for name, line in _lines(browser, page).items()} == {"one": "changed", "two": "changed"}
    there = [remote_of(row, kind) for row in rows]
    assert [(one["dtmf_type"], one["inbound"]["channel_limit"], one["active"]) for one in there] == [
        ("Inband", 7, True),
        ("Inband", 7, True),
        ("RFC 2833", None, True),
    ]
    assert AuditEvent.objects.get(action="application.bulk_edit").actor == "user: operator"
    assert rows[0].history.first().history_user.username == "operator"


def test_what_would_stay_is_greyed_and_counted_apart(browser: Client, mirrored: Any) -> None:
    rows = [mirrored(name="on"), mirrored(name="off", active=False)]
    page = browser.get(_select(browser, "bulk_deactivate", rows))
    assert page.content.decode().count('class="portal-unchanged"') == 1
    assert "Change 1 at Telnyx" in page.content.decode()


@pytest.mark.parametrize(("action", "active"), [("bulk_activate", True), ("bulk_deactivate", False)])
def test_activating_is_a_shortcut_to_the_preview(browser: Client, mirrored: Any, action: str, active: bool) -> None:
    row = mirrored(active=not active)
    page = _select(browser, action, [row])
    assert remote_of(row)["active"] is not active
    browser.post(f"{page}run/")
    assert remote_of(row)["active"] is active


def test_each_gets_its_own_outcome(
    browser: Client, mirrored: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    rows = {name: mirrored(name=name) for name in ("conflict", "gone", "same", "taken")}
    page = _select(browser, "bulk_edit", rows.values())
    browser.post(page, {"set:webhook_timeout_secs": "on", "webhook_timeout_secs": "9"})
    change_at_telnyx(sandbox_account, rows["conflict"].remote, webhook_timeout_secs=3)
    change_at_telnyx(sandbox_account, rows["same"].remote, webhook_timeout_secs=9)
    sandbox.store.delete_application(rows["gone"].telnyx_id)
    browser.post(f"{page}run/")
    lines = _lines(browser, page)
    assert {name: line.state for name, line in lines.items()} == {
        "conflict": "conflict",
        "gone": "refused",
        "same": "changed",  # here: the row now knows
        "taken": "changed",
    }
    assert "it was empty, Telnyx now has “3”, you want “9”" in lines["conflict"].said
    assert remote_of(rows["conflict"])["webhook_timeout_secs"] == 3
    assert BulkEdit.objects.get().state == "done"


def test_a_refusal_names_its_field_and_the_others_go_on(browser: Client, mirrored: Any, sandbox: Sandbox) -> None:
    rows = [mirrored(name="one"), mirrored(name="two")]
    page = _select(browser, "bulk_edit", rows)
    browser.post(page, {"set:webhook_timeout_secs": "on", "webhook_timeout_secs": "31"})
    browser.post(f"{page}run/")
    assert [line.state for line in _lines(browser, page).values()] == ["refused", "refused"]
    assert "webhook_timeout_secs: " in _lines(browser, page)["two"].said


def test_when_telnyx_stays_away_the_rest_is_not_tried(mirrored: Any, operator: Any, sandbox: Sandbox) -> None:
    rows = [mirrored(name=str(at)) for at in range(5)]
    edit = edits.draft(CALL_CONTROL, rows, operator, {"active": False})
    before = len(requests(sandbox))
    sandbox.faults.add({"path": "/call_control_applications", "fault": "cut", "times": None})
    edits.run(edit, ADA)
    sandbox.faults.clear()
    assert edits.counts(edit) == {"unavailable": 3, "skipped": 2}
    assert len(requests(sandbox)) - before == 3


def test_only_ticked_fields_are_judged_and_one_must_be(browser: Client, mirrored: Any) -> None:
    page = _select(browser, "bulk_edit", [mirrored()])
    empty = browser.post(page, {"inbound.channel_limit": "many"})
    assert empty.context["form"].errors == {"__all__": ["Tick at least one field."]}
    wrong = {"set:inbound.channel_limit": "on", "inbound.channel_limit": "many", "set:webhook_event_url": "on"}
    answer = browser.post(page, wrong | {"webhook_event_url": "ftp://a.example/"})
    assert set(answer.context["form"].errors) == {"inbound.channel_limit", "webhook_event_url"}
    assert BulkEdit.objects.get().values == {}


def test_without_a_choice_nothing_can_run_and_nothing_runs_twice(
    browser: Client, mirrored: Any, sandbox: Sandbox
) -> None:
    page = _select(browser, "bulk_edit", [mirrored()])
    browser.post(f"{page}run/")
    assert BulkEdit.objects.get().state == "draft"
    browser.post(page, {"set:active": "on", "active": "false"})
    for _ in range(2):
        browser.post(f"{page}run/")
    assert len(requests(sandbox, "PATCH")) == 1
    assert browser.get(f"{page}run/").status_code == 403


def test_the_page_polls_while_it_runs_and_counts(
    browser: Client, mirrored: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [mirrored(name="one"), mirrored(name="two")]
    page = _select(browser, "bulk_deactivate", rows)
    reached, go_on = threading.Event(), threading.Event()
    real = edits.update_application

    def slow(row: Any, *args: Any, **kwargs: Any) -> Any:
        if row.name == "two":
            reached.set()
            go_on.wait(20)
        return real(row, *args, **kwargs)

    monkeypatch.setattr(edits, "update_application", slow)
    monkeypatch.setattr("applications.bulk.pages.WAIT_SECONDS", 0.01)
    threads = set(threading.enumerate())
    browser.post(f"{page}run/")
    assert reached.wait(20)
    shown = browser.get(page).content.decode()
    assert 'hx-trigger="every 1s"' in shown
    assert "1 of 2 done" in shown
    assert 'aria-valuenow="50"' in shown
    go_on.set()
    for thread in set(threading.enumerate()) - threads:
        thread.join(20)
    shown = browser.get(page).content.decode()
    assert "hx-trigger" not in re.search(r'<div id="portal-bulk"[^>]*>', shown).group()  # type: ignore[union-attr]
    assert "2 of 2 done" in shown


def test_a_killed_run_goes_on_where_it_stopped(browser: Client, mirrored: Any, sandbox: Sandbox) -> None:
    rows = [mirrored(name="one"), mirrored(name="two")]
    page = _select(browser, "bulk_deactivate", rows)
    edit = BulkEdit.objects.get()
    edit.targets[0]["state"] = "changed"
    edit.state, edit.seen_alive_at = BulkEdit.State.RUNNING, timezone.now()
    edit.save()
    browser.post(f"{page}run/")
    assert not requests(sandbox, "PATCH"), "somebody else may still be at it"
    BulkEdit.objects.update(seen_alive_at=timezone.now() - timedelta(seconds=edits.SILENT_SECONDS + 1))
    assert "This was interrupted" in browser.get(page).content.decode()
    browser.post(f"{page}run/")
    assert len(requests(sandbox, "PATCH")) == 1
    assert BulkEdit.objects.get().state == "done"


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


def test_at_most_five_hundred_at_once_and_no_missing_ones(
    browser: Client, mirrored: Any, operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edits, "MOST", 2)
    rows = [mirrored(name=str(at)) for at in range(3)]
    chosen = {"action": "bulk_activate", "_selected_action": [str(row.pk) for row in rows]}
    answer = browser.post(_url("changelist"), chosen, follow=True)
    assert "At most 2 can be changed at once" in str(next(iter(answer.context["messages"])))
    rows[0].missing_since = timezone.now()
    assert len(edits.draft(CALL_CONTROL, rows, operator).targets) == 2


def test_who_may_only_look_changes_nothing(client: Client, user_with: Any, mirrored: Any, operator: Any) -> None:
    row = mirrored()
    edit = edits.draft(CALL_CONTROL, [row], operator, {"active": False})
    client.force_login(user_with("applications.view_callcontrolapplication", "applications.change_texmlapplication"))
    assert client.get(_url("bulk", edit.pk)).status_code == 403
    assert client.post(_url("bulk_run", edit.pk)).status_code == 403
    assert client.get(_url("bulk", edit.pk, kind=TEXML)).status_code == 404
    client.post(_url("changelist"), {"action": "bulk_deactivate", "_selected_action": [str(row.pk)]})
    assert BulkEdit.objects.count() == 1


@pytest.fixture(autouse=True)
def _close() -> Any:
    yield
    connections.close_all()
