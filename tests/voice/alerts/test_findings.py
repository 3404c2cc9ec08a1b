"""What a check is told and what it tells: how long something has waited, how many there are."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.models import Heartbeat, TelnyxAccount
from tests.support.alerts import received
from tests.support.times import ago
from voice.alerts import rounds
from voice.models import Alert

pytestmark = pytest.mark.django_db
_Kind = Alert.Kind


def test_after_a_night_off_nobody_is_blamed_before_the_portal_had_time(account: TelnyxAccount) -> None:
    Heartbeat.objects.create(name="worker", at=ago(36_000))
    received(account, minutes_ago=600)
    now = timezone.now()
    rounds.check(now, now - timedelta(seconds=50))
    assert not Alert.objects.exists()
    rounds.check(now, now - timedelta(seconds=95))
    assert set(Alert.objects.values_list("kind", flat=True)) == {_Kind.PROCESS_STALE, _Kind.BACKLOG}
