"""``GET /call_events``: what Telnyx remembers of commands and webhooks, leg by leg."""

from typing import Any

import pytest
import telnyx

from portal.sandbox.calls import call_events
from portal.sandbox.server.server import Sandbox
from tests.support.polling import eventually
from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver


@pytest.fixture
def told(http: Http, sandbox: Sandbox, application: Any, receiver: Receiver) -> dict[str, Any]:
    """A call of one answer and one hangup, whose deliveries are done; its ids."""
    id = http.ring("answered")
    http.act(id, "answer", command_id="one", client_state="b25l")
    http.act(id, "hangup")
    payload = receiver.wait("call.hangup", id).payload
    eventually(lambda: not sandbox.store.count_deliveries(payload["call_session_id"]))
    return payload


def names(events: Any) -> list[tuple[str, str]]:
    return [(event.type, event.name) for event in events][::-1]


def test_commands_and_webhooks_of_a_leg_are_told_newest_first(
    sdk: telnyx.Telnyx, told: dict[str, Any], receiver: Receiver
) -> None:
    events = list(sdk.call_events.list(filter={"leg_id": told["call_leg_id"]}))
    assert names(events) == [
        ("webhook", "call.initiated"),
        ("command", "answer"),
        ("webhook", "call.answered"),
        ("command", "hangup"),
        ("webhook", "call.hangup"),
    ]
    hook = receiver.wait("call.hangup")
    assert events[0].metadata == {
        "attempt": 1,
        "delivered_to": receiver.url,
        "status": "delivered",
        "event": hook.event,
    }
    assert events[3].metadata["command_id"] == "one"
    assert events[0].event_timestamp == hook.event["occurred_at"]


def test_a_webhook_nobody_took_is_told_as_failed(sdk: telnyx.Telnyx, http: Http, application: Any) -> None:
    http.fault("drop", path="call.initiated")
    http.ring()
    (event,) = eventually(lambda: list(sdk.call_events.list(filter={"failed": True})))
    assert (event.name, event.metadata["status"]) == ("call.initiated", "failed")


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ({"type": "command"}, 2),
        ({"name": "call.hangup"}, 1),
        ({"connection_id": "1"}, 0),
        ({"product": "fax"}, 0),
        ({"from": "+13125550143"}, 5),
        ({"to": "+13125550143"}, 0),
        ({"occurred_at": {"gte": "2100-01-01T00:00:00Z"}}, 0),
        ({"occurred_at": {"lt": "2100-01-01T00:00:00Z"}}, 5),
        ({"application_session_id": "another"}, 0),
    ],
)
def test_filters_leave_what_they_name(sdk: telnyx.Telnyx, told: dict[str, Any], filter: Any, found: int) -> None:
    assert len(list(sdk.call_events.list(filter=filter))) == found


def test_one_application_and_one_session_are_told(sdk: telnyx.Telnyx, told: dict[str, Any]) -> None:
    for name, member in (("connection_id", "connection_id"), ("application_session_id", "call_session_id")):
        assert len(list(sdk.call_events.list(filter={name: told[member]}))) == 5  # type: ignore[misc]


def test_only_one_time_may_be_compared_with(http: Http, told: dict[str, Any]) -> None:
    at = "2026-01-01T00:00:00Z"
    path = f"/v2/call_events?filter[occurred_at][gte]={at}&filter[occurred_at][lt]={at}"
    status, answer = http("GET", path)
    assert (status, answer["errors"][0]["code"]) == (422, "10031")


def test_older_than_a_day_is_told_only_of_a_leg_or_session(
    sdk: telnyx.Telnyx, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_events, "KEPT_SECONDS", 0.0)
    assert list(sdk.call_events.list()) == []
    assert len(list(sdk.call_events.list(filter={"leg_id": told["call_leg_id"]}))) == 5


def test_pages_are_turned(sdk: telnyx.Telnyx, told: dict[str, Any]) -> None:
    assert len(list(sdk.call_events.list(page_size=2))) == 5


def test_what_was_only_repeated_is_no_second_command(sdk: telnyx.Telnyx, http: Http, application: Any) -> None:
    id = http.ring()
    for _ in range(2):
        http.act(id, "answer", command_id="one")
    assert names(sdk.call_events.list(filter={"type": "command"})) == [("command", "answer")]


def test_a_dial_is_a_command_of_its_leg(sdk: telnyx.Telnyx, http: Http, application: Any) -> None:
    http.dial(application, "+13125550003")
    assert names(sdk.call_events.list(filter={"type": "command"})) == [("command", "dial")]


def test_events_are_chosen_by_their_status(http: Http, told: dict[str, Any]) -> None:
    query = f"/v2/call_events?filter%5Bleg_id%5D={told['call_leg_id']}&filter%5Bstatus%5D"
    assert len(http("GET", f"{query}=delivered")[1]["data"]) == 5
    assert http("GET", f"{query}=failed")[1]["data"] == []
