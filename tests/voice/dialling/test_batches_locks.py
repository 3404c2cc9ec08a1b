"""Somebody steers a batch while a sender has one of its lines."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from portal.models import TelnyxAccount
from tests.support.batches import URL, begin
from tests.support.commands import now_due
from tests.support.connected_threads import others, wait_for
from tests.support.databases import TWO_WRITERS, somebody_waits_for_a_lock
from tests.support.factories import make_call
from tests.support.limits import limit
from tests.support.polling import eventually
from tests.support.rest import api_for
from voice.dialling import batches
from voice.dispatch import sender

pytestmark = [pytest.mark.django_db(transaction=True), TWO_WRITERS]


@pytest.fixture
def put_off(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when a line was put off in a transaction that goes on until somebody waits for it."""
    really: Callable[..., bool] = batches.put_off
    done = threading.Event()

    def slowly(*values: Any) -> bool:
        outcome = really(*values)
        done.set()
        eventually(somebody_waits_for_a_lock, "waiting for the line")
        return outcome

    monkeypatch.setattr(batches, "put_off", slowly)
    return done


@pytest.mark.parametrize(("word", "status"), [("pause", "paused"), ("cancel", "cancelled")])
def test_a_person_stops_a_batch_whose_line_meets_a_full_limit(
    account: TelnyxAccount, operator: User, put_off: threading.Event, word: str, status: str
) -> None:
    api = api_for(operator)
    batch = begin(api, 5)
    line = batch.commands.get(sequence=1)
    limit(account, concurrent_calls=1)
    make_call(account, direction="outgoing")
    now_due(line)
    with others() as elsewhere:
        elsewhere(sender.send, line.pk)
        wait_for(put_off, "putting the line off")
        answer = api.post(f"{URL}{batch.pk}/{word}/")
    assert (answer.status_code, answer.json()["status"]) == (200, status), answer.content
    assert batches.progress(batch).counts["queued"] == (5 if word == "pause" else 0)
