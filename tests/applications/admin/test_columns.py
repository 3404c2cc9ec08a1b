"""The list: tags, filters kept under a name, search while typing, cloning."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from applications.models import CallControlApplication
from applications.tags import tags_of
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.saved_filters import SavedFilter
from tests.support.accounts import make_account
from tests.support.applications import CALL_CONTROL, TEXML, remote_of

KINDS = [CALL_CONTROL, TEXML]


def _url(name: str, *args: Any, kind: Any = CALL_CONTROL) -> str:
    return reverse(f"admin:applications_{kind.model._meta.model_name}_{name}", args=args)


def _row(account: TelnyxAccount, name: str, kind: Any = CALL_CONTROL, **columns: Any) -> Any:
    return kind.model.objects.create(
        account=account, telnyx_id=f"id-{name}"[:64], **{kind.model.name_field: name}, **columns
    )


def _found(browser: Client, kind: Any = CALL_CONTROL, **query: str) -> set[str]:
    return {row.name for row in browser.get(_url("changelist", kind=kind), query).context["cl"].result_list}


# tags

ODD = ['say "hi"', "50%", "a_b", "Größe", "back\\slash", "A"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_a_tag_is_found_whole_and_exactly(browser: Client, api: APIClient, account: TelnyxAccount, kind: Any) -> None:
    _row(account, "plain", kind, tags=["a", "ab"])
    _row(account, "other", kind, tags=["ab", "a b"])
    _row(account, "odd", kind, tags=ODD)
    _row(account, "none", kind)
    assert _found(browser, kind, tag="a") == {"plain"}
    assert _found(browser, kind, tag="ab") == {"plain", "other"}
    for tag in ODD:
        assert _found(browser, kind, tag=tag) == {"odd"}
        results = api.get(f"/api/v1/{kind.slug}/", {"tag": tag}).json()["results"]
        assert [one["id"] for one in results] == ["id-odd"]
    assert _found(browser, kind, tag="nobody") == set()
    assert tags_of(kind.model.objects.all()) == sorted({"a", "ab", "a b", *ODD}, key=str.casefold)


# filters kept under a name


def test_a_filter_is_kept_and_shown_to_its_owner_only_unless_shared(
    client: Client, user_with: Any, account: TelnyxAccount
) -> None:
    ada, bob = (user_with(CALL_CONTROL.permission("view"), username=name) for name in ("ada", "bob"))
    client.force_login(ada)
    for name, more in (("mine", {}), ("ours", {"shared": "on"})):
        answer = client.post(_url("keep_filter"), {"name": name, "query": "active__exact=1&p=3&q=&tag=a b", **more})
        assert answer["Location"] == f"{_url('changelist')}?active__exact=1&tag=a+b"
    assert [(row.name, row.query, row.shared) for row in SavedFilter.objects.all()] == [
        ("mine", "active__exact=1&tag=a+b", False),
        ("ours", "active__exact=1&tag=a+b", True),
    ]
    page = client.get(_url("changelist")).content.decode()
    assert "?active__exact=1&amp;tag=a+b" in page
    assert ">mine<" in page
    client.force_login(bob)
    page = client.get(_url("changelist")).content.decode()
    assert ">mine<" not in page
    assert "Shared by ada" in page
    for row in SavedFilter.objects.all():
        client.post(_url("drop_filter", row.pk))
    assert SavedFilter.objects.count() == 2
    client.force_login(ada)
    client.post(_url("drop_filter", SavedFilter.objects.get(name="mine").pk))
    assert [row.name for row in SavedFilter.objects.all()] == ["ours"]
    assert client.get(_url("drop_filter", SavedFilter.objects.get().pk)).status_code == 403
    for nobody in ("nonsense", "9" * 40):
        assert client.post(_url("drop_filter", nobody)).status_code == 302


def test_a_filter_belongs_to_its_list_and_one_of_the_same_name_is_replaced(
    browser: Client, account: TelnyxAccount
) -> None:
    for query in ("q=one", "q=two"):
        browser.post(_url("keep_filter"), {"name": "x", "query": query})
    row = SavedFilter.objects.get()
    assert row.query == "q=two"
    assert "q=two" not in browser.get(_url("changelist", kind=TEXML)).content.decode()
    browser.post(_url("drop_filter", row.pk, kind=TEXML))
    assert SavedFilter.objects.exists()


@pytest.mark.parametrize("body", [{"name": "", "query": "q=1"}, {"name": "x" * 61, "query": "q=1"}, {"name": "x"}])
def test_a_filter_without_a_name_or_anything_filtered_is_refused(
    browser: Client, account: TelnyxAccount, body: dict[str, str]
) -> None:
    browser.post(_url("keep_filter"), body)
    assert not SavedFilter.objects.exists()


def test_keeping_a_filter_needs_the_right_to_see_the_list(client: Client, user_with: Any, account: Any) -> None:
    client.force_login(user_with(TEXML.permission("view")))
    assert client.post(_url("keep_filter"), {"name": "x", "query": "q=1"}).status_code == 403
    assert client.get(_url("keep_filter", kind=TEXML)).status_code == 403


# search


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_ten_thousand_are_searched_in_as_many_queries_as_ten(
    browser: Client, account: TelnyxAccount, kind: Any
) -> None:
    def queries(word: str, found: int) -> int:
        with CaptureQueriesContext(connection) as told:
            assert len(_found(browser, kind, q=word)) == found
        return len(told)

    _row(account, "the needle", kind, tags=["a"])
    _fill(account, kind, 10)
    few = queries("needle", 1), queries("straw", 10)
    _fill(account, kind, 10_000)
    assert (queries("needle", 1), queries("straw", 100)) == few


def _fill(account: TelnyxAccount, kind: Any, count: int) -> None:
    names = ({kind.model.name_field: f"straw {count}-{at}", "telnyx_id": f"{count}-{at}"} for at in range(count))
    kind.model.objects.bulk_create(
        [kind.model(account=account, tags=[f"t{at % 7}"], **one) for at, one in enumerate(names)]
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_the_list_asks_again_while_somebody_types_and_is_a_plain_form_too(
    browser: Client, account: TelnyxAccount, kind: Any
) -> None:
    page = browser.get(_url("changelist", kind=kind), {"active__exact": "1"}).content.decode()
    assert 'hx-trigger="input changed delay:250ms from:#searchbar"' in page
    assert f'hx-get="{_url("changelist", kind=kind)}"' in page
    for target in ("portal-results", "portal-pages", "portal-kept"):
        assert page.count(f'id="{target}"') == 1
    assert 'method="get" role="search"' in page


# clone


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_a_clone_begins_with_every_setting_under_another_name(
    browser: Client, mirrored: Any, sandbox: Sandbox, kind: Any
) -> None:
    row = mirrored(
        kind,
        dtmf_type="Inband",
        active=False,
        inbound={"channel_limit": 4, "sip_subdomain": "sub"},
        **{kind.model.url_field: "https://elsewhere.example/x"},
    )
    make_account(name="another")
    odd = row.remote | {"anchorsite_override": "Montreal, Canada"}
    kind.model.objects.filter(pk=row.pk).update(remote=odd)
    url = f"{_url('add', kind=kind)}?clone={row.pk}"
    assert f'href="{url}"' in browser.get(_url("change", row.pk, kind=kind)).content.decode()
    form = browser.get(url).context["adminform"].form
    drawn = {name: str(form[name].value()) for name in form.fields if form[name].value() is not None}
    assert drawn["account"] == str(row.account_id)
    assert drawn["anchorsite_override"] == "Montreal, Canada"
    answer = browser.post(url, drawn | {"anchorsite_override": "Latency", "inbound.sip_subdomain": "sub2"})
    assert answer.status_code == 302
    made = remote_of(kind.model.objects.exclude(pk=row.pk).get(), kind)
    own = {"id", "created_at", "updated_at", kind.model.name_field, "inbound"}
    assert {name: made[name] for name in made if name not in own} == {
        name: value for name, value in row.remote.items() if name not in own
    }
    assert made[kind.model.name_field] == "router copy"
    assert made["inbound"] == row.remote["inbound"] | {"sip_subdomain": "sub2"}


def test_a_clone_needs_the_right_to_add_and_a_row_that_is_there(client: Client, user_with: Any, mirrored: Any) -> None:
    row = mirrored(name="secret")
    add = f"{_url('add')}?clone={row.pk}"
    client.force_login(user_with(CALL_CONTROL.permission("view"), username="viewer"))
    assert client.get(add).status_code == 403
    assert "?clone=" not in client.get(_url("change", row.pk)).content.decode()
    client.force_login(user_with(CALL_CONTROL.permission("add"), username="adder"))
    assert b"secret" not in client.get(add).content
    for nobody in ("nonsense", "00000000-0000-0000-0000-000000000000"):
        assert client.get(f"{_url('add')}?clone={nobody}").status_code == 200
    assert CallControlApplication.objects.count() == 1
