"""What came of a save stands in the form that asked for it."""

from typing import Any

import httpx
import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from tests.support.application_pages import drawn, errors_of, page_url
from tests.support.under_way import answers_otherwise


@pytest.mark.usefixtures("only_account")
def test_a_refused_create_stands_on_its_field_and_keeps_what_was_typed(
    browser: Client, sandbox_account: TelnyxAccount
) -> None:
    values = drawn(browser, page_url("add")) | {"application_name": "typed", "webhook_timeout_secs": "31"}
    answer = browser.post(page_url("add"), values)
    errors = errors_of(answer)
    assert list(errors) == ["webhook_timeout_secs"]  # it is not in the banner as well
    assert "0 to 30" in errors["webhook_timeout_secs"][0]
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
    errors = errors_of(answer)
    assert list(errors) == ["webhook_timeout_secs"]  # it is not in the banner as well
    assert "0 to 30" in errors["webhook_timeout_secs"][0]
    assert b'value="typed"' in answer.content
    row.refresh_from_db()
    assert row.application_name != "typed"


def test_what_telnyx_refuses_of_a_field_that_the_form_has_not_is_in_the_banner_by_its_name(
    browser: Client, mirrored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = page_url("change", mirrored().pk)
    values = drawn(browser, url) | {"application_name": "typed"}
    wrong = [
        {"code": "10015", "title": "Invalid", "detail": f"{name} is odd.", "source": {"pointer": f"/{name}"}}
        for name in ("webhook_timeout_secs", "billing_group")
    ]

    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        return httpx.Response(422, json={"errors": wrong}) if request.method == "PATCH" else None

    answers_otherwise(monkeypatch, change)
    errors = errors_of(browser.post(url, values))
    assert set(errors) == {"webhook_timeout_secs", "__all__"}
    (banner,) = errors["__all__"]
    assert banner.startswith("billing_group: ")
    assert "billing_group is odd." in banner
