"""The form of a change for many: what is typed ticks its box, what is unticked is emptied."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from applications.bulk import edits
from applications.mirror.store import store
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.application_pages import page_url
from tests.support.applications import CALL_CONTROL

REMOTE = {"id": "1293384261075731499", "application_name": "router", "webhook_event_url": "https://a.example/x"}


@pytest.mark.django_db(transaction=True)
def test_a_box_follows_its_field(opened: Callable[..., Any], account: TelnyxAccount, operator: User) -> None:
    row, _ = store(CALL_CONTROL, account, REMOTE, PORTAL, "pulled")
    edit = edits.draft(CALL_CONTROL, [row], operator)
    with opened(viewport={"width": 390, "height": 900}) as window:
        window.enter(operator)
        window.open(page_url("bulk", edit.pk))
        page = window.page
        box = page.locator("[name='set:webhook_timeout_secs']")
        field = page.get_by_label("Webhook timeout (seconds)", exact=True)
        field.fill("9")
        assert box.is_checked()
        box.uncheck()
        assert field.input_value() == ""
        field.fill("7")
        page.get_by_role("button", name="Preview").click()
        page.get_by_role("button", name="Change 1 at Telnyx").wait_for()
        assert window.wrongs == []
