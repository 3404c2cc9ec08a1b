"""Applications are found by where they go, by whether a flow answers, and by whether something is wrong with them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from applications.kinds import Kind
from applications.models import NumbersReading
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
def test_applications_without_a_number_are_found_and_the_page_says_as_of_when(
    browser: Client, account: TelnyxAccount, rows: Any, kind: Kind
) -> None:
    rows(kind, {"bare": "", "older": "", "served": "", "unread": "", "gone": ""})
    at = datetime(2026, 5, 22, 5, 6, tzinfo=UTC)
    NumbersReading.objects.create(account=account, at=at)
    model = kind.model.objects  # type: ignore[attr-defined]
    model.filter(telnyx_id="id-bare").update(numbers_count=0, numbers_read_at=at + timedelta(hours=1))
    model.filter(telnyx_id="id-older").update(numbers_count=0, numbers_read_at=at - timedelta(days=3))
    model.filter(telnyx_id="id-served").update(numbers_count=3, numbers_read_at=at)
    model.filter(telnyx_id="id-gone").update(numbers_count=0, numbers_read_at=at, missing_since=at)
    assert listed(browser, kind, numbers="none") == {"bare", "older"}
    assert listed(browser, kind, numbers="some") == {"served"}
    assert listed(browser, kind, numbers="unknown") == {"unread"}
    assert listed(browser, kind, numbers="nonsense") == {"bare", "older", "served", "unread"}
    text = browser.get(page_url("changelist", kind=kind)).content.decode()
    assert "No number, as read at 2026-05-22 05:06 or later (2)" in text
    assert "With a number, as read at 2026-05-22 05:06 or later (1)" in text
    columns = {"column": ["name_shown", "numbers_shown"]}
    browser.post(page_url("columns", kind=kind), columns)
    text = browser.get(page_url("changelist", kind=kind)).content.decode()
    for count, time in ((0, "06:06"), (0, "05:06"), (3, "05:06")):
        assert f'title="As Telnyx listed them at 2026-05-22 {time}">{count}<' in text
    assert ">–<" in text.partition("Not read: there are too many, or nobody has pulled.")[2][:10]
    chip = browser.get(page_url("changelist", kind=kind), {"numbers": "none"}).content.decode()
    assert "Phone numbers: <b>No number, as read at 2026-05-22 05:06 or later</b>" in chip


@BOTH
def test_choices_count_what_is_at_telnyx_alone_as_the_list_does(
    browser: Client, account: TelnyxAccount, rows: Any, kind: Kind
) -> None:
    make_account("other")
    rows(kind, {"on": "", "off": "", "gone": ""})
    model = kind.model.objects  # type: ignore[attr-defined]
    model.filter(telnyx_id="id-on").update(active=True)
    model.filter(telnyx_id="id-off").update(active=False)
    model.filter(telnyx_id="id-gone").update(active=True, missing_since=datetime(2026, 5, 22, tzinfo=UTC))
    text = " ".join(browser.get(page_url("changelist", kind=kind)).content.decode().split())
    for words in (f"{account.name} (2)", "other (0)", "Yes (1)", "No (1)", "Not read yet (2)"):
        assert words in text


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
