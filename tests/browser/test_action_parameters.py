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
