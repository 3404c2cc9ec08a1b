"""What somebody pauses, resumes or cancels again, and what a suspension or a full limit holds meanwhile."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from tests.support.batches import URL, begin, body
from tests.support.limits import limit
from voice.dialling import batches
from voice.dispatch import sender
from voice.models import Suspension

pytestmark = pytest.mark.django_db


def test_a_batch_that_is_paused_already_is_not_paused_again(api: Any, account: TelnyxAccount) -> None:
    batch = begin(api, 2)
    for _ in range(2):
        assert api.post(f"{URL}{batch.pk}/pause/").json()["status"] == "paused"
    assert AuditEvent.objects.filter(action="batch.pause").count() == 1


def test_a_batch_that_is_paused_with_one_thing_is_not_paused_with_another(api: Any, account: TelnyxAccount) -> None:
    first, second = uuid.uuid4(), uuid.uuid4()
    batch = batches.pause(begin(api, 2), PORTAL, paused_for=first)
    assert batches.pause(batch, PORTAL, paused_for=second).paused_for == first
    batch.refresh_from_db()
    assert batch.paused_for == first


def test_whoever_resumes_a_batch_that_was_paused_with_others_has_it_go_on(api: Any, account: TelnyxAccount) -> None:
    batch = batches.pause(begin(api, 2), PORTAL, paused_for=uuid.uuid4())
    assert api.post(f"{URL}{batch.pk}/resume/").json()["status"] == "running"
    batch.refresh_from_db()
    assert batch.paused_for is None


def test_what_was_not_sent_of_a_cancelled_batch_is_due_no_more(api: Any, account: TelnyxAccount) -> None:
    batch = batches.cancel(begin(api, 2), PORTAL)
    assert list(batch.commands.values_list("status", "lease_until")) == [("expired", None)] * 2


def test_a_line_that_somebody_has_just_held_is_not_put_off_with_the_others(api: Any, account: TelnyxAccount) -> None:
    batch, held = begin(api, 3), datetime(9999, 1, 1, tzinfo=UTC)
    batch.commands.filter(sequence=3).update(lease_until=held)
    limit(account, concurrent_calls=0)
    first, second, _ = batch.commands.order_by("sequence")
    sender.send(first.pk)
    due = list(batch.commands.order_by("sequence").values_list("lease_until", flat=True))
    assert due == [first.lease_until + timedelta(seconds=5), second.lease_until + timedelta(seconds=5), held]


def test_a_dry_run_of_a_suspended_application_is_refused_and_one_of_another_is_not(
    api: Any, account: TelnyxAccount
) -> None:
    told = {"since": timezone.now(), "requested_by": "user: ada"}
    Suspension.objects.create(account=account, connection_id="1", **told)
    refused, looked = (api.post(URL, body(1, connection_id=one, dry_run=True), format="json") for one in ("1", "2"))
    assert (refused.status_code, refused.json()["code"], looked.status_code) == (403, "suspended", 200)
