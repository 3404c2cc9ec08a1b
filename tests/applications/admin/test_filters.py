"""Applications are found by where they go, by whether a flow answers, and by whether something is wrong with them."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from applications.kinds import Kind
from applications.notices import warnings_for
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.application_pages import listed, page_url
from tests.support.applications import CALL_CONTROL, TEXML
from tests.support.factories import make_flow

BOTH = pytest.mark.parametrize("kind", [CALL_CONTROL, TEXML], ids=lambda kind: kind.slug)
URLS = {
    "plain": "https://a.example/x",
    "bare": "https://a.example",
    "asking": "http://a.example?x=1",
    "secret": "https://me:pw@a.example/x",
    "port": "https://a.example:8443/x",
    "longer": "https://a.example.org/x",
    "path": "https://b.example/@a.example/",
    "none": "",
    "broken": "https://[",
}


@pytest.fixture
def rows(account: TelnyxAccount) -> Any:
    def make(kind: Kind, urls: dict[str, str]) -> None:
        for name, url in urls.items():
            told = {kind.model.name_field: name, kind.model.url_field: url}
            kind.model.objects.create(account=account, telnyx_id=f"id-{name}", **told)

    return make


@BOTH
def test_each_host_finds_what_goes_there_and_nothing_else(browser: Client, rows: Any, kind: Kind) -> None:
    rows(kind, URLS)
    assert listed(browser, kind, host="a.example") == {"plain", "bare", "asking", "secret"}
    assert listed(browser, kind, host="a.example:8443") == {"port"}
    assert listed(browser, kind, host="b.example") == {"path"}
    assert listed(browser, kind, host="-") == {"none"}
    assert listed(browser, kind, host="c.example") == set()
    page = browser.get(page_url("changelist", kind=kind), {"host": "a.example"}).content.decode()
    assert "Goes to: <b>a.example</b>" in page  # the chip
    for host in ("a.example", "a.example:8443", "a.example.org", "b.example"):
        assert f'<option value="{host}"' in page


@BOTH
@pytest.mark.parametrize("base_url", ["https://api.telnyx.com/v2", "http://127.0.0.1:1/v2"])
def test_the_filter_of_warnings_says_of_each_what_its_line_says(browser: Client, kind: Kind, base_url: str) -> None:
    account = make_account("filtered", base_url=base_url)
    url, model = kind.model.url_field, kind.model
    told: list[dict[str, Any]] = [
        {url: account.webhook_url},
        {url: "https://a.example/x"},
        {url: "http://localhost/x"},
        {url: "http://10.0.0.1/x"},
        {url: ""},
    ]
    if kind is CALL_CONTROL:
        told = [one | {"webhook_api_version": version} for one in told for version in ("2", "1", "")]
        told += [{url: account.webhook_url, "webhook_api_version": "2", "webhook_event_failover_url": "http://x.lan/"}]
    else:
        told += [{url: "https://a.example/x", "status_callback": "http://127.0.0.1/"}]
    for at, columns in enumerate(told):
        model.objects.create(account=account, telnyx_id=f"w{at}", **{model.name_field: f"w{at}"}, **columns)
    every = {
        row.name: bool(warnings_for(row)) for row in model.objects.select_related("account").filter(account=account)
    }
    with_warning, without = (listed(browser, kind, warnings=word) & every.keys() for word in ("yes", "no"))
    assert with_warning == {name for name, warned in every.items() if warned}
    assert without == every.keys() - with_warning
    assert without or kind is CALL_CONTROL


def test_an_application_without_a_flow_is_found(browser: Client, client: Client, user_with: Any, rows: Any) -> None:
    rows(CALL_CONTROL, {"answers": "", "silent": "", "off": ""})
    account = TelnyxAccount.objects.get(name="main")
    make_flow(account, connection_id="id-answers", name="one")
    make_flow(account, connection_id="id-off", name="two", active=False)
    make_flow(make_account("other"), connection_id="id-silent", name="three")
    assert listed(browser, flow="none") == {"silent", "off"}
    assert listed(browser, flow="active") == {"answers"}
    assert listed(browser, flow="nonsense") == {"answers", "silent", "off"}
    client.force_login(user_with(CALL_CONTROL.permission("view")))
    page = client.get(page_url("changelist"), {"flow": "none"})
    assert "No active flow" not in page.content.decode()
    assert len(page.context["cl"].result_list) == 3


@BOTH
def test_filters_cost_as_many_statements_for_many(browser: Client, rows: Any, kind: Kind) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            listed(browser, kind, host="a.example", warnings="yes")
        return len(asked)

    rows(kind, URLS)
    few = statements()
    rows(kind, {f"x{at}": f"https://a.example/{at}" for at in range(60)})
    assert statements() == few
