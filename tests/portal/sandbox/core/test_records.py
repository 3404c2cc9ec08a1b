"""Telnyx's records of webhook deliveries, kept by the sandbox."""

from typing import Any

import telnyx

from tests.support.polling import eventually
from tests.support.sandbox_applications import make_application
from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver

FAILED = "filter%5Bstatus%5D%5Beq%5D=failed"


def records(http: Http, query: str = "") -> list[dict[str, Any]]:
    return http("GET", f"/v2/webhook_deliveries?{query}")[1]["data"]


def test_a_delivered_webhook_is_on_record(http: Http, sdk: telnyx.Telnyx, application: Any, receiver: Receiver) -> None:
    http.end(http.ring("caller_hangs_up"))
    hook = receiver.wait("call.initiated")
    found = [one for one in sdk.webhook_deliveries.list() if one.webhook and one.webhook.event_type == "call.initiated"]
    assert [one.webhook.id for one in found if one.webhook] == [hook.event["id"]]
    assert (found[0].status, len(found[0].attempts or [])) == ("delivered", 1)
    assert sdk.webhook_deliveries.retrieve(found[0].id or "").data
    assert records(http, FAILED) == []


def test_a_webhook_that_was_given_up_has_all_its_attempts(http: Http, sdk: telnyx.Telnyx, receiver: Receiver) -> None:
    nowhere = {"webhook_event_url": "http://127.0.0.1:9/a", "webhook_event_failover_url": "http://127.0.0.1:9/b"}
    one = make_application(sdk, receiver, **nowhere)
    http.end(http.ring("caller_hangs_up"))
    query = f"{FAILED}&filter%5Bevent_type%5D=call.initiated,x&filter%5Bwebhook%5D%5Bcontains%5D={one.id}"
    (record,) = eventually(lambda: records(http, query), "the record")
    assert [tried["http"]["request"]["url"][-1] for tried in record["attempts"]] == ["b", "a", "a"]
    assert record["attempts"][0]["errors"] == [75000]
    assert record["webhook"]["payload"]["connection_id"] == one.id
    assert list(sdk.webhook_deliveries.list(filter={"status": {"eq": "failed"}}))
    assert records(http, f"{query}&filter%5Bstarted_at%5D%5Bgte%5D=2999-01-01T00:00:00Z") == []
    assert records(http, f"{query}&filter%5Bfinished_at%5D%5Blte%5D=2999-01-01T00:00:00Z") == [record]


def test_the_answer_of_a_refusal_is_on_record(http: Http, application: Any, receiver: Receiver) -> None:
    receiver.statuses = [404]
    http.end(http.ring("caller_hangs_up"))
    found = eventually(lambda: records(http, FAILED), "the record")
    assert found[-1]["attempts"][0]["http"]["response"]["status"] == 404
    assert found[-1]["attempts"][0]["errors"] == [75404]


def test_a_dropped_webhook_counts_as_failed(http: Http, application: Any) -> None:
    http.fault("drop", event_type="call.initiated")
    http.end(http.ring("caller_hangs_up"))
    assert [one["webhook"]["event_type"] for one in records(http, FAILED)] == ["call.initiated"]
    assert http("GET", "/v2/webhook_deliveries/4")[0] == 404


def test_an_attempt_tells_what_was_sent_and_what_came_back(http: Http, application: Any, receiver: Receiver) -> None:
    receiver.documents = {"/hooks": "thank you"}
    http.ring()
    receiver.wait("call.initiated")
    (record,) = eventually(lambda: records(http), "the record")
    exchanged = record["attempts"][0]["http"]
    sent = {name.lower() for name, _ in exchanged["request"]["headers"]}
    assert {"content-type", "telnyx-signature-ed25519", "telnyx-timestamp"} <= sent
    assert (exchanged["response"]["status"], exchanged["response"]["body"]) == (200, "thank you")
    assert "Content-Length" in dict(exchanged["response"]["headers"])
