"""Times of a search are those of whoever looks, and a stretch of time ends before what begins with its end."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.factories import make_call
from voice.call_log import query

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def log(account: TelnyxAccount) -> None:
    make_call(account, "a", started_at=NOW - timedelta(hours=1))
    make_call(account, "b", started_at=NOW - timedelta(hours=1))
    make_call(account, "c", started_at=NOW - timedelta(days=2, seconds=2))


def found(text: str, user: User, account: TelnyxAccount) -> str:
    calls = query.read(text, user, now=NOW).calls().filter(account=account)
    return "".join(sorted(call.call_control_id[3] for call in calls))


def test_days_are_those_of_whoever_looks(operator: User, account: TelnyxAccount) -> None:
    with timezone.override("Pacific/Auckland"):  # 01:00 on the 29th
        assert found("day:today", operator, account) == "ab"
        assert found("day:2026-11-28", operator, account) == ""
    with timezone.override("America/Los_Angeles"):
        assert found("day:today", operator, account) == "ab"


@pytest.mark.parametrize(
    ("text", "legs"),
    [
        ("since:2026-11-28T11:00Z", "ab"),
        ("until:2026-11-28T11:00Z", "c"),
        ("since:2d until:59m", "ab"),
        ("day:2026-11-26", "c"),
        ("day:yesterday", ""),
    ],
)
def test_a_stretch_of_time_ends_before_its_end(operator: User, account: TelnyxAccount, text: str, legs: str) -> None:
    assert found(text, operator, account) == legs
