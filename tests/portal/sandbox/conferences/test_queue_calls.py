"""Who waits in a queue is told in order."""

import telnyx

from tests.support.polling import eventually
from tests.support.sandbox_http import Http, refused
from tests.support.webhook_receiver import Receiver


def test_a_leg_waits_in_a_queue_until_it_is_bridged(
    sdk: telnyx.Telnyx, http: Http, answered: str, receiver: Receiver
) -> None:
    http.act(answered, "enqueue", queue_name="support")
    told = receiver.wait("call.enqueued", answered).payload
    assert (told["queue"], told["current_position"]) == ("support", 1)
    assert sdk.queues.retrieve("support").data.current_size == 1  # type: ignore[union-attr]
    other = http.ring("transferred")
    http.act(other, "answer")
    assert http.act(other, "bridge", queue="support", call_control_id="v3:of-no-meaning-then")[0] == 200
    told = receiver.wait("call.dequeued", answered).payload
    assert (told["reason"], told["queue_position"]) == ("bridged", 1)
    eventually(lambda: receiver.wait("call.bridged", answered))
    assert sdk.queues.retrieve("support").data.current_size == 0  # type: ignore[union-attr]


def test_who_waits_is_told_in_order(sdk: telnyx.Telnyx, http: Http, answered: str) -> None:
    second = http.ring("transferred")
    http.act(second, "answer")
    for id in (answered, second):
        http.act(id, "enqueue", queue_name="sales")
    waiting = list(sdk.queues.calls.list("sales"))
    assert [(call.call_control_id, call.queue_position) for call in waiting] == [(answered, 1), (second, 2)]
    one = sdk.queues.calls.retrieve(second, queue_name="sales").data
    assert one
    assert (one.from_, one.is_alive) == ("+13125550143", True)
    assert refused(http("DELETE", "/v2/queues/sales")) == (400, "90050")
    sdk.queues.calls.remove(answered, queue_name="sales")
    assert [call.queue_position for call in sdk.queues.calls.list("sales")] == [1]
    assert refused(http("GET", f"/v2/queues/sales/calls/{answered}")) == (404, "10007")
