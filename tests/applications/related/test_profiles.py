"""The outbound voice profile of an application, chosen from what Telnyx has."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx.client import ask
from tests.support.accounts import make_account
from tests.support.applications import CALL_CONTROL, TEXML, remote_of
from tests.support.rest import api_for
from tests.support.sandbox_ledger import requests

FIELD = "outbound.outbound_voice_profile_id"
REST = "/api/v1/outbound-voice-profiles/"


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    cache.clear()


def url(name: str, *args: Any, kind: Any = CALL_CONTROL) -> str:
    return reverse(f"admin:applications_{kind.model._meta.model_name}_{name}", args=args)


def ids(account: TelnyxAccount) -> list[str]:
    return [one["id"] for one in ask(account, "outbound_voice_profiles.list")["data"]]


@pytest.mark.parametrize("kind", [CALL_CONTROL, TEXML], ids=lambda kind: kind.slug)
def test_the_form_fetches_the_choice_and_keeps_the_present_value(browser: Client, mirrored: Any, kind: Any) -> None:
    row = mirrored(kind, outbound={"outbound_voice_profile_id": "77"})
    page = browser.get(url("change", row.pk, kind=kind)).content.decode()
    fetch = f"{url('profiles', kind=kind)}?account={row.account_id}"
    assert f'hx-get="{fetch}"' in page
    field = browser.get(f"{fetch}&{FIELD}=77").content.decode()
    assert f'<select name="{FIELD}"' in field
    assert '<option value="77" selected>77 (not in Telnyx&#x27;s list)' in field
    assert [name in field for name in ("Domestic", "International")] == [True, True]


def test_a_chosen_profile_is_saved(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    form = browser.get(url("change", row.pk)).context["adminform"].form
    drawn = {name: form[name].value() for name in form.fields if form[name].value() is not None}
    (first, _) = ids(row.account)
    assert browser.post(url("change", row.pk), drawn | {FIELD: first}).status_code == 302
    assert remote_of(row)["outbound"]["outbound_voice_profile_id"] == first


def test_the_add_form_asks_for_the_profiles_of_the_chosen_account(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    page = browser.get(url("add")).content.decode()
    assert f'hx-get="{url("profiles")}"' in page
    assert "change from:[name=account]" in page
    assert b"Domestic" in browser.get(url("profiles"), {"account": row.account_id, FIELD: ""}).content
    assert browser.get(url("profiles"), {"account": "x"}).status_code == 404


def test_without_telnyx_the_field_stays_a_text(browser: Client, account: TelnyxAccount) -> None:
    field = browser.get(url("profiles"), {"account": account.pk, FIELD: '7"7'}).content.decode()
    assert f'<input type="text" name="{FIELD}" value="7&quot;7"' in field
    assert "could not be read from Telnyx" in field


def test_telnyx_is_asked_once_a_minute_and_account(browser: Client, mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored()
    other = make_account("other", sandbox.base_url, sandbox.public_key)

    def asked() -> int:
        return sum("outbound_voice_profiles" in line["path"] for line in requests(sandbox))

    for account in (row.account, row.account, other):
        browser.get(url("profiles"), {"account": account.pk})
    assert asked() == 2


def test_who_may_neither_add_nor_change_is_not_told(
    client: Client, user_with: Callable[..., User], mirrored: Any
) -> None:
    row = mirrored()
    client.force_login(user_with("applications.view_callcontrolapplication"))
    assert client.get(url("profiles"), {"account": row.account_id}).status_code == 403


def test_profiles_over_rest(
    api: APIClient, sandbox_account: TelnyxAccount, user_with: Callable[..., User], sandbox: Sandbox
) -> None:
    answer = api.get(REST, {"account": "sandbox"}).json()
    assert [one["name"] for one in answer["results"]] == ["Domestic", "International"]
    assert {one["id"] for one in answer["results"]} == set(ids(sandbox_account))
    assert answer["results"][0]["enabled"] is True
    assert api.get(REST, {"account": "nope"}).status_code == 400
    assert api_for(user_with(), "applications:read").get(REST).status_code == 403
    cache.clear()
    sandbox.faults.add({"fault": "status", "path": "/outbound_voice_profiles", "value": 429})
    assert api.get(REST).status_code == 503
