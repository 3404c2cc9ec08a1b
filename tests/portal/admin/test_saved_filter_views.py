"""A filter is kept under a name, for its owner or for all."""

from typing import Any

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from portal.saved_filters import SavedFilter
from tests.support.application_pages import page_url
from tests.support.applications import CALL_CONTROL, TEXML


def test_a_filter_is_kept_and_shown_to_its_owner_only_unless_shared(
    client: Client, user_with: Any, account: TelnyxAccount
) -> None:
    ada, bob = (user_with(CALL_CONTROL.permission("view"), username=name) for name in ("ada", "bob"))
    client.force_login(ada)
    for name, more in (("mine", {}), ("ours", {"shared": "on"})):
        answer = client.post(page_url("keep_filter"), {"name": name, "query": "active__exact=1&p=3&q=&tag=a b", **more})
        assert answer["Location"] == f"{page_url('changelist')}?active__exact=1&tag=a+b"
    assert [(row.name, row.query, row.shared) for row in SavedFilter.objects.all()] == [
        ("mine", "active__exact=1&tag=a+b", False),
        ("ours", "active__exact=1&tag=a+b", True),
    ]
    page = client.get(page_url("changelist")).content.decode()
    assert "?active__exact=1&amp;tag=a+b" in page
    assert ">mine<" in page
    client.force_login(bob)
    page = client.get(page_url("changelist")).content.decode()
    assert ">mine<" not in page
    assert "Shared by ada" in page
    for row in SavedFilter.objects.all():
        client.post(page_url("drop_filter", row.pk))
    assert SavedFilter.objects.count() == 2
    client.force_login(ada)
    client.post(page_url("drop_filter", SavedFilter.objects.get(name="mine").pk))
    assert [row.name for row in SavedFilter.objects.all()] == ["ours"]
    assert client.get(page_url("drop_filter", SavedFilter.objects.get().pk)).status_code == 403
    for nobody in ("nonsense", "9" * 40):
        assert client.post(page_url("drop_filter", nobody)).status_code == 302


def test_a_filter_belongs_to_its_list_and_one_of_the_same_name_is_replaced(
    browser: Client, account: TelnyxAccount
) -> None:
    for query in ("q=one", "q=two"):
        browser.post(page_url("keep_filter"), {"name": "x", "query": query})
    row = SavedFilter.objects.get()
    assert row.query == "q=two"
    assert "q=two" not in browser.get(page_url("changelist", kind=TEXML)).content.decode()
    browser.post(page_url("drop_filter", row.pk, kind=TEXML))
    assert SavedFilter.objects.exists()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"name": "", "query": "q=1"}, "Name: a filter needs one of at most 60 characters."),
        ({"name": "x" * 61, "query": "q=1"}, "Name: a filter needs one of at most 60 characters."),
        ({"name": "x"}, "Nothing is filtered"),
        ({"name": "x", "query": f"tag={'x' * 2000}"}, "What is filtered is too long to be saved: 2,004 characters."),
    ],
)
def test_a_filter_without_a_name_or_anything_filtered_or_that_is_too_long_is_refused_with_the_reason(
    browser: Client, account: TelnyxAccount, body: dict[str, str], words: str
) -> None:
    assert words in browser.post(page_url("keep_filter"), body, follow=True).content.decode()
    assert not SavedFilter.objects.exists()


def test_keeping_a_filter_needs_the_right_to_see_the_list(client: Client, user_with: Any, account: Any) -> None:
    client.force_login(user_with(TEXML.permission("view")))
    assert client.post(page_url("keep_filter"), {"name": "x", "query": "q=1"}).status_code == 403
    assert client.get(page_url("keep_filter", kind=TEXML)).status_code == 403
    assert not SavedFilter.objects.exists()
    assert client.post(page_url("keep_filter", kind=TEXML), {"name": "x", "query": "q=1"}).status_code == 302
    assert SavedFilter.objects.get().listing == "applications.texmlapplication"


def test_what_no_database_keeps_is_left_out_of_a_name(browser: Client, account: TelnyxAccount) -> None:
    for name in ("a\0b", "\0"):
        assert browser.post(page_url("keep_filter"), {"name": name, "query": "q=1"}).status_code == 302
    assert [row.name for row in SavedFilter.objects.all()] == ["ab"]
