"""The portal's own rows are found by who may see them."""

from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from portal.finder import findings
from portal.models import ApiToken


def test_people_are_found_by_a_part_of_their_whole_name(browser: Client, user_with: Any) -> None:
    grace, other = user_with(username="gh"), user_with(username="go")
    User.objects.filter(pk=grace.pk).update(first_name="Grace", last_name="Hopper")
    User.objects.filter(pk=other.pk).update(first_name="Grace", last_name="Other")
    for typed in ("grace hopper", "ace hop", "Hopper"):
        page = browser.get("/admin/search/", {"q": typed}).content.decode()
        assert [f"/admin/auth/user/{one.pk}/" in page for one in (grace, other)] == [True, False], typed


def test_of_more_headings_of_the_handbook_than_are_shown_that_is_said(browser: Client) -> None:
    for typed, more in (("muting", False), ("t", True)):
        page = browser.get("/admin/search/", {"q": typed}).content.decode()
        found = page.partition("</span>Handbook</h3>")[2].partition("</section>")[0]
        assert 0 < found.count('<a href="/admin/help/') <= findings.MOST
        assert (f"Only the first {findings.MOST} are shown. Type more of the heading" in found) == more


def test_accounts_tokens_and_people_are_found(browser: Client, account: Any, operator: Any, user_with: Any) -> None:
    row, text = ApiToken.make(operator, "deploy bot")
    person = user_with(username="grace")
    for typed, address in (
        (account.name[1:], f"/admin/portal/telnyxaccount/{account.pk}/change/"),
        ("ploy", f"/admin/portal/apitoken/{row.pk}/change/"),
        ("grac", f"/admin/auth/user/{person.pk}/change/"),
    ):
        assert address in browser.get("/admin/search/", {"q": typed}).content.decode()
    answer = browser.get("/admin/search/", {"q": f"tvp_{row.prefix}"})
    assert answer.headers["Location"] == f"/admin/portal/apitoken/{row.pk}/change/"
    assert f"/admin/portal/apitoken/{row.pk}/" not in browser.get("/admin/search/", {"q": text}).content.decode()
