"""A batch that a suspension and a stop both hold goes on when a person says so, whichever of them came first."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from tests.support.accounts import make_account
from tests.support.batches import begin
from tests.support.rows import DialBatch
from voice.dialling import batches
from voice.models import Stop, Suspension
from voice.stops import service

pytestmark = pytest.mark.django_db


def stop(account: TelnyxAccount | None) -> Stop:
    return service.stop_outgoing(uuid.uuid4(), PORTAL, account)


def suspend(account: TelnyxAccount) -> Suspension:
    return service.suspend(account, "", "Fraud", PORTAL)


def status(batch: DialBatch) -> str:
    return str(DialBatch.objects.get(pk=batch.pk).status)


@pytest.mark.parametrize("is_of_all", [False, True], ids=["of its account", "of all"])
@pytest.mark.parametrize("is_suspended_first", [False, True], ids=["stopped first", "suspended first"])
def test_what_a_stop_holds_does_not_go_on_when_a_suspension_is_lifted(
    api: APIClient, account: TelnyxAccount, is_suspended_first: bool, is_of_all: bool
) -> None:
    batch, whose = begin(api, 3), None if is_of_all else account
    if is_suspended_first:
        suspension, stopped = suspend(account), stop(whose)
    else:
        stopped, suspension = stop(whose), suspend(account)
    assert service.resume(stopped.pk, PORTAL) == 0  # it is suspended
    assert (service.lift(suspension, PORTAL), status(batch)) == (0, "paused")
    service.settle_batches()
    assert status(batch) == "paused"
    assert (service.resume(stopped.pk, PORTAL), status(batch)) == (1, "running")


def test_a_stop_counts_what_it_takes_over_and_asked_for_again_does_nothing_twice(
    api: APIClient, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(api, 3)
    begin(api, 3, connection_id="2")
    service.suspend(account, "1", "Fraud", PORTAL)
    wish = uuid.uuid4()
    with monkeypatch.context() as patched:
        patched.setattr(service, "_end", lambda *_: (_ for _ in ()).throw(OSError("away")))
        with pytest.raises(OSError, match="away"):
            service.stop_outgoing(wish, PORTAL, account)
    assert service.stop_outgoing(wish, PORTAL, account).batches == 2
    assert AuditEvent.objects.filter(action="batch.pause").count() == 3  # one of them by the suspension


@pytest.mark.parametrize("meanwhile", [service.lift, lambda row, actor: row.delete()], ids=["lifted", "half lifted"])
def test_a_suspension_that_is_lifted_meanwhile_has_nothing_go_on(
    api: APIClient,
    account: TelnyxAccount,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[Suspension, Any], object],
) -> None:
    batch, suspension, pause = begin(api, 3), suspend(account), batches.pause

    def others_come_first(*given: Any, **values: Any) -> DialBatch:
        monkeypatch.setattr(batches, "pause", pause)
        meanwhile(suspension, PORTAL)
        return pause(*given, **values)

    monkeypatch.setattr(batches, "pause", others_come_first)
    stopped = stop(account)
    service.settle_batches()
    assert (stopped.batches, status(batch)) == (1, "paused")
    assert service.resume(stopped.pk, PORTAL) == 1


def test_a_batch_whose_suspension_was_lifted_by_somebody_who_died_is_stopped_too(
    api: APIClient, account: TelnyxAccount
) -> None:
    batch = begin(api, 3)
    Suspension.objects.filter(pk=suspend(account).pk).delete()
    stopped = stop(account)
    service.settle_batches()
    assert (stopped.batches, status(batch)) == (1, "paused")


def test_a_stop_takes_over_nothing_of_another_account_nor_of_another_stop(
    api: APIClient, account: TelnyxAccount
) -> None:
    batch, other = begin(api, 3), make_account("other")
    shared, line = {"connection_id": "1", "from": "+13125550100"}, batches.Line(1, "+13125550001")
    theirs = batches.make(other, shared, [line], 1, PORTAL)
    first, suspension = stop(account), suspend(other)
    assert stop(account).batches == 0
    assert (service.resume(first.pk, PORTAL), status(batch)) == (1, "running")
    assert (service.lift(suspension, PORTAL), status(theirs)) == (1, "running")
