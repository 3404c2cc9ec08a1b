"""Queues: the lines, who waits in them, and Telnyx's refusals."""

import pytest
import telnyx

from tests.support.sandbox_http import Http, refused
from tests.support.webhook_receiver import Receiver


def test_queues_are_made_changed_and_deleted(sdk: telnyx.Telnyx, http: Http) -> None:
    made = sdk.queues.create(queue_name="sales", max_size=3).data
    assert made
    assert (made.name, made.max_size, made.current_size) == ("sales", 3, 0)
    assert refused(http("POST", "/v2/queues", {"queue_name": "sales"})) == (422, "10012")
    changed = sdk.queues.update("sales", max_size=5).data
    assert changed
    assert (changed.id, changed.max_size) == (made.id, 5)
    assert [queue.name for queue in sdk.queues.list()] == ["sales"]
    sdk.queues.delete("sales")
    assert refused(http("GET", "/v2/queues/sales")) == (404, "10007")


@pytest.mark.parametrize("kept", [True, False])
def test_whoever_hangs_up_is_kept_only_on_request(
    sdk: telnyx.Telnyx, http: Http, answered: str, receiver: Receiver, kept: bool
) -> None:
    http.act(answered, "enqueue", queue_name="sales")
    sdk.queues.calls.update(answered, queue_name="sales", keep_after_hangup=kept)
    http.act(answered, "hangup")
    receiver.wait("call.hangup", answered)
    assert [call.is_alive for call in sdk.queues.calls.list("sales")] == ([False] if kept else [])
    assert ("call.dequeued" in receiver.types(answered)) == (not kept)
    if kept:
        sdk.queues.calls.remove(answered, queue_name="sales")
        assert list(sdk.queues.calls.list("sales")) == []


def test_nobody_waits_longer_than_told(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "enqueue", queue_name="sales", max_wait_time_secs=1)
    assert receiver.wait("call.dequeued", answered).payload["reason"] == "timeout"


def test_telnyx_refuses_what_makes_no_sense(http: Http, answered: str) -> None:
    second = http.ring("transferred")
    http.act(second, "answer")
    assert refused(http.act(answered, "leave_queue")) == (422, "90035")
    http.act(answered, "enqueue", queue_name="sales", max_size=1)
    assert refused(http.act(answered, "enqueue", queue_name="sales")) == (422, "90038")
    assert refused(http.act(second, "enqueue", queue_name="sales")) == (422, "90036")
    assert refused(http.act(second, "enqueue", queue_name="sales", max_size=9)) == (422, "90037")
    assert refused(http("GET", "/v2/queues/none/calls")) == (404, "10007")
