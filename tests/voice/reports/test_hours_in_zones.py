"""Hours of a report lead to themselves in every zone, on days that have one twice as on others."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client

from portal.models import AuditEvent, TelnyxAccount
from portal.view_times import TimePreference
from tests.support.counted_calls import count_all
from voice.models import CallCommand

pytestmark = pytest.mark.django_db
PAGE = "/admin/voice/reports/"
ZONES = [
    ("Europe/Berlin", "2026-10-25", 25),
    ("Europe/Berlin", "2026-03-29", 23),
    ("America/Santiago", "2026-04-04", 25),
    ("America/Santiago", "2026-09-06", 23),
    ("Asia/Tokyo", "2026-10-25", 24),
]


def hours_of(browser: Client, address: str) -> list[str]:
    """Where the lines of a report lead, the last hour first."""
    page = browser.get(address)
    assert "has to begin before it ends" not in page.content.decode()
    return [address for _, address in page.context["lines"]]


@pytest.mark.parametrize(("zone", "day", "hours"), ZONES)
def test_each_hour_leads_to_the_report_of_that_hour(
    browser: Client, operator: User, account: TelnyxAccount, zone: str, day: str, hours: int
) -> None:
    TimePreference.objects.create(user=operator, time_zone=zone)
    found = [browser.get(f"{PAGE}{one}").context["report"] for one in hours_of(browser, f"{PAGE}?from={day}&to={day}")]
    begins = [one.window.begin for one in found]
    assert begins == [begins[-1] + timedelta(hours=at) for at in reversed(range(hours))]
    assert {one.window.end - one.window.begin for one in found} == {timedelta(hours=1)}


@pytest.mark.parametrize(("zone", "day", "hours"), ZONES)
def test_the_refused_dials_of_each_hour_are_those_that_it_counts(
    browser: Client, operator: User, account: TelnyxAccount, zone: str, day: str, hours: int
) -> None:
    TimePreference.objects.create(user=operator, time_zone=zone)
    begin = browser.get(f"{PAGE}?from={day}&to={day}").context["report"].window.begin
    for hour in range(hours):
        for at in range(hour % 3 + 1):
            when = begin + timedelta(hours=hour, minutes=at)
            CallCommand.objects.create(
                account=account,
                action="dial",
                status="refused",
                intent_key=f"{hour}.{at}",
                created_at=when,
                expires_at=when,
            )
    count_all()
    counted = []
    for address in hours_of(browser, f"{PAGE}?from={day}&to={day}"):
        page = browser.get(f"{PAGE}{address}").content.decode()
        links = {unescape(one) for one in re.findall(r'href="(/admin/voice/callcommand/\?[^"]+)"', page)}
        (link,) = {one for one in links if parse_qs(urlsplit(one).query)["status__exact"] == ["refused"]}
        counted.append(browser.get(link).context["cl"].queryset.count())
    assert counted == [hour % 3 + 1 for hour in reversed(range(hours))]


def test_the_trail_has_the_window_of_a_file_in_utc(browser: Client, operator: User, account: TelnyxAccount) -> None:
    TimePreference.objects.create(user=operator, time_zone="Asia/Tokyo")
    assert browser.get(f"{PAGE}?from=2026-06-01&to=2026-06-01&format=csv").status_code == 200
    window = AuditEvent.objects.get(action="report.export").details["window"]
    assert window == "2026-05-31 15:00 – 2026-06-01 15:00 UTC"
