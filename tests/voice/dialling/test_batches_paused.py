"""What somebody pauses, resumes or cancels again, and what a suspension or a full limit holds meanwhile."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from portal.telnyx.errors import TelnyxUnavailable
from tests.support.batches import URL, begin, body
from tests.support.clocks import is_near
from tests.support.commands import now_due, seen
from tests.support.limits import dial, limit
from tests.support.rest import CALLS
from tests.support.rows import DialBatch
from tests.support.times import ago
from voice.dialling import batches, limits
from voice.dispatch import sender
from voice.models import Suspension
from voice.stops import service as stops

pytestmark = pytest.mark.django_db
HELD = datetime(9999, 1, 1, tzinfo=UTC)


def their_time_comes(batch: DialBatch, seconds: float = 60) -> None:
    """The lines that are not held were due so many seconds ago."""
    batch.commands.exclude(counted_at=HELD).update(counted_at=ago(seconds))


def dialled_by_another(api: Any, account: TelnyxAccount, connection_id: str = "1") -> Any:
    wanted = {"connection_id": connection_id, "from": "+13125550100", "to": "+13125550101"}
    return api.post(CALLS, {"account": account.name} | wanted, format="json")


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
    batch = begin(api, 3)
    batch.commands.filter(sequence=3).update(lease_until=HELD)
    limit(account, concurrent_calls=0)
    first, second, _ = batch.commands.order_by("sequence")
    sender.send(first.pk)
    due = list(batch.commands.order_by("sequence").values_list("lease_until", flat=True))
    assert due == [first.lease_until + timedelta(seconds=5), second.lease_until + timedelta(seconds=5), HELD]


def test_a_dry_run_of_a_suspended_application_is_refused_and_one_of_another_is_not(
    api: Any, account: TelnyxAccount
) -> None:
    told = {"since": timezone.now(), "requested_by": "user: ada"}
    Suspension.objects.create(account=account, connection_id="1", **told)
    refused, looked = (api.post(URL, body(1, connection_id=one, dry_run=True), format="json") for one in ("1", "2"))
    assert (refused.status_code, refused.json()["code"], looked.status_code) == (403, "suspended", 200)


@pytest.mark.parametrize(
    ("held", "lines", "per_second", "seconds"),
    [({"concurrent_calls": 2, "dials_per_minute": None}, 5, 2, 60), ({"dials_per_minute": 2}, 2, 0.03, 30)],
    ids=["of the calls at once", "of the dials of a minute"],
)
def test_a_paused_batch_takes_no_room_and_others_dial(
    api: Any, account: TelnyxAccount, held: dict[str, Any], lines: int, per_second: float, seconds: float
) -> None:
    limit(account, **held)
    batch = begin(api, lines, per_second=per_second)
    assert api.post(f"{URL}{batch.pk}/pause/").status_code == 200
    their_time_comes(batch, seconds)
    assert dialled_by_another(api, account).status_code == 202


def test_a_batch_of_a_suspended_application_takes_no_room_and_another_one_dials(
    api: Any, account: TelnyxAccount
) -> None:
    limit(account, concurrent_calls=2, dials_per_minute=None)
    batch = begin(api, 5)
    stops.suspend(account, "1", "Fraud", PORTAL)
    their_time_comes(batch)
    assert dialled_by_another(api, account, "2").status_code == 202


def test_the_lines_of_a_paused_batch_are_still_to_come_on_another_day(api: Any, account: TelnyxAccount) -> None:
    """Else others would take what its lines need of a day, and they would expire when it goes on."""
    batch = batches.pause(begin(api, 5), PORTAL)
    their_time_comes(batch, 25 * 3600)
    row = limits.of_account(account)
    assert limits.usage(row) == limits.usages([row])[row.pk] == limits.Usage(0, 5, 0)


def test_a_line_that_telnyx_sends_back_to_a_paused_batch_is_held_with_the_others(
    api: Any, account: TelnyxAccount
) -> None:
    limit(account, concurrent_calls=1, dials_per_minute=None)
    batch = begin(api, 2)
    line = batch.commands.get(sequence=1)
    now_due(line)
    claimed = sender._claim(line.pk)
    assert claimed is not None
    batches.pause(batch, PORTAL)
    sender._settle(claimed, sender._Outcome(error=TelnyxUnavailable("429", http_status=429)))
    assert (seen(line).status, seen(line).lease_until, seen(line).counted_at) == ("queued", HELD, HELD)
    assert dial(account, "+13125550101").status == "queued"
    batches.resume(batch, PORTAL)
    first, second = batch.commands.order_by("sequence")
    assert (second.lease_until - first.lease_until, first.counted_at) == (timedelta(seconds=0.5), first.lease_until)


def test_a_line_that_telnyx_sends_back_to_a_batch_that_goes_on_waits_as_long_as_telnyx_says(
    api: Any, account: TelnyxAccount
) -> None:
    batch = begin(api, 2)
    line = batch.commands.get(sequence=1)
    now_due(line)
    claimed = sender._claim(line.pk)
    assert claimed is not None
    sender._settle(claimed, sender._Outcome(error=TelnyxUnavailable("429", http_status=429, retry_after=7)))
    assert is_near(seen(line).lease_until, 7)
    assert seen(line).counted_at == line.counted_at
