"""The core's tasks say that they run and forget what is old."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal import tasks
from portal.models import ApiToken, Heartbeat, IdempotentReply
from portal.tasks import clean_up, heartbeat


def test_kept_replies_are_forgotten_after_a_day(operator):
    token, _ = ApiToken.make(operator, "ci")
    for key, hours in (("old", 25), ("young", 23)):
        IdempotentReply.objects.create(token=token, key=key, fingerprint="x")
        IdempotentReply.objects.filter(key=key).update(created_at=timezone.now() - timedelta(hours=hours))
    clean_up()
    assert [reply.key for reply in IdempotentReply.objects.all()] == ["young"]


def test_what_cannot_be_forgotten_keeps_nothing_else_and_is_told(db, monkeypatch, caplog):
    broken, forgotten = ["portal.admin.sign_in.clean_up", "voice.alerts.rounds.clean_up"], []

    def fails():
        raise OSError("the disk is full")

    for name in broken:
        monkeypatch.setattr(name, fails)
    monkeypatch.setattr("voice.exports.service.clean_up", lambda: forgotten.append("exports"))
    with pytest.raises(OSError, match="disk is full"):
        clean_up()
    assert forgotten == ["exports"]
    assert [record.msg["what"] for record in caplog.records if record.name == tasks.__name__] == broken


def test_a_heartbeat_is_one_row(db):
    heartbeat()
    heartbeat()
    assert [beat.name for beat in Heartbeat.objects.all()] == ["worker"]
