"""A number belongs to one application, and only Telnyx says to which."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from applications.models import CallControlApplication
from tests.support.application_pages import page_url
from tests.support.telnyx_numbers import assigned, number_at, numbers_url

pytestmark = pytest.mark.usefixtures("only_account")


def test_a_number_that_telnyx_keeps_where_it_is_is_a_conflict(
    api: APIClient, mirrored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = mirrored()
    number = assigned(row.account, row)
    monkeypatch.setattr(
        "portal.sandbox.resources.numbers.check", lambda method, body: body.clear()
    )  # takes it and does nothing
    answer = api.post(numbers_url(row, number["id"], "unassign"))
    assert (answer.status_code, answer.json()["code"]) == (409, "still_assigned")


def test_a_missing_application_takes_no_number(browser: Client, api: APIClient, mirrored: Any) -> None:
    row = mirrored()
    CallControlApplication.objects.filter(pk=row.pk).update(missing_since=row.pulled_at)
    assert b"Assign a number" not in browser.get(page_url("numbers", row.pk)).content
    number = assigned(row.account, row, 1)
    for verb, id in (("assign", number_at(row.account)["id"]), ("unassign", number["id"])):
        assert api.post(numbers_url(row, id, verb)).status_code == 404
        page = browser.post(page_url(verb, row.pk, id)).content.decode()
        assert "Telnyx does not know router any more. Nothing was sent." in page
    assert [number_at(row.account, last)["connection_id"] for last in (0, 1)] == [None, row.telnyx_id]
