"""The pages of a change for many show each of them, before and while it runs."""

import re
import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from applications.bulk import edits
from applications.models import BulkEdit
from portal.models import AuditEvent
from portal.sandbox.server.server import Sandbox
from tests.support.application_pages import page_url
from tests.support.applications import CALL_CONTROL, TEXML, change_at_telnyx, remote_of
from tests.support.bulk_pages import confirm, select, shown_lines
from tests.support.html_forms import hidden_fields
from tests.support.sandbox_ledger import requests

KINDS = [CALL_CONTROL, TEXML]


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_fields_are_chosen_shown_and_changed_one_by_one(
    browser: Client, mirrored: Any, sandbox: Sandbox, kind: Any
) -> None:
    rows = [mirrored(kind, name="one", dtmf_type="Inband"), mirrored(kind, name="two"), mirrored(kind, name="left")]
    page = select(browser, "bulk_edit", rows[:2], kind)
    before = len(requests(sandbox))
    chosen = {
        "set:dtmf_type": "on",
        "dtmf_type": "Inband",
        "set:inbound.channel_limit": "on",
        "inbound.channel_limit": "7",
    }
    assert browser.post(page, chosen | {"active": "", "webhook_api_version": ""}).status_code == 302
    lines = shown_lines(browser, page)
    assert lines["one"].changes == {"dtmf_type": ("Inband", "Inband"), "inbound.channel_limit": (None, 7)}
    assert lines["two"].changes["dtmf_type"] == ("RFC 2833", "Inband")
    assert len(requests(sandbox)) == before, "a preview asks Telnyx for nothing"

    confirm(browser, page)
    states = {name: line.state for name, line in shown_lines(browser, page).items()}
    assert states == {"one": "changed", "two": "changed"}
    there = [remote_of(row, kind) for row in rows]
    assert [(one["dtmf_type"], one["inbound"]["channel_limit"], one["active"]) for one in there] == [
        ("Inband", 7, True),
        ("Inband", 7, True),
        ("RFC 2833", None, True),
    ]
    noted = AuditEvent.objects.get(action="application.bulk_edit")
    assert noted.actor == "user: operator"
    assert noted.details == {"fields": ["dtmf_type", "inbound.channel_limit"], "changed": 2}
    assert rows[0].history.first().history_user.username == "operator"


def test_what_would_stay_is_greyed_and_counted_apart(browser: Client, mirrored: Any) -> None:
    rows = [mirrored(name="on"), mirrored(name="off", active=False)]
    page = browser.get(select(browser, "bulk_deactivate", rows))
    assert page.content.decode().count('class="portal-unchanged"') == 1
    assert "Change 1 at Telnyx" in page.content.decode()


def test_one_of_which_a_single_field_would_change_is_counted_and_each_field_shown_as_it_is_and_will_be(
    browser: Client, mirrored: Any
) -> None:
    page = select(browser, "bulk_edit", [mirrored(name="one", dtmf_type="Inband"), mirrored(name="two")])
    browser.post(page, {"dtmf_type": "Inband", "inbound.channel_limit": "7"})
    shown = browser.get(page)
    assert shown.context["change_count"] == 2
    cells = re.findall(r"<td>(.*?)</td>", shown.content.decode().partition('id="portal-bulk"')[2])
    limit = '<s class="portal-dim">empty</s> → <b>7</b>'
    both = [["Inband", limit], ['<s class="portal-dim">RFC 2833</s> → <b>Inband</b>', limit]]
    assert sorted([cells[:2], cells[2:]]) == sorted(both)


def test_the_limits_are_those_that_its_pages_promise() -> None:
    assert (edits.MOST, edits.SILENT_SECONDS) == (500, 60)


@pytest.mark.parametrize(("action", "active"), [("bulk_activate", True), ("bulk_deactivate", False)])
def test_activating_is_a_shortcut_to_the_preview(browser: Client, mirrored: Any, action: str, active: bool) -> None:
    row = mirrored(active=not active)
    page = select(browser, action, [row])
    assert remote_of(row)["active"] is not active
    confirm(browser, page)
    assert remote_of(row)["active"] is active


