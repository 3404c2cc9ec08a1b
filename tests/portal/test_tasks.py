"""The core's tasks say that they run and forget what is old."""

from datetime import timedelta

from django.utils import timezone

from portal.models import ApiToken, Heartbeat, IdempotentReply
from portal.tasks import clean_up, heartbeat


def test_kept_replies_are_forgotten_after_a_day(operator):
    token, _ = ApiToken.make(operator, "ci")
    for key, hours in (("old", 25), ("young", 23)):
        IdempotentReply.objects.create(token=token, key=key, fingerprint="x")
        IdempotentReply.objects.filter(key=key).update(created_at=timezone.now() - timedelta(hours=hours))
    clean_up()
    assert [reply.key for reply in IdempotentReply.objects.all()] == ["young"]


def test_a_heartbeat_is_one_row(db):
    heartbeat()
    heartbeat()
    assert [beat.name for beat in Heartbeat.objects.all()] == ["worker"]
