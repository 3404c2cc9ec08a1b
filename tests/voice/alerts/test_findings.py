"""What a check is told and what it tells: how long something has waited, how many there are."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.models import Heartbeat, TelnyxAccount
from tests.support.alerts import look, only, received
from tests.support.rows import Alert, CallEvent
from tests.support.times import ago
from voice.alerts import rounds

pytestmark = pytest.mark.django_db


def test_after_a_night_off_nobody_is_blamed_before_the_portal_had_time(account: TelnyxAccount) -> None:
    Heartbeat.objects.create(name="worker", at=ago(36_000))
    received(account, minutes_ago=600)
    now = timezone.now()
    rounds.check(now, now - timedelta(seconds=50))
    assert not Alert.objects.exists()
    rounds.check(now, now - timedelta(seconds=95))
    assert set(Alert.objects.values_list("kind", flat=True)) == {"process_stale", "backlog"}


def test_beyond_a_thousand_nobody_counts(account: TelnyxAccount) -> None:
    told = {"account": account, "event_type": "call.answered", "source": "webhook", "status": "dead", "body": b"{}"}

    def die(number: int) -> None:
        keys = [uuid.uuid4().hex for _ in range(number)]
        CallEvent.objects.bulk_create(CallEvent(dedupe_key=key, received_at=ago(60), **told) for key in keys)

    for number, said in ((1, "1 event was given up"), (999, "1000 events were given"), (1, "1000 or more events were")):
        die(number)
        look()
        assert only("dead_events").summary.startswith(said)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(91, "91 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (10_799, "2 h"), (10_800, "3 h")],
)
def test_how_long_something_lasts_is_told_in_the_unit_that_fits(db: None, seconds: int, words: str) -> None:
    now = timezone.now()
    Heartbeat.objects.create(name="worker", at=now - timedelta(seconds=seconds))
    rounds.check(now, now - timedelta(days=1))
    told = f"The workers, or beat, have not been heard for {words}: only the sweep does their work."
    assert only("process_stale").summary == told


def test_a_process_may_be_silent_for_a_minute_and_a_half(db: None) -> None:
    now = timezone.now()
    Heartbeat.objects.create(name="worker", at=now - timedelta(seconds=90))
    rounds.check(now, now - timedelta(days=1))
    assert not Alert.objects.exists()
