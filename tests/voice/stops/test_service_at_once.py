"""One stop that two requests ask for in the same moment."""

import uuid
from typing import Any

import pytest

from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from tests.support.commands import dial
from tests.support.factories import make_call
from tests.support.rows import CallCommand
from voice.models import Stop
from voice.stops import service

pytestmark = pytest.mark.django_db


def test_a_stop_that_is_asked_for_twice_at_once_is_counted_and_noted_once(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second request comes, drops the dials and ends while the first one is about to hang up."""
    wish, hang_up = uuid.uuid4(), service._hang_up
    make_call(account, "o", direction="outgoing")

    def meanwhile(*given: Any) -> None:
        monkeypatch.setattr(service, "_hang_up", hang_up)
        dial(account, "1")
        service.stop_outgoing(wish, PORTAL, account)
        hang_up(*given)

    monkeypatch.setattr(service, "_hang_up", meanwhile)
    service.stop_outgoing(wish, PORTAL, account)
    stop = Stop.objects.get()
    assert (stop.calls, stop.dials, CallCommand.objects.filter(action="hangup").count()) == (1, 1, 1)
    assert AuditEvent.objects.get(action="call.stop_outgoing").details == {"calls": 1, "dials": 1, "batches": 0}
