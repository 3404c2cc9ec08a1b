"""A repeat under the same ``Idempotency-Key`` when the answer to the first was lost behind its commit."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from rest_framework.test import APIClient

from applications.editing import adoption
from portal.models import AuditEvent, TelnyxAccount
from tests.support.batches import URL as BATCHES
from tests.support.batches import body
from tests.support.conferences import make_room
from tests.support.factories import make_call
from tests.support.flows import EXAMPLE
from tests.support.limits import limit
from tests.support.rest import CALLS, FLOWS, api_for, problem, send
from tests.support.rows import CallCommand, DialBatch, Flow
from tests.support.telnyx_answers import telnyx_says
from voice.commands import outbox

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.alone("an account need not be named while there is only one"),
]
DIAL = {"connection_id": "77", "from": "+13125550100", "to": "+13125550001"}
APPLICATIONS = "/api/v1/call-control-applications/"
KEY = {"Idempotency-Key": "once"}


@pytest.fixture
def client(operator: User) -> APIClient:
    made = api_for(operator)
    made.raise_request_exception = False
    return made


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The database commits the transaction that makes the first command, and its answer never comes."""
    note, really = AuditEvent.note, BaseDatabaseWrapper._commit
    noted: list[int] = []
    lost: list[int] = []

    def noting(*values: Any, **details: Any) -> Any:
        noted.append(1)  # in the transaction that makes the command
        return note(*values, **details)

    def commit(self: Any) -> None:
        really(self)
        if noted and not lost:
            lost.append(1)
            raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(AuditEvent, "note", noting)
    monkeypatch.setattr(BaseDatabaseWrapper, "_commit", commit)
    return lost


def door(name: str, account: TelnyxAccount) -> tuple[str, dict[str, Any]]:
    call = make_call(account)
    doors: dict[str, tuple[str, dict[str, Any]]] = {
        "dial": (CALLS, DIAL),
        "action": (f"{CALLS}{call.call_control_id}/actions/speak/", {"payload": "Hello", "voice": "female"}),
        "conference": ("/api/v1/conferences/", {"name": "x", "call_control_id": call.call_control_id}),
        "in a conference": (f"/api/v1/conferences/{make_room(account).conference_id}/actions/mute/", {}),
        "queue": ("/api/v1/queues/", {"queue_name": "sales"}),
    }
    return doors[name]


@pytest.mark.parametrize("name", ["dial", "action", "conference", "in a conference", "queue"])
def test_the_repeat_finds_the_command_that_was_stored(
    client: APIClient, account: TelnyxAccount, lost: list[int], name: str
) -> None:
    url, wanted = door(name, account)
    assert (send(client, url, wanted, **KEY).status_code, lost) == (503, [1])
    again = send(client, url, wanted, **KEY)
    assert (again.status_code, again.json()["id"]) == (202, str(CallCommand.objects.get().pk))
    assert AuditEvent.objects.filter(details__command=again.json()["id"]).count() == 1
    assert send(client, url, wanted, **KEY)["Idempotent-Replayed"] == "true"


def test_what_cannot_be_found_again_is_told_as_unknown_and_not_done_twice(
    client: APIClient, account: TelnyxAccount, lost: list[int]
) -> None:
    def ask() -> Any:
        return send(client, FLOWS, EXAMPLE, **KEY)

    assert (ask().status_code, lost) == (503, [1])
    told = problem(ask(), 409, "idempotency_outcome_unknown")
    assert "Look whether it was" in told["detail"]
    assert Flow.objects.count() == 1


def test_an_application_is_not_created_twice_at_telnyx(
    client: APIClient, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("the connection is closed")

    monkeypatch.setattr(adoption, "note", away)  # it stands for whatever follows the commit
    wanted = {"application_name": "router", "webhook_event_url": "https://example.com/hook"}
    with telnyx_says(account, call_control_applications={"data": wanted | {"id": "1"}}) as telnyx:
        problem(send(client, APPLICATIONS, wanted, **KEY), 503)
        problem(send(client, APPLICATIONS, wanted, **KEY), 409, "idempotency_outcome_unknown")
        assert len(telnyx.requests) == 1


def test_so_it_does_when_the_database_goes_away_after_the_commit(
    client: APIClient, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("the connection is closed")

    with monkeypatch.context() as broken:
        broken.setattr(outbox, "wake_commands", away)  # it stands for whatever follows the commit
        problem(send(client, CALLS, DIAL, **KEY), 503)
    assert send(client, CALLS, DIAL, **KEY).json()["id"] == str(CallCommand.objects.get().pk)


def test_a_repeated_dial_is_not_refused_by_a_limit_that_it_fills_itself(
    client: APIClient, account: TelnyxAccount, lost: list[int]
) -> None:
    limit(account, concurrent_calls=1)
    assert [send(client, CALLS, DIAL, **KEY).status_code for _ in range(2)] == [503, 202]
    assert CallCommand.objects.count() == 1


def test_a_repeated_batch_is_the_same_batch_also_when_it_fills_the_day(
    client: APIClient, account: TelnyxAccount, lost: list[int]
) -> None:
    limit(account, dials_per_day=3)
    answers = [send(client, BATCHES, body(3), **KEY) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [503, 201]
    assert (answers[1].json()["id"], CallCommand.objects.count()) == (str(DialBatch.objects.get().pk), 3)