def test_what_is_typed_counts_without_its_box_and_a_box_alone_clears(browser: Client, mirrored: Any) -> None:
    row = mirrored(webhook_timeout_secs=9)
    page = select(browser, "bulk_edit", [row])
    browser.post(page, {"inbound.channel_limit": "7", "set:webhook_timeout_secs": "on", "webhook_timeout_secs": ""})
    (line,) = shown_lines(browser, page).values()
    assert line.changes == {"inbound.channel_limit": (None, 7), "webhook_timeout_secs": (9, None)}
    again = browser.get(f"{page}?choose").context["form"]  # with what was chosen
    ticked = {name for name in again.settable if again[f"set:{name}"].value()}
    assert ticked == {"inbound.channel_limit", "webhook_timeout_secs"}
    assert (again["inbound.channel_limit"].value(), again["webhook_timeout_secs"].value()) == ("7", "")


def test_only_what_is_chosen_is_judged_and_something_must_be(browser: Client, mirrored: Any) -> None:
    page = select(browser, "bulk_edit", [mirrored()])
    empty = browser.post(page, {"inbound.channel_limit": " "})
    assert empty.context["form"].errors == {"__all__": ["Fill in or tick at least one field."]}
    wrong = {"set:inbound.channel_limit": "on", "inbound.channel_limit": "many", "set:webhook_event_url": "on"}
    answer = browser.post(page, wrong | {"webhook_event_url": "ftp://a.example/"})
    assert set(answer.context["form"].errors) == {"inbound.channel_limit", "webhook_event_url"}
    nameless = {"set:application_name": "on", "application_name": " ", "set:webhook_timeout_secs": "on"}
    assert set(browser.post(page, nameless).context["form"].errors) == {"application_name"}  # the other is cleared
    assert BulkEdit.objects.get().values == {}


def test_without_a_choice_nothing_can_run_and_nothing_runs_twice(
    browser: Client, mirrored: Any, sandbox: Sandbox
) -> None:
    page = select(browser, "bulk_edit", [mirrored()])
    confirm(browser, page)
    assert BulkEdit.objects.get().state == "draft"
    browser.post(page, {"set:active": "on", "active": "false"})
    for _ in range(2):
        confirm(browser, page)
    assert len(requests(sandbox, "PATCH")) == 1
    assert browser.get(f"{page}run/").status_code == 403


def test_what_runs_is_what_was_previewed_and_no_other_tabs_values(
    browser: Client, mirrored: Any, sandbox: Sandbox
) -> None:
    row = mirrored()
    page = select(browser, "bulk_edit", [row])
    browser.post(page, {"active": "false"})
    confirmed = {"preview": browser.get(page).context["edit"].preview}
    browser.post(page, {"webhook_timeout_secs": "9"})  # in another tab
    answer = browser.post(f"{page}run/", confirmed, follow=True)
    assert "Nothing was sent" in str(next(iter(answer.context["messages"])))
    assert "Webhook timeout (seconds)" in answer.content.decode()
    assert not requests(sandbox, "PATCH")
    browser.post(f"{page}run/")  # with none at all
    assert not requests(sandbox, "PATCH")
    confirm(browser, page)
    there = remote_of(row)
    assert (there["active"], there["webhook_timeout_secs"]) == (True, 9)


