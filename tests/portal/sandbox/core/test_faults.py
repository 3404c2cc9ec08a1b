"""Faults on request: each goes wrong as promised, as often as asked, and is seen in the ledger."""

import http.client
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portal.sandbox.core import deliveries
from portal.sandbox.server.server import Sandbox
from tests.support.clock import Gate
from tests.support.polling import eventually
from tests.support.sandbox_http import Http, refusal
from tests.support.webhook_receiver import Receiver

ANSWER = "/calls/*/actions/answer"


def commands(http: Http) -> list[str]:
    return [line["action"] for line in http.ledger("commands")]


def test_hang_gives_no_answer_and_does_nothing(http: Http, application: Any, gate: Gate) -> None:
    id = http.ring()
    http.fault("hang", method="POST", path=ANSWER, value=30)
    with raw_answer(http, id) as raw:
        assert gate.reached.wait(60)
        raw.settimeout(0.2)
        with pytest.raises(TimeoutError):
            raw.recv(1)
    assert commands(http) == []
    assert http.ledger("requests")[-1]["fault"] == "hang"


def test_hang_ends_in_a_closed_connection(http: Http, application: Any) -> None:
    http.fault("hang", path="/calls", value=0.01)
    with pytest.raises(http_client_errors()):
        http.act(http.ring(), "answer")


def test_cut_gives_no_answer_and_does_nothing(http: Http, application: Any) -> None:
    id = http.ring()
    http.fault("cut", method="POST", path=ANSWER)
    with pytest.raises(http_client_errors()):
        http.act(id, "answer")
    assert commands(http) == []


