"""How webhooks arrive: signed, tried twice, failed over, in order, and all of it in the ledger."""

import threading
import time
from typing import Any

import pytest
import telnyx

from portal import signatures
from portal.sandbox.server.server import Sandbox
from tests.support.polling import eventually
from tests.support.sandbox_applications import make_application
from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Hook, Receiver


def tries(http: Http, event_type: str = "call.initiated") -> list[tuple[str, int, int | None]]:
    """(path, attempt, status) of every try of one event type."""
    found = [line for line in http.ledger("deliveries") if line["event_type"] == event_type]
    return [("/" + line["url"].split("/", 3)[3], line["attempt"], line["status"]) for line in found]


def test_every_webhook_is_signed_as_telnyx_signs(
    http: Http, application: Any, receiver: Receiver, sandbox: Sandbox
) -> None:
    http.act(http.ring(), "answer")
    receiver.wait("call.answered")
    for hook in receiver.hooks:
        signatures.verify(hook.headers, hook.raw, [sandbox.public_key], time.time())
        assert hook.headers["User-Agent"] == "telnyx-webhooks"
        assert hook.headers["Content-Type"] == "application/json"
        assert hook.body["meta"] == {"attempt": 1, "delivered_to": receiver.url}


def test_the_ledger_tells_each_try(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.ring()
    eventually(lambda: tries(http))
    (line,) = http.ledger("deliveries")
    assert (line["status"], line["call_control_id"], line["url"]) == (200, id, receiver.url)
    assert line["event_id"] == receiver.hooks[0].event["id"]


def test_two_tries_then_the_failover_url(sdk: telnyx.Telnyx, http: Http, receiver: Receiver) -> None:
    make_application(sdk, receiver, webhook_event_failover_url=f"{receiver.origin}/failover")
    receiver.statuses = [503, 500]
    http.ring()
    eventually(lambda: len(tries(http)) == 3)
    assert tries(http) == [("/hooks", 1, 503), ("/hooks", 2, 500), ("/failover", 3, 200)]
    assert [hook.body["meta"]["attempt"] for hook in receiver.hooks] == [1, 2, 3]
    assert len({hook.event["id"] for hook in receiver.hooks}) == 1


def test_without_a_failover_url_it_ends_after_two_tries(http: Http, application: Any, receiver: Receiver) -> None:
    receiver.statuses = [503, 503]
    id = http.ring()
    http.act(id, "answer")
    receiver.wait("call.answered")
    assert tries(http) == [("/hooks", 1, 503), ("/hooks", 2, 503)]


def test_the_second_try_may_succeed(sdk: telnyx.Telnyx, http: Http, receiver: Receiver) -> None:
    make_application(sdk, receiver, webhook_event_failover_url=f"{receiver.origin}/failover")
    receiver.statuses = [503]
    http.act(http.ring(), "answer")
    receiver.wait("call.answered")
    assert tries(http) == [("/hooks", 1, 503), ("/hooks", 2, 200)]


@pytest.mark.parametrize("status", [201, 202, 204])
def test_nothing_but_200_is_success(http: Http, application: Any, receiver: Receiver, status: int) -> None:
    receiver.statuses = [status]
    http.ring()
    eventually(lambda: len(tries(http)) == 2)
    assert tries(http)[0] == ("/hooks", 1, status)


def test_a_refusal_is_not_repeated_at_the_same_url(sdk: telnyx.Telnyx, http: Http, receiver: Receiver) -> None:
    make_application(sdk, receiver, webhook_event_failover_url=f"{receiver.origin}/failover")
    receiver.statuses = [400]
    http.ring()
    eventually(lambda: len(tries(http)) == 2)
    assert tries(http) == [("/hooks", 1, 400), ("/failover", 2, 200)]


def test_a_redirect_is_not_followed(http: Http, application: Any, receiver: Receiver) -> None:
    receiver.statuses, receiver.location = [302, 302], f"{receiver.origin}/elsewhere"
    http.act(http.ring(), "answer")
    receiver.wait("call.answered")
    assert {hook.path for hook in receiver.hooks} == {"/hooks"}


def test_nobody_there_is_an_error_in_the_ledger(sdk: telnyx.Telnyx, http: Http, receiver: Receiver) -> None:
    make_application(sdk, receiver, webhook_event_url="http://127.0.0.1:1/")
    http.ring()
    eventually(lambda: len(tries(http)) == 2)
    assert "refused" in http.ledger("deliveries")[0]["error"]


def test_a_slow_receiver_is_given_up(sdk: telnyx.Telnyx, http: Http, receiver: Receiver) -> None:
    make_application(sdk, receiver, webhook_timeout_secs=1)
    slow = threading.Event()
    receiver.react = lambda hook: [slow.wait(60)].clear()
    http.ring()
    line = eventually(lambda: http.ledger("deliveries"))[0]
    slow.set()
    assert (line["status"], line["error"].split(":")[0]) == (None, "TimeoutError")


def test_a_leg_hears_of_one_thing_after_the_other(http: Http, application: Any, receiver: Receiver) -> None:
    arrived: list[str] = []
    over = threading.Event()

    def react(hook: Hook) -> None:
        assert hook.type != "call.initiated" or over.wait(60)
        arrived.append(hook.type)

    receiver.react = react
    id = http.ring()
    http.act(id, "answer")
    http.act(id, "hangup")
    over.set()
    receiver.wait("call.hangup")
    assert arrived == ["call.initiated", "call.answered", "call.hangup"]


@pytest.mark.parametrize("several", [str, lambda url: [url]])  # the OpenAPI document says one URL, the SDK a list
def test_a_call_can_have_its_own_url(http: Http, application: Any, receiver: Receiver, several: Any) -> None:
    id, urls = http.ring(), {"call.hangup": several(f"{receiver.origin}/end")}
    receiver.wait("call.initiated")
    answer = http.act(id, "answer", webhook_url=f"{receiver.origin}/own", webhook_urls=urls)
    assert answer[0] == 200
    http.act(id, "hangup")
    assert receiver.wait("call.answered").path == "/own"
    assert receiver.wait("call.hangup").path == "/end"


def test_version_1_is_flat(sdk: telnyx.Telnyx, http: Http, receiver: Receiver) -> None:
    make_application(sdk, receiver, webhook_api_version="1")
    http.ring()
    body = eventually(lambda: receiver.hooks)[0].body
    assert sorted(body) == ["created_at", "event_type", "id", "payload", "record_type"]
    assert body["event_type"] == "call_initiated"
    assert body["payload"]["occurred_at"] == body["created_at"]


def test_a_deleted_application_is_told_nothing(
    sdk: telnyx.Telnyx, http: Http, application: Any, receiver: Receiver
) -> None:
    id = http.ring()
    receiver.wait("call.initiated")
    sdk.call_control_applications.delete(application.id)
    assert http.act(id, "hangup")[0] == 200
    http.end(id)
    assert receiver.types() == ["call.initiated"]
