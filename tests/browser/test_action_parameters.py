"""Objects and lists among an action's parameters: what stands in the boxes is what is sent, and nothing else of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from portal.models import TelnyxAccount
from tests.support.factories import make_call

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_what_is_written_as_json_stands_in_the_boxes_and_is_not_lost_when_one_is_typed_in(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    call = make_call(account)
    with opened() as window:
        window.enter(operator)
        window.open(reverse("admin:voice_call_act", args=[call.pk, "transfer"]))
        page = window.page
        page.locator("summary", has_text="More (").click()
        field = page.locator("div:has(> details > [name=custom_headers])")
        field.get_by_text("As JSON").click()
        area, value = field.locator("[name=custom_headers]"), field.get_by_label("Value", exact=True)
        area.fill('[{"name": "X-Team", "value": "blue"}]')
        area.blur()
        expect(value).to_have_value("blue")
        field.get_by_label("Name", exact=True).fill("X-Squad")
        assert json.loads(area.input_value()) == [{"name": "X-Squad", "value": "blue"}]
        area.fill('[{"name": "X-Team"')
        area.blur()
        expect(value).to_be_hidden()
        area.fill('[{"name": "X-Team", "value": "red"}]')
        area.blur()
        expect(value).to_be_visible()
        expect(value).to_have_value("red")
        assert window.wrongs == []


def test_lines_that_are_pasted_stay_lines_and_the_keyboard_stays_where_something_is_removed(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    call, lines = make_call(account), "Ring\nback\n"
    with opened() as window:
        window.enter(operator)
        window.open(reverse("admin:voice_call_act", args=[call.pk, "transfer"]))
        page = window.page
        page.locator("summary", has_text="More (").click()
        field = page.locator("div:has(> details > [name=custom_headers])")
        add, removes = (field.get_by_role("button", name=name, exact=True) for name in ("Add one", "Remove"))
        for _ in range(2):
            add.click()
        page.evaluate("document.body.append(document.createElement('textarea'))")
        page.locator("body > textarea").fill(lines)
        page.locator("body > textarea").select_text()
        page.keyboard.press("Control+c")
        value = field.get_by_label("Value", exact=True).last
        value.focus()
        page.keyboard.press("Control+v")
        expect(value).to_have_value(lines)
        expect(value).to_be_focused()
        assert json.loads(field.locator("[name=custom_headers]").input_value()) == [{"value": lines}]
        removes.first.click()
        expect(removes).to_have_count(1)
        expect(removes).to_be_focused()
        page.keyboard.press("Enter")
        expect(removes).to_have_count(0)
        expect(add).to_be_focused()
        assert window.wrongs == []
