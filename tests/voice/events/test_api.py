"""Events over REST: their members, their filters, and who may read the raw body."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from tests.support.events import tell
from tests.support.factories import FROM, make_event
from tests.support.rest import CALLS, EVENTS, api_for
from tests.support.rows import CallEvent
from tests.support.times import ago
from tests.support.webhooks import post_webhook

pytestmark = pytest.mark.django_db
EVENT = {
    "id",
    "event_id",
    "event_type",
    "source",
    "status",
    "occurred_at",
    "received_at",
    "attempt",
    "call_control_id",
    "payload",
}


def test_events_of_a_call_come_in_order_with_every_member(api: APIClient, account: TelnyxAccount) -> None:
    tell(account, make_event("call.hangup", 9), make_event(), make_event("call.answered", 3))
    body = api.get(f"{CALLS}v3:a-leg/events/?account=main").json()
    assert set(body) == {"next", "previous", "results"}
    assert [row["event_type"] for row in body["results"]] == ["call.initiated", "call.answered", "call.hangup"]
    first = body["results"][0]
    assert set(first) >= EVENT
    assert (first["source"], first["status"], first["attempt"]) == ("webhook", "processed", 1)
    assert first["payload"]["from"] == FROM
    assert first["id"] != first["event_id"]


@pytest.mark.alone("it lists what there is, of every account")
def test_an_unreadable_event_has_no_telnyx_id(api: APIClient, account: TelnyxAccount) -> None:
    post_webhook(Client(), account, b"{")
    (row,) = api.get(EVENTS).json()["results"]
    assert (row["event_id"], row["status"], row["payload"]) == (None, "quarantined", None)
    assert "body" not in row


def test_the_raw_body_is_for_those_who_may_see_it(api: APIClient, account: TelnyxAccount, user_with: Any) -> None:
    raw = json.dumps(make_event(), indent=4).encode()
    post_webhook(Client(), account, raw)
    url = f"{EVENTS}{CallEvent.objects.get().pk}/"
    assert api.get(url).json()["body"] == raw.decode()
    assert api_for(user_with("voice.view_callevent")).get(url).json().get("body") is None


@pytest.mark.alone("it lists what there is, of every account")
def test_every_filter_of_events_finds_what_it_names(api: APIClient, account: TelnyxAccount) -> None:
    tell(account, make_event(), make_event("call.answered", 3, leg="b", connection_id="88"))
    post_webhook(Client(), account, b"{")
    event = CallEvent.objects.get(event_type="call.answered")
    now = timezone.now()
    soon, before = ((now + timedelta(minutes=minutes)).isoformat() for minutes in (1, -1))
    for name, value, count in (
        ("event_type", "call.answered", 1),
        ("event_id", event.event_id, 1),
        ("call_control_id", "v3:b-leg", 1),
        ("connection_id", "88", 1),
        ("status", "quarantined", 1),
        ("source", "webhook", 3),
        ("source", "backfill", 0),
        ("account", "main", 3),
        ("account", "nobody", 0),
        ("received_after", soon, 0),
        ("received_before", soon, 3),
        ("received_after", before, 3),
        ("received_before", before, 0),
        ("received_after", event.received_at.isoformat(), 2),  # from that moment on
        ("received_before", event.received_at.isoformat(), 1),
    ):
        assert len(api.get(EVENTS, {name: value}).json()["results"]) == count, (name, value)


@pytest.mark.parametrize("rights", [["view_raw_event"], ["view_full_number"], ["view_raw_event", "view_full_number"]])
def test_the_raw_body_takes_both_rights(account: TelnyxAccount, user_with: Any, rights: list[str]) -> None:
    post_webhook(Client(), account, make_event())
    person = user_with("voice.view_callevent", *(f"voice.{name}" for name in rights))
    body = api_for(person).get(f"{EVENTS}{CallEvent.objects.get().pk}/").json()["body"]
    assert (body is not None) is (len(rights) == 2)


def test_an_event_is_found_by_its_id_however_that_is_written(api: APIClient, account: TelnyxAccount) -> None:
    event = make_event()
    tell(account, event, make_event(leg="b"))
    found = api.get(EVENTS, {"event_id": event["data"]["id"].upper()}).json()["results"]
    assert [row["event_id"] for row in found] == [event["data"]["id"]]


def test_events_are_listed_the_newest_first(api: APIClient, account: TelnyxAccount) -> None:
    ids = []
    for at in range(4):
        event = make_event(leg=f"leg-{at}")
        tell(account, event)
        ids.append(event["data"]["id"])
        CallEvent.objects.filter(event_id=ids[-1]).update(received_at=ago(at))
    listed = api.get(EVENTS, {"account": account.name}).json()["results"]
    assert [row["event_id"] for row in listed] == ids


def test_events_of_one_moment_are_listed_in_one_order(api: APIClient, account: TelnyxAccount) -> None:
    """Else a page of the list could leave one out."""
    at = ago(10)
    for number in (2, 3, 1):
        event = make_event(leg=f"leg-{number}")
        assert post_webhook(Client(), account, event).status_code == 200
        told = CallEvent.objects.filter(event_id=event["data"]["id"])
        told.update(id=uuid.UUID(int=number), received_at=at)
    listed = api.get(EVENTS, {"account": account.name}).json()["results"]
    assert [row["id"] for row in listed] == [str(uuid.UUID(int=number)) for number in (3, 2, 1)]