def test_act_then_cut_acts_and_gives_no_answer(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.ring()
    http.fault("act_then_cut", method="POST", path=ANSWER)
    with pytest.raises(http_client_errors()):
        http.act(id, "answer", command_id="one")
    receiver.wait("call.answered", id)
    assert http.act(id, "answer", command_id="one")[0] == 200
    assert [line["outcome"] for line in http.ledger("commands")] == ["executed", "deduplicated"]


def test_drip_answers_byte_by_byte(
    http: Http, application: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, pauses, taken = http.ring(), set(), threading.Semaphore(0)

    class Pauses(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            pauses.add(timeout)
            assert taken.acquire(timeout=60)  # what was sent so far
            return False

    monkeypatch.setattr(sandbox, "closing", Pauses())
    http.fault("drip", path=ANSWER, value=0.01)
    with raw_answer(http, id) as raw:
        pieces = [raw.recv(65536)]
        while pieces[-1] and not b"".join(pieces).endswith(b"}}"):
            taken.release()
            pieces.append(raw.recv(65536))
        taken.release()
    assert {len(piece) for piece in pieces[1:]} == {1}
    assert b"".join(pieces).endswith(b'{"data": {"result": "ok"}}')
    assert pauses == {0.01}


def test_status_answers_what_was_asked_and_does_nothing(http: Http, application: Any) -> None:
    id = http.ring()
    http.fault("status", path=ANSWER, value=503)
    status, answer = http.act(id, "answer")
    assert (status, answer["errors"][0]["code"]) == (503, "10007")
    assert commands(http) == []


def test_act_then_status_acts_and_answers_what_was_asked(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.ring()
    http.fault("act_then_status", path=ANSWER)
    status, answer = http.act(id, "answer", command_id="one")
    assert (status, answer["errors"][0]["code"]) == (500, "10007")
    receiver.wait("call.answered", id)
    assert http.act(id, "answer", command_id="one")[0] == 200
    assert [line["outcome"] for line in http.ledger("commands")] == ["executed", "deduplicated"]
    assert [line["status"] for line in http.ledger("requests") if line["fault"]] == [500]


def test_status_429_tells_when_to_come_back(http: Http, application: Any) -> None:
    http.fault("status", path="/calls", value=429)
    connection = http_connection(http)
    connection.request("GET", "/v2/calls/x", headers={"Authorization": "Bearer KEY"})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["x-ratelimit-reset"]) == (429, "1")
    assert json.loads(answer.read())["errors"][0]["code"] == "10011"
    connection.close()


def test_a_fault_strikes_as_often_as_asked_and_only_what_it_names(http: Http, application: Any) -> None:
    id = http.ring()
    http.fault("status", method="POST", path=ANSWER, value=500, times=2)
    assert http("GET", f"/v2/calls/{id}")[0] == 200
    assert http.act(id, "speak", payload="x", voice="y")[0] == 422
    assert [http.act(id, "answer")[0] for _ in range(3)] == [500, 500, 200]


def test_faults_are_listed_and_deleted(http: Http, application: Any) -> None:
    http.fault("cut", path="/calls", times=None)
    assert len(http("GET", "/sandbox/faults")[1]["faults"]) == 1
    assert http("DELETE", "/sandbox/faults") == (200, {"faults": []})
    assert http("GET", f"/v2/calls/{http.ring()}")[0] == 200


def test_drop_loses_one_delivery(http: Http, application: Any, receiver: Receiver) -> None:
    http.fault("drop", path="call.answered")
    id = http.ring()
    http.act(id, "answer")
    http.act(id, "hangup")
    receiver.wait("call.hangup")
    assert receiver.types() == ["call.initiated", "call.hangup"]
    (line,) = [line for line in http.ledger("deliveries") if line["fault"]]
    assert (line["fault"], line["event_type"], line["status"]) == ("drop", "call.answered", None)


def test_drop_loses_so_many_percent(http: Http, application: Any, receiver: Receiver) -> None:
    http.fault("drop", path="call.initiated", value=50, times=None)
    for _ in range(40):
        http.ring()
    eventually(lambda: len(http.ledger("deliveries")) == 40)
    assert 0 < len(receiver.hooks) < 40  # all or none of 40: once in 500,000,000,000 runs


def test_drop_of_no_percent_loses_nothing(http: Http, application: Any, receiver: Receiver) -> None:
    http.fault("drop", path="call.initiated", value=0)
    http.ring()
    receiver.wait("call.initiated")


def test_duplicate_posts_the_same_event_again(http: Http, application: Any, receiver: Receiver) -> None:
    http.fault("duplicate", event_type="call.initiated", value=5)
    http.ring()
    receiver.wait("call.initiated", count=5)
    eventually(lambda: len(http.ledger("deliveries")) == 5)
    assert len({hook.event["id"] for hook in receiver.hooks}) == 1


def test_reorder_lets_the_next_event_of_the_leg_pass(
    http: Http, application: Any, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "_REORDER_PATIENCE", 600)
    http.fault("reorder", path="call.initiated")
    http.act(http.ring(), "answer")
    receiver.wait("call.initiated")
    assert [hook.type for hook in receiver.hooks] == ["call.answered", "call.initiated"]


def test_reorder_does_not_wait_for_ever(
    http: Http, application: Any, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "_REORDER_PATIENCE", 0.05)
    http.fault("reorder", path="call.initiated")
    http.ring()
    receiver.wait("call.initiated")


def test_delay_posts_later(
    http: Http, application: Any, receiver: Receiver, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    later: list[tuple[float, Callable[[], None]]] = []
    monkeypatch.setattr(sandbox.exchange.courier, "_later", lambda seconds, post: later.append((seconds, post)))
    http.fault("delay", path="call.initiated", value=0.8)
    id = http.ring()
    http.act(id, "answer")
    http.act(id, "hangup")
    receiver.wait("call.hangup")
    ((seconds, post),) = later
    assert seconds == 0.8
    post()
    receiver.wait("call.initiated")
    assert [hook.type for hook in receiver.hooks] == ["call.answered", "call.hangup", "call.initiated"]


def test_a_delivery_fault_may_name_the_receiving_path(http: Http, application: Any, receiver: Receiver) -> None:
    http.fault("drop", path="/hooks")
    http.act(http.ring(), "answer")
    receiver.wait("call.answered")
    assert receiver.types() == ["call.answered"]


def test_a_fault_strikes_one_call_only(http: Http, application: Any) -> None:
    one, other = http.ring(), http.ring()
    http.fault("status", path="/calls/*/actions", call_control_id=other, times=None)
    assert (http.act(one, "answer")[0], http.act(other, "answer")[0]) == (200, 500)


def test_a_delivery_of_one_call_only_is_lost(http: Http, application: Any, receiver: Receiver) -> None:
    one, other = http.ring(), http.ring()
    http.fault("drop", event_type="call.answered", call_control_id=one)
    for id in (one, other):
        http.act(id, "answer")
        http.act(id, "hangup")
    for id in (one, other):
        receiver.wait("call.hangup", id)
    assert [hook.payload["call_control_id"] for hook in receiver.hooks if hook.type == "call.answered"] == [other]


def test_the_nth_match_is_the_first_that_is_struck(http: Http, application: Any) -> None:
    id = http.ring()
    http.fault("status", path=f"/calls/{id}", nth=3, value=503)
    assert [http("GET", f"/v2/calls/{id}")[0] for _ in range(4)] == [200, 200, 503, 200]


def test_a_fault_answers_the_code_of_choice(http: Http, application: Any) -> None:
    id = http.ring()
    http.fault("status", path=ANSWER, code="90034")
    status, answer = http.act(id, "answer")
    assert (status, answer["errors"][0]["code"], answer["errors"][0]["title"]) == (
        422,
        "90034",
        "Call not answered yet",
    )


def test_a_fault_refuses_a_dial_for_a_reason_of_choice(http: Http, application: Any) -> None:
    http.fault("status", path="/calls", code="D51")
    body = {"connection_id": application.id, "from": "+13125550100", "to": "+13125550001"}
    status, answer = http("POST", "/v2/calls", body)
    assert (status, answer["telnyx_error"]["error_code"]) == (403, "D51")
    assert http.ledger("commands") == []


def test_a_fault_answers_the_body_of_choice(http: Http, application: Any) -> None:
    http.fault("act_then_status", path="/calls", value=202, body={"data": {"odd": True}})
    assert http("GET", "/v2/calls/v3:x") == (202, {"data": {"odd": True}})


def test_a_fault_outlives_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite3"
    with Sandbox(state) as first:
        Http(first.port).fault("status", path="/calls", times=2)
        assert Http(first.port)("GET", "/v2/calls/v3:x")[0] == 500
    with Sandbox(state) as second:
        assert [Http(second.port)("GET", "/v2/calls/v3:x")[0] for _ in range(2)] == [500, 404]


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"nth": 0}, "/nth"),
        ({"call_control_id": 1}, "/call_control_id"),
        ({"code": 90034}, "/code"),
        ({"body": "x"}, "/body"),
        ({"value": 99}, "/value"),
        ({"fault": "cut", "code": "D13"}, "/code"),
    ],
)
def test_what_makes_no_sense_of_a_fault_is_named(http: Http, more: dict[str, Any], pointer: str) -> None:
    assert refusal(http("POST", "/sandbox/faults", {"fault": "status"} | more)) == (422, "10015", pointer)


@pytest.mark.parametrize(
    "body",
    [{}, {"fault": "explode"}, {"fault": "cut", "times": 0}, {"fault": "cut", "value": "x"}, {"fault": "cut", "x": 1}],
)
def test_a_fault_that_makes_no_sense_is_refused(http: Http, body: dict[str, Any]) -> None:
    assert http("POST", "/sandbox/faults", body)[0] == 422


def raw_answer(http: Http, id: str) -> socket.socket:
    """A connection on which the command ``answer`` was sent."""
    raw = socket.create_connection(("127.0.0.1", http.port), timeout=60)
    head = f"POST /v2/calls/{id}/actions/answer HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer KEY\r\n"
    raw.sendall(f"{head}Content-Length: 2\r\n\r\n{{}}".encode())
    return raw


def http_client_errors() -> tuple[type[Exception], ...]:
    return (http.client.RemoteDisconnected, ConnectionResetError)


def http_connection(http_: Http) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", http_.port, timeout=60)