def test_who_presses_once_too_often_is_not_told_that_other_values_were_chosen(
    browser: Client, mirrored: Any, sandbox: Sandbox
) -> None:
    page = select(browser, "bulk_edit", [mirrored()])

    def told() -> list[str]:
        preview = {"preview": str(BulkEdit.objects.get().preview)}
        answer = browser.post(f"{page}run/", preview, follow=True)
        return [str(message) for message in answer.context["messages"]]

    assert told() == []  # nothing is chosen yet
    browser.post(page, {"active": "false"})
    for state, seconds in ((BulkEdit.State.RUNNING, 0), (BulkEdit.State.DONE, edits.SILENT_SECONDS + 1)):
        BulkEdit.objects.update(state=state, seen_alive_at=timezone.now() - timedelta(seconds=seconds))
        assert told() == []
    assert (requests(sandbox, "PATCH"), BulkEdit.objects.get().state) == ([], "done")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_its_buttons_carry_out_what_is_shown_go_on_with_it_or_lead_back_to_the_list(
    browser: Client, mirrored: Any, kind: Any
) -> None:
    page = select(browser, "bulk_deactivate", [mirrored(kind)], kind)
    edit = BulkEdit.objects.get()
    run, back = page_url("bulk_run", edit.pk, kind=kind), f'href="{page_url("changelist", kind=kind)}">{{}}</a>'.format

    def shown(query: str = "") -> str:
        return browser.get(f"{page}{query}").content.decode()

    assert hidden_fields(shown(), run) == {"preview": str(edit.preview)}
    assert back("Cancel") in shown()
    assert back("Cancel") in shown("?choose")
    silent = timezone.now() - timedelta(seconds=edits.SILENT_SECONDS + 1)
    BulkEdit.objects.update(state=BulkEdit.State.RUNNING, seen_alive_at=silent)
    assert hidden_fields(shown(), run) == {"preview": str(edit.preview)}
    done = [target | {"state": "unchanged"} for target in edit.targets]
    BulkEdit.objects.update(state=BulkEdit.State.DONE, targets=done)
    assert back("Back to the list") in shown()
    assert "1 of 1 done <small>1 unchanged</small>" in shown()


