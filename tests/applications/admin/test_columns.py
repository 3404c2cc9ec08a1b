"""The list is searched while somebody types, and a row of it is cloned."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from applications.addresses import is_address
from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.accounts import make_account
from tests.support.application_pages import drawn, listed, page_url
from tests.support.applications import CALL_CONTROL, TEXML, remote_of

KINDS = [CALL_CONTROL, TEXML]


def _row(account: TelnyxAccount, name: str, kind: Any = CALL_CONTROL, **columns: Any) -> Any:
    return kind.model.objects.create(
        account=account, telnyx_id=f"id-{name}"[:64], **{kind.model.name_field: name}, **columns
    )


# search


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_ten_thousand_are_searched_in_as_many_queries_as_ten(
    browser: Client, account: TelnyxAccount, kind: Any
) -> None:
    def queries(word: str, found: int) -> int:
        with CaptureQueriesContext(connection) as told:
            assert len(listed(browser, kind, q=word)) == found
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
    page = browser.get(page_url("changelist", kind=kind), {"active__exact": "1"}).content.decode()
    assert 'hx-trigger="input changed delay:250ms from:#searchbar"' in page
    assert f'hx-get="{page_url("changelist", kind=kind)}"' in page
    with_them = re.search(r'hx-select-oob="([^"]+)"', page)
    assert with_them is not None
    beside = {"portal-pages", "portal-kept", "portal-active-filters", "portal-exports", "portal-preserved"}
    assert {target.removeprefix("#") for target in with_them[1].split(",")} == {*beside, "portal-columns-query"}
    for target in ("portal-results", *beside, "portal-columns-query"):
        assert page.count(f'id="{target}"') == 1
    assert 'method="get" role="search"' in page


# clone


@pytest.mark.usefixtures("only_account")
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
    url = f"{page_url('add', kind=kind)}?clone={row.pk}"
    assert f'href="{url}"' in browser.get(page_url("change", row.pk, kind=kind)).content.decode()
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


@pytest.mark.usefixtures("only_account")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_a_clone_at_another_account_tells_its_calls_to_that_account(
    browser: Client, mirrored: Any, sandbox_account: TelnyxAccount, sandbox: Sandbox, kind: Any
) -> None:
    other = make_account(name="another", base_url=sandbox.base_url)
    here, there = f"/webhooks/{sandbox_account.webhook_token}/", f"/webhooks/{other.webhook_token}/"
    names = [name for name in kind.settable_flat() if is_address(name)]
    url = f"{page_url('add', kind=kind)}?clone={mirrored(kind, **{n: f'https://a.example{here}{n}' for n in names}).pk}"
    values, typed = drawn(browser, url), f"https://typed.example{here}"
    answer = browser.post(url, values | {"account": str(other.pk), names[-1]: typed})
    assert answer.status_code == 302
    made = remote_of(kind.model.objects.get(account=other), kind)
    expected = {name: f"https://a.example{there}{name}" for name in names} | {names[-1]: typed}
    assert {name: made[name] for name in names} == expected


@pytest.mark.usefixtures("only_account")
def test_a_clone_needs_the_right_to_add_and_a_row_that_is_there(client: Client, user_with: Any, mirrored: Any) -> None:
    row = mirrored(name="secret")
    add = f"{page_url('add')}?clone={row.pk}"
    client.force_login(user_with(CALL_CONTROL.permission("view"), username="viewer"))
    assert client.get(add).status_code == 403
    assert "?clone=" not in client.get(page_url("change", row.pk)).content.decode()
    client.force_login(user_with(CALL_CONTROL.permission("add"), username="adder"))
    assert b"secret" not in client.get(add).content
    both = [CALL_CONTROL.permission(verb) for verb in ("add", "view")]
    client.force_login(user_with(*both, username="both"))
    assert b'value="secret copy"' in client.get(add).content
    assert "?clone=" in client.get(page_url("change", row.pk)).content.decode()
    for nobody in ("nonsense", "00000000-0000-0000-0000-000000000000"):
        assert client.get(f"{page_url('add')}?clone={nobody}").status_code == 200
    assert CallControlApplication.objects.count() == 1
