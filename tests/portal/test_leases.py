"""Rows worked off under a lease: who may take one, and by which clock."""

from datetime import timedelta
from unittest import mock

import pytest
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.times import ago
from voice.models import CallCommand

pytestmark = pytest.mark.django_db
SPAN = timedelta(seconds=30)


def command(account: TelnyxAccount, name: str, **columns: object) -> CallCommand:
    told = {"intent_key": name, "action": "answer", "created_at": ago(9), "expires_at": ago(-9)}
    return CallCommand.objects.create(account=account, **(told | columns))


def test_due_is_what_nobody_has_and_whose_time_has_come(account: TelnyxAccount) -> None:
    never, over = command(account, "never"), command(account, "over", lease_until=ago(1))
    command(account, "held", lease_until=ago(-60))
    assert set(CallCommand.objects.due()) == {never, over}


def test_a_row_is_claimed_once_and_its_values_are_set_with_the_lease(account: TelnyxAccount) -> None:
    row, other = command(account, "one"), command(account, "other")
    mine = CallCommand.objects.filter(pk=row.pk)
    assert mine.claim(SPAN, error="mine")
    assert not mine.claim(SPAN, error="too late")
    row.refresh_from_db()
    assert row.error == "mine"
    assert timedelta(seconds=25) < row.lease_until - timezone.now() <= SPAN
    other.refresh_from_db()
    assert (other.lease_until, other.error) == (None, "")


def test_the_clock_is_the_database_s(account: TelnyxAccount) -> None:
    row = command(account, "held", lease_until=ago(-60))
    with mock.patch.object(timezone, "now", return_value=ago(-3600)):  # this server's is an hour fast
        assert not CallCommand.objects.filter(pk=row.pk).claim(SPAN)
