"""A save stays on the page, says what it changed, and is undone by one press, at Telnyx."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from applications.kinds import Kind
from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from tests.support.application_pages import drawn, page_url, row_url
from tests.support.applications import CALL_CONTROL, TEXML, change_at_telnyx

BOTH = pytest.mark.parametrize("kind", [CALL_CONTROL, TEXML], ids=lambda kind: kind.slug)
_TOAST = re.compile(r'<div class="portal-toast".*?</div>\s*(?:<form.*?</form>)?', re.DOTALL)
_FORM = re.compile(r'<form method="post" action="([^"]+)" class="portal-once">(.*?)</form>', re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


def toast(browser: Client, url: str) -> str:
    found = _TOAST.search(browser.get(url).content.decode())
    return found.group() if found else ""


@BOTH
def test_a_save_is_undone_at_telnyx(browser: Client, mirrored: Any, kind: Kind) -> None:
    row = mirrored(kind)
    url, before = row_url("change", row), row.name
    field = kind.model.name_field
    answer = browser.post(url, drawn(browser, url) | {field: "renamed", "_save": "Save"})
    assert answer["Location"] == f"{url}?saved={row.history.first().history_id}"
    said = toast(browser, answer["Location"])
    assert f"<del>{before}</del>" in said
    assert "<ins>renamed</ins>" in said
    match = _FORM.search(said)
    assert match
    sent = {name: unescape(value) for name, value in _HIDDEN.findall(match[2])}
    again = browser.post(match[1], sent)
    row.refresh_from_db()
    assert row.name == before == row.remote[field]
    assert "<ins>" + before in toast(browser, again["Location"])


def test_once_something_else_happened_nothing_is_offered(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    url = row_url("change", row)
    first = browser.post(url, drawn(browser, url) | {"application_name": "one", "_save": "Save"})["Location"]
    browser.post(url, drawn(browser, url) | {"application_name": "two", "_save": "Save"})
    assert toast(browser, first) == ""
    for wrong in ("0", "x", "99999999999999999999", ""):
        assert toast(browser, f"{url}?saved={wrong}") == ""


def test_nothing_changed_is_said(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    url = row_url("change", row)
    answer = browser.post(url, drawn(browser, url) | {"_save": "Save"}, follow=True)
    assert answer.redirect_chain == [(url, 302)]
    assert "Nothing was changed." in answer.content.decode()


def test_what_others_changed_meanwhile_is_not_undone_by_who_wanted_nothing(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    url = row_url("change", row)
    form = drawn(browser, url) | {"_save": "Save"}
    change_at_telnyx(row.account, row.remote, dtmf_type="Inband")
    answer = browser.post(url, form, follow=True)
    assert answer.redirect_chain == [(url, 302)]
    page = answer.content.decode()
    assert "Nothing was changed." in page
    assert "Others had changed this application meanwhile" in page
    assert "portal-toast" not in page
    row.refresh_from_db()
    assert row.dtmf_type == "Inband"


def test_what_telnyx_tells_for_the_first_time_nobody_has_changed(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    row.remote = {name: value for name, value in row.remote.items() if name not in {"tags", "anchorsite_override"}}
    row.save()  # a list that leaves them out
    url = row_url("change", row)
    page = browser.post(url, drawn(browser, url) | {"application_name": "two"}, follow=True).content.decode()
    assert "portal-toast" in page
    assert "Others had changed" not in page


def test_the_toast_has_ones_own_changes_alone(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    url = row_url("change", row)
    form = drawn(browser, url) | {"application_name": "mine", "_save": "Save"}
    change_at_telnyx(row.account, row.remote, dtmf_type="Inband")
    said = toast(browser, browser.post(url, form)["Location"])
    assert "<ins>mine</ins>" in said
    assert "Inband" not in said.partition("<form")[0]
    sent = {name: unescape(value) for name, value in _HIDDEN.findall(said)}
    browser.post(url, sent)
    row.refresh_from_db()
    assert (row.name, row.dtmf_type) == ("router", "Inband")


def test_the_history_is_drawn_within_the_page(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    page = browser.get(row_url("change", row)).content.decode()
    assert f'hx-get="{row_url("history", row)}" hx-trigger="intersect once"' in page
    assert 'data-tab-to="history"' in page
    assert 'id="portal-history"' in browser.get(row_url("history", row)).content.decode()


def test_who_may_only_look_is_offered_no_way_back(
    client: Client, browser: Client, mirrored: Any, user_with: Any
) -> None:
    row = mirrored()
    url = row_url("change", row)
    saved = browser.post(url, drawn(browser, url) | {"application_name": "one", "_save": "Save"})["Location"]
    other = Client()
    other.force_login(user_with("applications.view_callcontrolapplication", username="looks"))
    assert "Undo" not in toast(other, saved)
    assert "Undo" in toast(browser, saved)


@pytest.mark.usefixtures("only_account")
def test_what_was_made_leads_to_its_numbers(browser: Client, sandbox_account: TelnyxAccount) -> None:
    url = page_url("add")
    answer = browser.post(url, drawn(browser, url) | {"application_name": "desk", "_save": "Save"})
    row = CallControlApplication.objects.get()
    assert answer["Location"] == f"{row_url('change', row)}?tab=numbers"


def test_a_switch_sends_what_it_is_turned_to(browser: Client, mirrored: Any) -> None:
    row = mirrored(active=True)
    url = row_url("change", row)
    page = browser.get(url).content.decode()
    assert 'role="switch" name="active" value="true" checked' in page
    browser.post(url, drawn(browser, url) | {"active": ["false"]})
    row.refresh_from_db()
    assert row.active is False
    browser.post(url, drawn(browser, url) | {"active": ["false", "true"]})
    row.refresh_from_db()
    assert row.active is True
    assert browser.post(url, drawn(browser, url) | {"active": "maybe"}).status_code == 200
