"""The pages of an application's history: what changed, one version beside another, and back to it, at Telnyx first."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from applications.kinds import Kind
from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.application_pages import drawn, page_url, row_url
from tests.support.applications import CALL_CONTROL, TEXML, change_at_telnyx
from tests.support.sandbox_ledger import requests

BOTH = pytest.mark.parametrize("kind", [CALL_CONTROL, TEXML], ids=lambda kind: kind.slug)
_FORM = re.compile(r'<form method="post" action="([^"]+)" class="portal-once"[^>]*>(.*?)</form>', re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


def words(page: str) -> str:
    """What a page says, in one line."""
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", page).split()))


def edit(browser: Client, row: Any, **changed: str) -> None:
    url = row_url("change", row)
    assert browser.post(url, drawn(browser, url) | changed).status_code == 302
    row.refresh_from_db()


def version_page(browser: Client, row: Any, version: Any, **query: Any) -> str:
    kind = CALL_CONTROL if isinstance(row, CallControlApplication) else TEXML
    answer = browser.get(page_url("simple_history", row.pk, version.pk, kind=kind), query)
    assert answer.status_code == 200
    return answer.content.decode()


def restoring(page: str) -> tuple[str, dict[str, str]]:
    """Where the form that restores is sent, and what it holds."""
    url, form = next((url, form) for url, form in _FORM.findall(page) if "Restore" in form)
    return url, {name: unescape(value) for name, value in _HIDDEN.findall(form)}


@BOTH
def test_the_history_tells_when_who_and_what_by_field(browser: Client, mirrored: Any, kind: Kind) -> None:
    row = mirrored(kind)
    edit(browser, row, **{"inbound.channel_limit": "8"})
    answer = browser.get(row_url("history", row))
    page = answer.content.decode()
    newest = row.history.first()
    assert f"{newest.history_date:%Y-%m-%d %H:%M:%S}" in page
    said = words(page)
    assert "changed (user: operator)" in said
    assert "Inbound channel limit inbound.channel_limit before: empty → after: 8" in said
    assert "&quot;" not in page[page.index("portal-version") :]  # no raw JSON


def test_two_versions_are_compared(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    edit(browser, row, application_name="second")
    edit(browser, row, application_name="third", webhook_timeout_secs="7")
    third, second, first = row.history.all()[:3]
    page = words(version_page(browser, row, first))
    assert "as it is now" in page
    assert "before: router → after: third" in page
    page = words(version_page(browser, row, first, **{"with": second.pk}))
    assert "before: router → after: second" in page
    assert "Webhook timeout (seconds) webhook_timeout_secs" not in page
    assert "This is how it is now." in words(version_page(browser, row, third))
    assert "Restore" not in words(version_page(browser, row, third))
    for nonsense in ("x", "99", "-1"):
        url = page_url("simple_history", row.pk, first.pk)
        assert browser.get(url, {"with": nonsense}).status_code == 404


def test_versions_too_many_to_choose_from_are_told(
    browser: Client, mirrored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.admin.pages._MOST_OFFERED", 2)
    row = mirrored()
    for name, is_cut in ("second", False), ("third", True):
        edit(browser, row, application_name=name)
        page = version_page(browser, row, row.history.first())
        assert ("Only the newest 2 versions can be chosen" in page) == is_cut
    assert f'<option value="{row.history.last().history_id}"' not in page


@BOTH
def test_a_version_is_restored_at_telnyx_first(
    browser: Client, mirrored: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount, kind: Kind
) -> None:
    row = mirrored(kind, inbound={"channel_limit": 5})
    first = row.history.last()
    edit(browser, row, **{row.name_field: "second", "inbound.channel_limit": "8", "first_command_timeout_secs": "30"})
    before = len(requests(sandbox, "PATCH"))
    answer = browser.post(*restoring(version_page(browser, row, first)))
    assert answer.status_code == 302
    assert answer["Location"] == f"{row_url('change', row)}?saved={row.history.first().history_id}"
    row.refresh_from_db()
    there = sandbox.store.applications(kind.resource)[0]
    assert row.name == there[row.name_field] == "router"
    assert row.remote["inbound"]["channel_limit"] == there["inbound"]["channel_limit"] == 5
    assert len(requests(sandbox, "PATCH")) == before + 1
    assert row.history.first().history_user.username == "operator"
    assert row.history.count() == 3  # one more version, and none is lost


def test_what_a_version_never_told_stays_as_it_is(browser: Client, mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored(TEXML, tags=["kept"], anchorsite_override="Chicago, IL")
    first = row.history.last()
    edit(browser, row, friendly_name="second")
    first.remote = {name: value for name, value in first.remote.items() if name not in {"tags", "anchorsite_override"}}
    first.save()
    assert browser.post(*restoring(version_page(browser, row, first))).status_code == 302
    (there,) = sandbox.store.applications(TEXML.resource)
    assert (there["friendly_name"], there["tags"], there["anchorsite_override"]) == ("router", ["kept"], "Chicago, IL")


def test_what_telnyx_refuses_is_told_at_its_field_and_nothing_is_stored(
    browser: Client, mirrored: Any, sandbox: Sandbox
) -> None:
    row = mirrored()
    first = row.history.last()
    edit(browser, row, application_name="second")
    sandbox.faults.add({"method": "PATCH", "path": "/call_control_applications", "fault": "status", "value": 422})
    answer = browser.post(*restoring(version_page(browser, row, first)))
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors
    row.refresh_from_db()
    assert row.name == "second"


def test_what_was_changed_at_telnyx_meanwhile_is_a_conflict(
    browser: Client, mirrored: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored()
    first = row.history.last()
    edit(browser, row, application_name="second")
    url, form = restoring(version_page(browser, row, first))
    change_at_telnyx(sandbox_account, row.remote, application_name="theirs")
    before = len(requests(sandbox, "PATCH"))
    page = words(browser.post(url, form).content.decode())
    assert "was changed at Telnyx after you opened the form. Nothing was sent" in page
    assert "Keep Telnyx's theirs" in page
    assert "Take mine router" in page
    assert len(requests(sandbox, "PATCH")) == before


def test_only_who_may_change_it_restores(client: Client, browser: Client, user_with: Any, mirrored: Any) -> None:
    row = mirrored()
    first = row.history.last()
    edit(browser, row, application_name="second")
    url, form = restoring(version_page(browser, row, first))
    client.force_login(user_with(CALL_CONTROL.permission("view")))
    page = version_page(client, row, first)
    assert "before: router → after: second" in words(page)
    assert "Restore" not in words(page)
    assert "restore" not in words(client.get(row_url("history", row)).content.decode())
    assert client.post(url, form).status_code == 403
    assert client.post(page_url("simple_history", row.pk, first.pk), form).status_code == 403
    client.force_login(user_with(username="nobody"))
    assert client.get(row_url("history", row)).status_code == 403
    assert client.get(page_url("simple_history", row.pk, first.pk)).status_code == 403


# what Telnyx does not know any more


def lost(browser: Client, row: Any) -> None:
    """Deleted here, and kept for its calls."""
    assert browser.post(row_url("delete", row), {"confirmed_name": row.name}).status_code == 302


def told(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


@BOTH
def test_a_missing_application_is_shown_and_neither_saved_nor_deleted(
    browser: Client, mirrored: Any, sandbox: Sandbox, kind: Kind
) -> None:
    row = mirrored(kind)
    first, form = row.history.last(), drawn(browser, row_url("change", row))
    lost(browser, row)
    page = browser.get(row_url("change", row)).content.decode()
    assert 'name="_save"' not in page
    assert row_url("delete", row) not in page
    assert "Create again" in page
    assert "Restore" not in words(version_page(browser, row, first))
    before = len(requests(sandbox))
    answer = browser.post(row_url("change", row), form)
    assert (answer.status_code, answer["Location"]) == (302, row_url("change", row))
    assert "Telnyx does not know router any more. Nothing was changed." in told(answer)
    answer = browser.post(row_url("delete", row), {"confirmed_name": "router"})
    assert (answer.status_code, answer["Location"]) == (302, row_url("change", row))
    assert len(requests(sandbox)) == before


@BOTH
def test_one_that_telnyx_lost_while_its_form_was_open_is_told(
    browser: Client, mirrored: Any, sandbox: Sandbox, kind: Kind
) -> None:
    row = mirrored(kind)
    form = drawn(browser, row_url("change", row)) | {row.name_field: "renamed"}
    sandbox.reset()
    answer = browser.post(row_url("change", row), form)
    assert answer.status_code == 302
    assert "Telnyx does not know router any more. Nothing was changed." in told(answer)
    row.refresh_from_db()
    assert row.missing_since


@BOTH
def test_a_missing_application_is_created_again_with_its_settings(
    browser: Client, mirrored: Any, sandbox: Sandbox, kind: Kind
) -> None:
    row = mirrored(kind, inbound={"channel_limit": 5})
    lost(browser, row)
    url = f"{page_url('add', kind=kind)}?clone={row.pk}"
    assert url in browser.get(row_url("change", row)).content.decode()
    before = list(kind.model._default_manager.values_list("pk", flat=True))
    assert browser.post(url, drawn(browser, url)).status_code == 302
    again = kind.model._default_manager.exclude(pk__in=before).get()
    assert (again.name, again.remote["inbound"]["channel_limit"]) == ("router", 5)
    assert again.telnyx_id != row.telnyx_id
