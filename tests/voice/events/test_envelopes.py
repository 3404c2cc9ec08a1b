"""What stands in a webhook: the present envelope, the old flat format, and what has none."""

import json
import uuid
from typing import Any

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from portal.times import read_time
from tests.support.factories import CONNECTION, make_event
from tests.support.payloads import named
from tests.support.rows import CallEvent
from tests.support.webhooks import post_webhook

pytestmark = pytest.mark.django_db(transaction=True)


def old_format(**changes: Any) -> dict[str, Any]:
    event = make_event("call.answered")["data"]
    document = {"record_type": "event", "event_type": "call_answered", "created_at": event["occurred_at"]}
    return document | {"id": event["id"], "payload": event["payload"]} | changes


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"event_type": "call.answered"},
        {"event_type": "call.answered", "id": None, "webhook_id": "0ccc7b54-4df3-4bca-a65a-3da1ecc777f0"},
        {"event_type": "conference.floor.changed"},
        {"event_type": "conference_floor_changed", "created_at": None},
    ],
)
def test_the_old_flat_format_is_quarantined_with_what_to_set_and_whose_it_is(
    client: Client, account: TelnyxAccount, changes: dict[str, Any]
) -> None:
    document = old_format(**changes)
    assert post_webhook(client, account, document).status_code == 200
    event = CallEvent.objects.get()
    assert (event.status, event.reason, event.event_id) == ("quarantined", "old_format", None)
    assert "Set “webhook API version” to 2" in event.error
    assert event.occurred_at == read_time(document["created_at"])
    assert (event.connection_id, event.call_control_id) == (CONNECTION, "v3:a-leg")
    assert event.event_type == document["event_type"]


@pytest.mark.parametrize("changes", [{"payload": None}, {"payload": [1]}, {"event_type": 7}, {"event_type": "Ä" * 300}])
def test_an_old_format_that_cannot_be_read_at_all_is_quarantined_the_same(
    client: Client, account: TelnyxAccount, changes: dict[str, Any]
) -> None:
    post_webhook(client, account, old_format(**changes))
    event = CallEvent.objects.get()
    assert (event.status, event.reason) == ("quarantined", "old_format")


def test_a_changed_floor_has_no_data_and_is_taken_for_what_it_is(client: Client, account: TelnyxAccount) -> None:
    document = json.loads(named("conference.floor.changed").raw)
    post_webhook(client, account, document)
    event = CallEvent.objects.get()
    assert (event.status, event.event_id, event.event_type) == ("received", document["id"], "conference.floor.changed")


@pytest.mark.parametrize("named", ["created_at", "webhook_id"])
def test_a_changed_floor_in_the_old_flat_format_is_told_by_what_only_that_names(
    client: Client, account: TelnyxAccount, named: str
) -> None:
    document = old_format(event_type="conference.floor.changed", webhook_id=str(uuid.uuid4()))
    del document[{"created_at": "webhook_id", "webhook_id": "created_at"}[named]]
    post_webhook(client, account, document)
    event = CallEvent.objects.get()
    assert (event.status, event.reason) == ("quarantined", "old_format")


def test_an_insight_that_comes_flat_is_taken_for_what_it_is_and_found_at_its_call(
    client: Client, account: TelnyxAccount
) -> None:
    document = json.loads(named("conversation_insight_result").raw)
    payload = document["payload"]
    payload["metadata"] |= {name: payload.pop(name) for name in ("call_control_id", "call_leg_id", "call_session_id")}
    for told in (document, document | {"id": str(uuid.uuid4()), "created_at": document.pop("occurred_at")}):
        post_webhook(client, account, told)
        event = CallEvent.objects.latest("received_at")
        assert (event.status, event.event_id, event.event_type) == ("received", told["id"], document["event_type"])
        assert event.call_control_id == payload["metadata"]["call_control_id"]
    post_webhook(client, account, {name: document[name] for name in ("event_type", "payload")})
    bad = CallEvent.objects.get(status="quarantined")
    assert "data.id is missing" in bad.error  # and not: webhook API version 1


def test_when_an_event_of_the_old_format_happened_its_payload_tells_first(
    client: Client, account: TelnyxAccount
) -> None:
    document, told = old_format(), make_event(seconds=-5)["data"]["occurred_at"]
    document["payload"]["occurred_at"] = told
    post_webhook(client, account, document)
    assert CallEvent.objects.get().occurred_at == read_time(told)


@pytest.mark.parametrize(("length", "status"), [(100, "received"), (101, "quarantined")])
def test_an_event_type_has_a_hundred_characters_at_most(
    client: Client, account: TelnyxAccount, length: int, status: str
) -> None:
    post_webhook(client, account, make_event("call.".ljust(length, "x")))
    assert CallEvent.objects.get().status == status


@pytest.mark.parametrize(
    ("meta", "attempt"),
    [
        *(({"attempt": told}, told) for told in (1, 999)),
        *(({"attempt": told}, None) for told in (0, -1, 1000, True, "1", 1.0, None)),
        ({}, None),
        (["attempt"], None),
        (None, None),
    ],
)
def test_which_attempt_it_is_is_told_by_a_small_whole_number_alone(
    client: Client, account: TelnyxAccount, meta: Any, attempt: int | None
) -> None:
    post_webhook(client, account, make_event() | {"meta": meta})
    event = CallEvent.objects.get()
    assert (event.status, event.attempt) == ("received", attempt)


@pytest.mark.parametrize("place", ["occurred_at", "payload.occurred_at", "created_at", "far away"])
def test_when_it_happened_is_told_in_one_of_three_places(client: Client, account: TelnyxAccount, place: str) -> None:
    document, far = make_event("call.hold", -5), "1999-01-02T03:04:05Z"  # which is no time
    data, told = document["data"], document["data"]["occurred_at"]
    data["occurred_at"] = told if place == "occurred_at" else None
    data["payload"]["occurred_at"] = told if place == "payload.occurred_at" else far
    later = make_event()["data"]["occurred_at"]
    data["created_at"] = {"created_at": told, "far away": far}.get(place, later)
    post_webhook(client, account, document)
    assert CallEvent.objects.get().occurred_at == (None if place == "far away" else read_time(told))
