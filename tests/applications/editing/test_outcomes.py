"""What came of a save stands in the form that asked for it."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from tests.support.application_pages import drawn, errors_of, page_url


@pytest.mark.usefixtures("only_account")
def test_a_refused_create_stands_on_its_field_and_keeps_what_was_typed(
    browser: Client, sandbox_account: TelnyxAccount
) -> None:
    values = drawn(browser, page_url("add")) | {"application_name": "typed", "webhook_timeout_secs": "31"}
    answer = browser.post(page_url("add"), values)
    assert "0 to 30" in errors_of(answer)["webhook_timeout_secs"][0]
    assert b'value="typed"' in answer.content
    assert not CallControlApplication.objects.exists()
    assert not LogEntry.objects.exists()


def test_an_outage_is_a_banner_and_keeps_what_was_typed(browser: Client, account: TelnyxAccount) -> None:
    answer = browser.post(page_url("add"), drawn(browser, page_url("add")) | {"application_name": "typed"})
    assert "Telnyx cannot be reached" in errors_of(answer)["__all__"][0]
    assert b'value="typed"' in answer.content


def test_a_refused_change_stands_on_its_field(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    url = page_url("change", row.pk)
    answer = browser.post(url, drawn(browser, url) | {"webhook_timeout_secs": "31", "application_name": "typed"})
    assert "0 to 30" in errors_of(answer)["webhook_timeout_secs"][0]
    assert b'value="typed"' in answer.content
    row.refresh_from_db()
    assert row.application_name != "typed"
