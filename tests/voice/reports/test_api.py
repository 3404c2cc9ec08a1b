"""Reports over REST: the figures of the page as numbers, by what, for whom, and what cannot be asked."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from tests.support.counted_calls import BEGIN, count_all, make_calls
from tests.support.factories import make_flow
from tests.support.rest import api_for, problem
from voice.models import Call
from voice.reports import links, report, windows
from voice.reports.figures import Scope

pytestmark = pytest.mark.django_db
REPORTS = "/api/v1/reports/"
DAY = {"from": "2026-03-02", "to": "2026-03-02"}


def test_it_tells_the_figures_of_the_page_with_their_definitions(
    api: APIClient, account: TelnyxAccount, operator: Any
) -> None:
    make_calls(account, 200)
    count_all()
    told = api.get(REPORTS, DAY).json()
    assert told["window"] == {"begin": "2026-03-02T00:00:00.000000Z", "end": "2026-03-03T00:00:00.000000Z"}
    assert told["before"]["begin"] == "2026-03-01T00:00:00.000000Z"
    window = windows.read(DAY, BEGIN)
    page = report.read(window, Scope(), links.to_call_log(operator)).figures()
    assert [one["name"] for one in told["figures"]] == [one.metric.name for one in page]
    for one, same in zip(told["figures"], page, strict=True):
        assert (one["value"], one["before"]) == (same.value, same.was), one["name"]
        assert (one["definition"], bool(one["link"])) == (same.metric.definition, bool(same.url))
    by_name = {one["name"]: one for one in told["figures"]}
    calls = {kind: by_name[name]["value"] for kind, name in (("incoming", "incoming"), ("outgoing", "attempts"))}
    assert all(calls.values())
    for kind, count in calls.items():
        assert sum(one["count"] for one in told["endings"] if one["counted_as"] == kind) == count
    assert set(told["freshness"]) == {"alive", "unjudged", "stale"}


def test_the_window_before_is_beside_it(api: APIClient, account: TelnyxAccount) -> None:
    make_calls(account, 100)
    count_all()
    told = api.get(REPORTS, {"from": "2026-03-03", "to": "2026-03-03"}).json()
    incoming = told["figures"][0]
    assert (incoming["name"], incoming["value"], incoming["before"] > 0) == ("incoming", 0.0, True)


@pytest.mark.parametrize("by", report.DIVISIONS)
def test_its_lines_add_up_in_as_many_statements_for_many_calls_as_for_few(
    api: APIClient, account: TelnyxAccount, by: str
) -> None:
    make_flow(account)
    statements = []
    for count in (40, 300):
        make_calls(account, count, seed=count)
        count_all()
        with CaptureQueriesContext(connection) as asked:
            told = api.get(REPORTS, {**DAY, "by": by}).json()
        statements.append(len(asked))
        assert (told["by"], told["more_lines"], bool(told["lines"])) == (by, 0, True)
        total = next(one["value"] for one in told["figures"] if one["name"] == "attempts")
        added = sum(line["figures"]["attempts"] for line in told["lines"])
        assert added <= total if by == "number" else added == total  # of a hidden number there is no line
    assert statements[1] <= statements[0]


def test_a_line_says_what_narrows_a_report_to_it(api: APIClient, account: TelnyxAccount) -> None:
    make_calls(account, 120)
    count_all()
    for by, names in (("application", ("account", "connection_id")), ("number", ("account", "number"))):
        line = next(one for one in api.get(REPORTS, {**DAY, "by": by}).json()["lines"] if one[names[1]])
        narrowed = api.get(REPORTS, {**DAY, **{name: line[name] for name in names}}).json()
        assert {one["name"]: one["value"] for one in narrowed["figures"]}.items() >= line["figures"].items()
    hour = api.get(REPORTS, DAY).json()["lines"][13]
    narrowed = api.get(REPORTS, {"from": hour["begin"], "to": hour["end"]}).json()
    assert {one["name"]: one["value"] for one in narrowed["figures"]}.items() >= hour["figures"].items()


@pytest.mark.parametrize(
    ("line", "typed"),
    [
        ("sip:desk-1@acme.example.com", "sip:desk-1@acme.example.com"),
        ("sips:a_b.c@[2001:db8::1]", " sips:a_b.c@[2001:db8::1] "),
        ("+13125550177", "+1 (312) 555-0177"),
    ],
)
def test_a_report_of_one_line_has_its_calls_however_it_is_written(
    api: APIClient, browser: Client, account: TelnyxAccount, line: str, typed: str
) -> None:
    rows = make_calls(account, 60)
    Call.objects.filter(pk__in=[row.pk for row in rows], direction="incoming").update(to_number=line)
    count_all()
    (whole,) = (one for one in api.get(REPORTS, {**DAY, "by": "number"}).json()["lines"] if one["number"] == line)
    assert any(whole["figures"].values())
    narrowed = {one["name"]: one["value"] for one in api.get(REPORTS, {**DAY, "number": typed}).json()["figures"]}
    assert narrowed.items() >= whole["figures"].items()
    page = browser.get("/admin/voice/reports/", {**DAY, "number": typed})
    assert page.context["scope"].number == line


def test_numbers_flows_and_reports_are_for_who_may_see_them(user_with: Any, account: TelnyxAccount) -> None:
    make_calls(account, 60)
    count_all()
    api = api_for(user_with("voice.view_call"))
    told = api.get(REPORTS, {**DAY, "by": "number"})
    assert "+1312•••0199" in {line["number"] for line in told.json()["lines"]}
    assert "5550199" not in told.content.decode().replace("-", "")
    problem(api.get(REPORTS, {**DAY, "number": "+13125550199"}), 403)
    problem(api.get(REPORTS, {**DAY, "by": "flow"}), 403)
    problem(api_for(user_with("voice.view_recording", username="b")).get(REPORTS), 403)
    problem(api_for(user_with("voice.view_call", username="c"), "calls:read").get(REPORTS), 403)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"window": "1y"}, "window"),
        ({"window": "24h", "from": "2026-03-02"}, "window"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-03-02", "to": "2026-03-01"}, "from"),
        ({"from": "2025-01-01", "to": "2026-01-01"}, "from"),
        ({"to": "0001-01-01"}, "to"),
        ({"account": "nobody"}, "account"),
        ({"by": "caller"}, "by"),
        ({"connection_id": "1" * 65}, "connection_id"),
        ({"app": "1"}, "app"),
    ],
)
def test_what_cannot_be_asked_is_told_by_name(
    api: APIClient, account: TelnyxAccount, asked: dict[str, str], field: str
) -> None:
    assert list(problem(api.get(REPORTS, asked), 400)["errors"]) == [field]
