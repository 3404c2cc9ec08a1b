"""The page of the reports: who may see it, what may be asked, and what it says to what may not."""

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from tests.support.counted_calls import BEGIN, count_all, make_calls
from tests.support.factories import CONNECTION, make_call, make_flow
from voice.metrics import quarters
from voice.reports import report
from voice.reports.definitions.catalogue import GENERAL, METRICS
from voice.reports.windows import PRESETS

pytestmark = pytest.mark.django_db
DAY = "/admin/voice/reports/?from=2026-03-02&to=2026-03-02"


def test_it_takes_the_permission_to_see_calls(signed_in: Any) -> None:
    assert signed_in().get(DAY).status_code == 403
    assert signed_in("voice.view_call", username="support").get(DAY).status_code == 200


def test_it_tells_each_figure_with_its_definition(browser: Client, account: TelnyxAccount) -> None:
    make_calls(account, 200)
    count_all()
    html = unescape(browser.get(DAY).content.decode())
    for metric in METRICS:
        assert html.count(metric.definition) >= 2, metric.name  # where it stands, and in the list below
    assert GENERAL in html
    assert "No call that is over began in this time" not in html


@pytest.mark.parametrize(
    ("cost", "seconds", "words"),
    [
        ("0.0045", 12, {"cost_usd": "0.0045", "price_usd": "0.0225", "minutes": "< 1"}),
        ("0.000004", 60, {"cost_usd": "< 0.0001", "price_usd": "< 0.0001", "minutes": "1"}),
        ("0", 0, {"cost_usd": "0.00", "price_usd": "–", "minutes": "0"}),
        ("1234.5", 600, {"cost_usd": "1,234.50", "price_usd": "123.4500", "minutes": "10"}),
    ],
)
def test_what_is_not_nothing_is_not_rounded_to_it(
    browser: Client, account: TelnyxAccount, cost: str, seconds: int, words: dict[str, str]
) -> None:
    told: dict[str, Any] = {"counted_as": "incoming", "counted_in": BEGIN, "cost": cost, "currency": "USD"}
    told |= {"state": "ended", "ending": "hung_up", "ending_category": "completed", "ended_by": "caller"}
    ended = BEGIN + timedelta(seconds=seconds)
    make_call(account, started_at=BEGIN, answered_at=BEGIN, ended_at=ended, **told)
    quarters.mark([BEGIN])
    count_all()
    shown = {one.metric.name: one.words for _, figures in browser.get(DAY).context["groups"] for one in figures}
    assert {name: shown[name] for name in words} == words


@pytest.mark.parametrize("by", report.DIVISIONS)
def test_each_table_is_drawn_in_as_many_statements_for_many_calls_as_for_few(
    browser: Client, account: TelnyxAccount, by: str
) -> None:
    make_flow(account)
    numbers = []
    for count in (40, 300):
        make_calls(account, count, seed=count)
        count_all()
        with CaptureQueriesContext(connection) as asked:
            answer = browser.get(f"{DAY}&by={by}")
        assert answer.status_code == 200
        numbers.append(len(asked))
    assert numbers[1] <= numbers[0]  # the first look of a person is noted in the audit trail


def test_flows_are_for_who_may_see_them(signed_in: Any, account: TelnyxAccount) -> None:
    make_flow(account, name="night-shift")
    make_calls(account, 50)
    count_all()
    assert "night-shift" in signed_in("voice.view_call", "voice.view_flow").get(f"{DAY}&by=flow").content.decode()
    html = signed_in("voice.view_call", username="b").get(f"{DAY}&by=flow").content.decode()
    assert "night-shift" not in html
    assert "there is no such table" in html


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("window=fortnight", "window: there is none of this name"),
        ("from=yesterday", "from: give a day as"),
        ("from=2026-03-02T10:00&to=2026-03-02T09:00", "from: the window has to begin before it ends"),
        ("from=2025-03-02&to=2026-03-02", "from: a window has at most"),
        ("account=nobody", "account: there is none of this name"),
        ("by=moon", "by: there is no such table"),
        ("from=0001-01-01", "from:"),
        ("to=9999-12-31", "to:"),
    ],
)
def test_what_cannot_be_read_is_said_by_name(browser: Client, asked: str, said: str) -> None:
    answer = browser.get(f"/admin/voice/reports/?{asked}")
    assert answer.status_code == 200
    assert said in answer.content.decode()


@pytest.mark.parametrize("window", PRESETS)
def test_there_is_a_report_without_any_call(browser: Client, window: str) -> None:
    html = browser.get(f"/admin/voice/reports/?window={window}").content.decode()
    assert "No call that is over began in this time" in html or "0" in html


@pytest.mark.alone
def test_a_running_call_is_in_no_figure_and_it_says_so(browser: Client, account: TelnyxAccount) -> None:
    make_call(account)
    assert "1 on the line and in no figure yet" in browser.get("/admin/voice/reports/").content.decode()


def test_a_report_of_an_application_that_is_gone_says_whose_it_is(browser: Client, account: TelnyxAccount) -> None:
    told = {"telnyx_id": CONNECTION, "application_name": "night desk", "missing_since": BEGIN}
    CallControlApplication.objects.create(account=account, **told)
    html = browser.get(f"{DAY}&app={CONNECTION}").content.decode()
    assert f'<option value="{CONNECTION}" selected>night desk</option>' in html
    assert '<option value="77" selected>77</option>' in browser.get(f"{DAY}&app=77").content.decode()


def test_applications_too_many_to_choose_from_are_told(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.reports.admin._MOST_APPLICATIONS", 2)
    for telnyx_id, name, is_cut in ("1", "desk", False), ("2", "line", False), ("3", "office", True):
        CallControlApplication.objects.create(account=account, telnyx_id=telnyx_id, application_name=name)
        html = browser.get(DAY).content.decode()
        assert ("Only the first 2 applications" in html) == is_cut, name
    assert (">line</option>" in html, ">office</option>" in html) == (True, False)
    assert '<option value="3" selected>office</option>' in browser.get(f"{DAY}&app=3").content.decode()


def test_a_line_too_many_is_told(browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MOST_LINES", 2)
    make_calls(account, 100)
    count_all()
    assert "1 more are not shown" in browser.get(f"{DAY}&by=application").content.decode()


def test_the_window_before_stands_beside(browser: Client, account: TelnyxAccount, operator: User) -> None:
    make_calls(account, 100, hours=1)
    count_all()
    begin = BEGIN + timedelta(hours=1)
    html = browser.get(f"/admin/voice/reports/?from={begin:%Y-%m-%dT%H:%M}&to=2026-03-02T12:00").content.decode()
    assert "before: 0" not in html.split("Incoming calls", 1)[1][:900]
