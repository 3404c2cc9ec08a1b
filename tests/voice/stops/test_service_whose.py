"""A stop and a suspension touch what is theirs, count it, and leave alone what is another one's."""

import uuid

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from portal.actors import PORTAL, Actor
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.batches import begin
from tests.support.commands import act, dial, seen
from tests.support.factories import make_call
from tests.support.rows import CallCommand, DialBatch
from tests.support.times import ago
from voice.commands import outbox
from voice.dialling import batches
from voice.models import Stop, Suspension
from voice.stops import service

pytestmark = pytest.mark.django_db


def test_a_stop_counts_the_hang_ups_that_it_asked_for_and_no_other_command(
    account: TelnyxAccount, operator: User
) -> None:
    calls = [make_call(account, leg, direction="outgoing") for leg in "abcd"]
    earlier, by_ada = act(calls[1], "hangup"), outbox.act(calls[2], "hangup", {}, Actor("user: ada", operator))
    spoken = act(calls[3], "speak", payload="Hello", voice="female")
    CallCommand.objects.filter(pk=earlier.pk).update(created_at=ago(60))
    stop = service.hang_up(uuid.uuid4(), [calls[0].pk], PORTAL)
    CallCommand.objects.filter(pk__in=[by_ada.pk, spoken.pk]).update(created_at=stop.at)
    (own,) = service.commands_of(stop)
    assert (own.call, stop.calls, service.outcomes(stop)) == (calls[0], 1, {"queued": 1})


def test_a_stop_that_was_interrupted_stays_so_when_another_one_ends(account: TelnyxAccount) -> None:
    interrupted = Stop.objects.create(at=ago(60), requested_by="user: ada")
    make_call(account, direction="outgoing")
    dial(account, "1")
    stop = service.stop_outgoing(uuid.uuid4(), PORTAL, account)
    interrupted.refresh_from_db()
    assert (stop.calls, stop.dials, stop.done_at is None) == (1, 1, False)
    assert (interrupted.calls, interrupted.dials, interrupted.done_at) == (0, 0, None)


def test_a_dial_that_a_stop_drops_waits_for_nothing_any_more(account: TelnyxAccount) -> None:
    waiting = dial(account, "1")
    CallCommand.objects.filter(pk=waiting.pk).update(lease_until=ago(-60))
    service.stop_outgoing(uuid.uuid4(), PORTAL, account)
    assert (seen(waiting).status, seen(waiting).lease_until) == ("expired", None)


def test_who_lifts_a_suspension_lets_go_on_what_is_of_its_account_alone(api: APIClient, account: TelnyxAccount) -> None:
    batch, other = begin(api, 3), make_account("other")
    shared, line = {"connection_id": "1", "from": "+13125550100"}, batches.Line(1, "+13125550001")
    theirs = batches.make(other, shared, [line], 1, PORTAL)
    gone = service.suspend(other, "", "Fraud", PORTAL)
    Suspension.objects.filter(pk=gone.pk).delete()  # whoever lifted it died before he came to its batches
    assert service.lift(service.suspend(account, "", "Fraud", PORTAL), PORTAL) == 1
    assert dict(DialBatch.objects.values_list("pk", "status")) == {batch.pk: "running", theirs.pk: "paused"}


def test_whose_name_is_longer_than_its_column_suspends_and_stops_all_the_same(
    account: TelnyxAccount, operator: User
) -> None:
    ada = Actor(f"user: {'a' * 400}", operator)
    suspended, stop = service.suspend(account, "", "Fraud", ada), service.hang_up(uuid.uuid4(), [], ada)
    for row in (suspended, stop):
        row.refresh_from_db()
        assert row.requested_by == ada.label[:300]
