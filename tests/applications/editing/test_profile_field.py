"""The form of an application offers the profiles that Telnyx has."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from portal.models import TelnyxAccount
from portal.telnyx.client import ask
from tests.support.application_pages import page_url
from tests.support.applications import CALL_CONTROL, TEXML, remote_of

FIELD = "outbound.outbound_voice_profile_id"


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    cache.clear()


def ids(account: TelnyxAccount) -> list[str]:
    return [one["id"] for one in ask(account, "outbound_voice_profiles.list")["data"]]


@pytest.mark.parametrize("kind", [CALL_CONTROL, TEXML], ids=lambda kind: kind.slug)
def test_the_form_fetches_the_choice_and_keeps_the_present_value(browser: Client, mirrored: Any, kind: Any) -> None:
    row = mirrored(kind, outbound={"outbound_voice_profile_id": "77"})
    page = browser.get(page_url("change", row.pk, kind=kind)).content.decode()
    fetch = f"{page_url('profiles', kind=kind)}?account={row.account_id}"
    assert f'hx-get="{fetch}"' in page
    field = browser.get(f"{fetch}&{FIELD}=77").content.decode()
    assert f'<select name="{FIELD}"' in field
    assert '<option value="77" selected>77 (not in Telnyx&#x27;s list)' in field
    assert [name in field for name in ("Domestic", "International")] == [True, True]


def test_a_chosen_profile_is_saved(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    form = browser.get(page_url("change", row.pk)).context["adminform"].form
    drawn = {name: form[name].value() for name in form.fields if form[name].value() is not None}
    (first, _) = ids(row.account)
    assert browser.post(page_url("change", row.pk), drawn | {FIELD: first}).status_code == 302
    assert remote_of(row)["outbound"]["outbound_voice_profile_id"] == first


def test_the_add_form_asks_for_the_profiles_of_the_chosen_account(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    page = browser.get(page_url("add")).content.decode()
    assert f'hx-get="{page_url("profiles")}"' in page
    assert "change from:[name=account]" in page
    assert b"Domestic" in browser.get(page_url("profiles"), {"account": row.account_id, FIELD: ""}).content
    assert browser.get(page_url("profiles"), {"account": "x"}).status_code == 404


def test_without_telnyx_the_field_stays_a_text(browser: Client, account: TelnyxAccount) -> None:
    field = browser.get(page_url("profiles"), {"account": account.pk, FIELD: '7"7'}).content.decode()
    assert f'<input type="text" name="{FIELD}" value="7&quot;7"' in field
    assert "could not be read from Telnyx" in field


def test_who_may_neither_add_nor_change_is_not_told(
    client: Client, user_with: Callable[..., User], mirrored: Any
) -> None:
    row = mirrored()
    client.force_login(user_with("applications.view_callcontrolapplication"))
    assert client.get(page_url("profiles"), {"account": row.account_id}).status_code == 403
    for right in ("add", "change"):
        client.force_login(user_with(f"applications.{right}_callcontrolapplication", username=right))
        assert client.get(page_url("profiles"), {"account": row.account_id}).status_code == 200


def test_the_field_keeps_the_id_that_its_label_names_with_telnyx_and_without(
    browser: Client, mirrored: Any, account: TelnyxAccount
) -> None:
    for one, tag in ((mirrored().account, "<select"), (account, "<input")):
        field = browser.get(page_url("profiles"), {"account": one.pk, FIELD: "7"}).content.decode()
        assert (tag in field, f'id="id_{FIELD}"' in field) == (True, True)
