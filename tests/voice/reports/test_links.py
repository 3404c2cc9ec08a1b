"""Each figure leads to a list with exactly its rows."""

import re
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from portal.models import TelnyxAccount
from portal.view_times import TimePreference
from tests.support.counted_beside import make_beside, make_dials
from tests.support.counted_calls import BEGIN, count_all, make_calls
from tests.support.factories import make_call
from voice.call_log import query
from voice.metrics import quarters
from voice.models import Call, CallCommand, RollUp
from voice.reports import links, report
from voice.reports.definitions.metric import Form
from voice.reports.figures import Scope
from voice.reports.windows import Window

pytestmark = pytest.mark.django_db
_DIALS = ("refused_dials", "unsent_dials")
WINDOW = Window(BEGIN + timedelta(minutes=45), BEGIN + timedelta(hours=2))
ADDRESS = "/admin/voice/reports/?from=2026-03-02T10:45&to=2026-03-02T12:00"


@pytest.fixture(autouse=True)
def _calls(account: TelnyxAccount) -> None:
    make_beside(account, make_calls(account, 300))
    make_dials(account, 200)
    count_all()


def rows_of(address: str, user: User) -> int:
    """How many rows the list at this address has."""
    path, text = urlsplit(address).path, parse_qs(urlsplit(address).query)["q"][0]
    assert path == "/admin/voice/call/"
    asked = query.read(text, user)
    assert not asked.wrong
    assert asked.text == text
    assert asked.shows_legs
    return asked.calls().count()


@pytest.mark.parametrize("scope", ["all", "account", "application", "number"])
def test_every_figure_leads_to_as_many_rows(account: TelnyxAccount, operator: User, scope: str) -> None:
    connection = next(one.connection_id for one in Call.objects.filter(account=account) if one.connection_id)
    told = {
        "all": Scope(),
        "account": Scope(account.pk),
        "application": Scope(account.pk, connection),
        "number": Scope(number="+13125550199"),
    }[scope]
    found = report.read(WINDOW, told, links.Links({account.pk: account.name}, may_name_numbers=True))
    counted = 0
    for _, figures in found.groups():
        for figure in figures:
            metric = figure.metric
            counts = found.total.of(metric.counted_as)
            if figure.url:
                counted += 1
                if figure.metric.name not in _DIALS:
                    assert rows_of(figure.url, operator) == counts.get(metric.of, 0), metric.name
            if figure.among_url:
                assert rows_of(figure.among_url, operator) == counts[metric.among], metric.name
            if metric.form == Form.COUNT and scope != "number" and metric.name not in _DIALS:
                assert figure.url, metric.name
    assert counted > (20 if scope == "number" else 40)


@pytest.mark.parametrize(
    ("number", "other"),
    [
        ("73022", "+1555573022"),
        ("13125550177", "+13125550177"),
        ("+13125550177", "13125550177"),
        ("ACME", "acme"),
        ("front desk", "front desk 2"),
        ("sip:desk@pbx.example", "sip:desk@pbx.example.org"),
        ("anonymous", "Anonymous"),
    ],
)
def test_the_figures_of_an_own_number_lead_to_its_calls_however_it_is_written(
    account: TelnyxAccount, operator: User, number: str, other: str
) -> None:
    begun = WINDOW.begin + timedelta(minutes=5)
    told: dict[str, Any] = {"started_at": begun, "answered_at": begun, "ended_at": begun + timedelta(seconds=20)}
    told |= {"state": "ended", "counted_as": "incoming", "counted_in": quarters.of_time(begun)}
    told |= {"ending": "hung_up", "ending_category": "completed", "ended_by": "caller"}
    for leg, to in enumerate((number, other, other)):
        make_call(account, str(leg), to_number=to, **told)
    quarters.mark({quarters.of_time(begun)})
    count_all()
    names = links.Links({account.pk: account.name}, may_name_numbers=True)
    found = report.read(WINDOW, Scope(number=number), names)
    figures = [one for _, several in found.groups() for one in several if one.url and one.metric.name not in _DIALS]
    counts = found.total.of("incoming")
    listed = {one.metric.name: rows_of(one.url, operator) for one in figures if one.metric.counted_as == "incoming"}
    assert listed == {one.metric.name: counts.get(one.metric.of, 0) for one in figures if one.metric.name in listed}
    assert max(listed.values()) == 1


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
def test_dials_of_which_no_call_came_lead_to_the_commands(account: TelnyxAccount, operator: User, zone: str) -> None:
    client = Client()
    client.force_login(operator)
    TimePreference.objects.create(user=operator, time_zone=zone)
    assert [one.url for one in report.read(WINDOW, Scope(), links.to_call_log(operator)).figures(_DIALS)] == ["", ""]
    CallCommand.objects.exclude(action="dial").delete()  # of two actions the list of commands cannot be asked for
    quarters.mark(RollUp.objects.values_list("quarter", flat=True))
    count_all()
    with timezone.override(ZoneInfo(zone)):
        for scope in (Scope(), Scope(account.pk)):
            found = report.read(WINDOW, scope, links.to_call_log(operator))
            for figure in found.figures(_DIALS):
                answer = client.get(figure.url)
                assert answer.status_code == 200, (figure.url, answer.headers)
                listed = answer.context["cl"].queryset
                assert f"{listed.count():,}" == figure.words != "0"
    narrowed = report.read(WINDOW, Scope(number="+13125550199"), links.to_call_log(operator))
    assert [figure.url for figure in narrowed.figures(_DIALS)] == ["", ""]


