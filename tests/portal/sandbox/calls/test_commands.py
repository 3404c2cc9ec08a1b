"""``command_id``: the same one does nothing for a minute, and says so only in the ledger."""

from typing import Any

import pytest

from portal.sandbox.calls import commands
from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver


def outcomes(http: Http) -> list[tuple[str, str]]:
    return [(line["action"], line["outcome"]) for line in http.ledger("commands")]


def test_a_repeated_command_is_answered_ok_and_not_executed(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.ring()
    for _ in range(3):
        assert http.act(id, "answer", command_id="one") == (200, {"data": {"result": "ok"}})
    http.act(id, "hangup")
    http.end(id)
    assert receiver.types() == ["call.initiated", "call.answered", "call.hangup"]
    assert outcomes(http) == [("answer", "executed"), *[("answer", "deduplicated")] * 2, ("hangup", "executed")]


def test_a_repeated_hangup_is_no_error_after_the_end(http: Http, application: Any) -> None:
    id = http.ring()
    assert http.act(id, "hangup", command_id="one")[0] == 200
    assert http.act(id, "hangup", command_id="one")[0] == 200
    assert http.act(id, "hangup", command_id="two")[0] == 422


def test_a_command_id_counts_for_one_call_only(http: Http, application: Any) -> None:
    for _ in range(2):
        http.act(http.ring(), "answer", command_id="one")
    assert outcomes(http) == [("answer", "executed")] * 2


def test_a_refused_command_may_be_sent_again(http: Http, application: Any) -> None:
    id = http.ring()
    assert http.act(id, "speak", payload="x", voice="y", command_id="one")[0] == 422
    http.act(id, "answer")
    assert http.act(id, "speak", payload="x", voice="y", command_id="one")[0] == 200
    assert outcomes(http)[-1] == ("speak", "executed")


def test_a_dial_is_repeated_account_wide(http: Http, application: Any, receiver: Receiver) -> None:
    body = {"connection_id": application.id, "from": "+13125550100", "to": "+13125550101", "command_id": "one"}
    first, second = http("POST", "/v2/calls", body), http("POST", "/v2/calls", body)
    assert first == second
    assert first[0] == 200
    live = http("GET", f"/v2/connections/{application.id}/active_calls")[1]
    assert live["meta"]["total_items"] == 1
    assert outcomes(http) == [("dial", "executed"), ("dial", "deduplicated")]


def test_after_a_minute_the_same_id_counts_anew(http: Http, application: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    id = http.ring()
    http.act(id, "answer")
    http.act(id, "send_dtmf", digits="1", command_id="one")
    monkeypatch.setattr(commands, "COMMAND_WINDOW", 0.0)
    http.act(id, "send_dtmf", digits="1", command_id="one")
    assert [outcome for _, outcome in outcomes(http)] == ["executed"] * 3
