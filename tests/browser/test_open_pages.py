"""Pages that a real browser keeps open: how they were drawn is seen by nobody, and comes back as it was."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User

from portal.models import AuditEvent, TelnyxAccount
from voice.dialling import limits

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.long]
_REMOVE = "[...document.querySelectorAll('input[name^=initial-]')].map(input => input.remove()).length"
_PLACES = """[...document.querySelectorAll('body *:not([name^=initial-])')].map(one => {
  const {x, y, width, height} = one.getBoundingClientRect()
  return [one.tagName, x, y, width, height].join(' ')
})"""


@pytest.fixture
def rows(account: TelnyxAccount, user_with: Any) -> list[Any]:
    """One of each kind, with something in every field that takes many."""
    ada = user_with("Support", "voice.dial", username="ada")
    group = Group.objects.get(name="Support")
    return [account, limits.of_account(account), ada, group]


def address(row: Any) -> str:
    return f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/"


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_of_it_is_seen(opened: Callable[..., Any], rows: list[Any], operator: User, width: int) -> None:
    with opened(viewport={"width": width, "height": 900}, reduced_motion="reduce") as window:
        window.enter(operator)
        for row in rows:
            window.open(address(row))
            window.page.wait_for_load_state("networkidle")
            with_them = window.page.evaluate(_PLACES)
            assert window.page.evaluate(_REMOVE) > 0
            assert window.page.evaluate(_PLACES) == with_them, row
        assert window.wrongs == []


def test_what_was_left_alone_comes_back_as_it_was_drawn(
    opened: Callable[..., Any], rows: list[Any], operator: User
) -> None:
    account, limited, ada, group = rows
    with opened() as window:
        window.enter(operator)
        for row in rows:
            page = window.page.context.new_page()
            page.goto(f"{window.origin}{address(row)}")
            page.wait_for_load_state("networkidle")
            if row == account:
                TelnyxAccount.objects.update(public_key="")
            elif row == limited:
                limits.Limits.objects.update(blocked_prefixes=["+1900"], any_country=False)
            elif row == ada:
                User.objects.filter(pk=ada.pk).update(is_staff=False)
                ada.user_permissions.set([Permission.objects.get(codename="view_call")])
            else:
                group.permissions.clear()
            page.get_by_role("button", name="Save", exact=True).click()
            page.wait_for_url(lambda url: not url.endswith("/change/"))
    account.refresh_from_db()
    limited.refresh_from_db()
    ada.refresh_from_db()
    assert account.public_key == ""
    assert (limited.blocked_prefixes, limited.any_country) == (["+1900"], False)
    assert (ada.is_staff, [one.codename for one in ada.user_permissions.all()]) == (False, ["view_call"])
    assert [one.name for one in ada.groups.all()] == ["Support"]
    assert not group.permissions.exists()
    assert all(not event.details.get("now") for event in AuditEvent.objects.filter(action__endswith=".update"))