def test_more_boxes_than_a_form_usually_has_are_told_with_the_page(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    ticked = [str(row.pk), *(str(uuid.uuid4()) for _ in range(1200))]
    answer = browser.post(page_url("changelist"), {"action": "bulk_activate", "_selected_action": ticked})
    assert answer.status_code == 302  # of those there is one
    assert BulkEdit.objects.get().targets[0]["id"] == str(row.pk)


def test_every_field_and_every_box_has_a_name(browser: Client, mirrored: Any) -> None:
    page = browser.get(select(browser, "bulk_edit", [mirrored()])).content.decode()
    labelled = set(re.findall(r'<label for="([^"]+)"', page))
    form = page[page.index("data-ticks") : page.index(">Preview<")]
    controls = re.findall(r"<(?:input|select|textarea)\b[^>]*>", form)
    unnamed = [
        tag
        for tag in controls
        if "aria-label=" not in tag and re.search(r'id="([^"]+)"', tag).group(1) not in labelled  # type: ignore[union-attr]
    ]
    assert controls
    assert unnamed == []


def test_the_page_polls_while_it_runs_and_counts(
    browser: Client, mirrored: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [mirrored(name="one"), mirrored(name="two")]
    page = select(browser, "bulk_deactivate", rows)
    reached, go_on = threading.Event(), threading.Event()
    real = edits.update_application

    def slow(row: Any, *args: Any, **kwargs: Any) -> Any:
        if row.name == "two":
            reached.set()
            go_on.wait(60)
        return real(row, *args, **kwargs)

    monkeypatch.setattr(edits, "update_application", slow)
    monkeypatch.setattr("applications.bulk.pages.WAIT_SECONDS", 0.01)
    threads = set(threading.enumerate())
    confirm(browser, page)
    assert reached.wait(60)
    shown = browser.get(page).content.decode()
    assert 'hx-trigger="every 1s"' in shown
    assert "1 of 2 done" in shown
    assert 'aria-valuenow="50"' in shown
    go_on.set()
    for thread in set(threading.enumerate()) - threads:
        thread.join(60)
    shown = browser.get(page).content.decode()
    assert "hx-trigger" not in re.search(r'<div id="portal-bulk"[^>]*>', shown).group()  # type: ignore[union-attr]
    assert "2 of 2 done" in shown


def test_at_most_five_hundred_at_once_and_no_missing_ones(
    browser: Client, mirrored: Any, operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edits, "MOST", 2)
    rows = [mirrored(name=str(at)) for at in range(3)]
    answer = browser.post(page_url("changelist"), _all_of(rows), follow=True)
    assert "At most 2 can be changed at once" in str(next(iter(answer.context["messages"])))
    rows.append(mirrored(name="3"))
    for gone in rows[:2]:
        gone.missing_since = timezone.now()
        gone.save()
        answer = browser.post(f"{page_url('changelist')}?missing=all", _all_of(rows), follow=True)
        told = "".join(str(message) for message in answer.context["messages"])
        assert ("At most 2" in told) == (gone is rows[0])
    assert len(BulkEdit.objects.get().targets) == len(edits.draft(CALL_CONTROL, rows, operator).targets) == 2


def _all_of(rows: Any) -> dict[str, Any]:
    return {"action": "bulk_activate", "_selected_action": [str(row.pk) for row in rows]}


def test_who_may_only_look_changes_nothing(client: Client, user_with: Any, mirrored: Any, operator: Any) -> None:
    row = mirrored()
    edit = edits.draft(CALL_CONTROL, [row], operator, {"active": False})
    client.force_login(user_with("applications.view_callcontrolapplication", "applications.change_texmlapplication"))
    assert client.get(page_url("bulk", edit.pk)).status_code == 403
    assert client.post(page_url("bulk_run", edit.pk)).status_code == 403
    assert client.get(page_url("bulk", edit.pk, kind=TEXML)).status_code == 404
    client.post(page_url("changelist"), {"action": "bulk_deactivate", "_selected_action": [str(row.pk)]})
    assert BulkEdit.objects.count() == 1
    rights = [CALL_CONTROL.permission(verb) for verb in ("view", "change")]
    client.force_login(user_with(*rights, username="changer"))
    client.post(page_url("changelist"), {"action": "bulk_deactivate", "_selected_action": [str(row.pk)]})
    own = BulkEdit.objects.exclude(pk=edit.pk).get()
    assert client.get(page_url("bulk", own.pk)).status_code == 200
    assert confirm(client, page_url("bulk", own.pk)).status_code == 302
    row.refresh_from_db()
    assert row.active is False


def test_the_address_of_our_webhooks_is_told_to_who_may_see_the_accounts(
    client: Client, user_with: Any, mirrored: Any
) -> None:
    row, masked = mirrored(), "/webhooks/•••/call-control/"
    rights = [CALL_CONTROL.permission(verb) for verb in ("view", "change")]
    for may_see in (True, False):
        more = ["portal.view_telnyxaccount"] if may_see else []
        client.force_login(user_with(*rights, *more, username=f"sees-{len(more)}"))
        page = select(client, "bulk_edit", [row])
        client.post(page, {"webhook_event_url": "https://mine.example/hook"})
        before = client.get(page).content.decode()
        change_at_telnyx(row.account, row.remote, webhook_event_url=f"{row.account.webhook_url}?{len(more)}")
        confirm(client, page)
        after = client.get(page).content.decode()
        assert "Telnyx now has" in after
        for shown in (before, after):
            assert (row.account.webhook_token in shown, masked in shown) == (may_see, not may_see)


@pytest.mark.parametrize("action", ["bulk_edit", "bulk_activate", "bulk_deactivate"])
def test_who_may_only_look_is_offered_none_of_it(
    client: Client, user_with: Any, mirrored: Any, operator: Any, action: str
) -> None:
    row, url = mirrored(), page_url("changelist")
    for user, offered in ((operator, True), (user_with(CALL_CONTROL.permission("view")), False)):
        client.force_login(user)
        form = client.get(url).context["action_form"]
        assert (form is not None and action in dict(form.fields["action"].choices)) is offered
    client.post(url, {"action": action, "_selected_action": [str(row.pk)]})
    assert not BulkEdit.objects.exists()


def test_one_that_is_done_shows_what_came_of_it_whatever_is_asked_of_its_page(browser: Client, mirrored: Any) -> None:
    page = select(browser, "bulk_deactivate", [mirrored()])
    confirm(browser, page)
    for answer in (browser.get(f"{page}?choose"), browser.post(page, {"active": "true"})):
        assert (answer.status_code, answer.context["form"]) == (200, None)
        assert 'aria-valuenow="100"' in answer.content.decode()
    assert BulkEdit.objects.get().values == {"active": False}


def test_one_of_none_at_all_is_drawn(browser: Client, operator: Any) -> None:
    edit = edits.draft(CALL_CONTROL, [], operator, {"active": False})
    shown = browser.get(page_url("bulk", edit.pk))
    assert (shown.status_code, shown.context["percent"], shown.context["lines"]) == (200, 0, [])


@pytest.fixture(autouse=True)
def _close() -> Any:
    yield
    connections.close_all()