def test_who_may_not_see_commands_is_led_to_none(signed_in: Any) -> None:
    html = signed_in("voice.view_call").get(ADDRESS).content.decode()
    assert "Refused dials" in html
    assert "/admin/voice/callcommand/" not in html


def test_every_bar_ending_and_line_does(account: TelnyxAccount, operator: User) -> None:
    found = report.read(WINDOW, Scope(), links.Links({account.pk: account.name}, may_name_numbers=True))
    stacks = [stack for column in found.chart().columns for stack in column.stacks if stack["url"]]
    first, rest = found.endings(7)
    endings = [*first, *rest]
    assert (len(first), first) == (7, sorted(first, key=lambda one: -one["count"]))
    assert first[-1]["count"] >= max(one["count"] for one in rest)
    assert len(stacks) >= 5
    assert len(endings) >= 10
    for one in [*stacks, *endings]:
        assert rows_of(one["url"], operator) == one["count"] > 0
    lines, more = found.lines("application", operator)
    assert (len(lines), more) == (3, 0)
    for line in lines:
        for cell in line.cells:
            if cell.metric.form == Form.COUNT and cell.url and line.label != "None":
                assert rows_of(cell.url, operator) == int(cell.words.replace(",", ""))


@pytest.mark.parametrize("by", ["application", "flow"])
def test_a_line_of_no_application_leads_to_no_report(browser: Client, operator: User, by: str) -> None:
    found = report.read(WINDOW, Scope(), links.to_call_log(operator))
    (line,) = (one for one in found.lines(by, operator)[0] if one.label.endswith("None"))
    assert line.narrowed == {}
    html = browser.get(f"{ADDRESS}&by={by}").content.decode()
    assert f'<th scope="row">{line.label}</th>' in html
    assert html.count('<th scope="row"><a href="') == 2


def test_the_largest_endings_are_shown_and_one_line_opens_the_rest(
    browser: Client, account: TelnyxAccount, operator: User
) -> None:
    found = report.read(WINDOW, Scope(), links.Links({account.pk: account.name}, may_name_numbers=True))
    first, rest = found.endings()
    html = browser.get(ADDRESS).content.decode()
    shown, _, more = html.partition('<details class="portal-more-endings">')
    more = more.partition("</details>")[0]
    assert f">{len(rest)} more</summary>" in more
    assert [part.count('class="portal-ended"') for part in (shown, more)] == [len(first), len(rest)]
    assert len(first) == report.MOST_ENDINGS


def test_the_links_of_the_page_are_answered_by_the_list(browser: Client, operator: User) -> None:
    html = browser.get(f"{ADDRESS}&by=time").content.decode()
    found = {unescape(one) for one in re.findall(r'href="(/admin/voice/call/\?q=[^"]+)"', html)}
    assert len(found) > 40
    assert all(rows_of(one, operator) >= 0 for one in found)


def test_no_address_names_a_number_to_who_may_not_see_it(signed_in: Any) -> None:
    client = signed_in("voice.view_call")
    html = client.get(f"{ADDRESS}&by=number").content.decode()
    assert "•••0199" in html
    assert "5550199" not in html
    assert "%2B1312" not in html
    html = client.get(f"{ADDRESS}&number=%2B13125550199").content.decode()
    assert "you may not see whole numbers" in html
