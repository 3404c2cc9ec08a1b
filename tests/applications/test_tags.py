"""A tag is found whole."""

import json
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from applications.tags import tags_of
from portal.models import TelnyxAccount
from tests.support.application_pages import listed, page_url
from tests.support.applications import CALL_CONTROL, TEXML

KINDS = [CALL_CONTROL, TEXML]


def _row(account: TelnyxAccount, name: str, kind: Any = CALL_CONTROL, **columns: Any) -> Any:
    return kind.model.objects.create(
        account=account, telnyx_id=f"id-{name}"[:64], **{kind.model.name_field: name}, **columns
    )


ODD = ['say "hi"', 'a"b', "50%", "a_b", "Größe", "back\\slash", "A"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_a_tag_is_found_whole_and_exactly(browser: Client, api: APIClient, account: TelnyxAccount, kind: Any) -> None:
    _row(account, "plain", kind, tags=["a", "ab"])
    _row(account, "other", kind, tags=["ab", "a b"])
    _row(account, "odd", kind, tags=ODD)
    _row(account, "none", kind)
    assert listed(browser, kind, tag="a") == {"plain"}
    assert listed(browser, kind, tag="ab") == {"plain", "other"}
    for tag in ODD:
        assert listed(browser, kind, tag=tag) == {"odd"}
        results = api.get(f"/api/v1/{kind.slug}/", {"tag": tag}).json()["results"]
        assert [one["id"] for one in results] == ["id-odd"]
    for part in ("hi", "b", ", ", "ouml", '"', "slash"):
        assert listed(browser, kind, tag=part) == set(), part
    assert listed(browser, kind, tag="nobody") == set()
    assert tags_of(kind.model.objects.all()) == sorted({"a", "ab", "a b", *ODD}, key=str.casefold)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_a_tag_that_nobody_has_is_asked_for_all_the_same(browser: Client, account: TelnyxAccount, kind: Any) -> None:
    _row(account, "none", kind)
    assert listed(browser, kind, tag="support") == set()
    exported = browser.get(page_url("export", "json", kind=kind), {"tag": "support"})
    assert json.loads(exported.getvalue()) == []
    assert "By tag" not in browser.get(page_url("changelist", kind=kind)).content.decode()
