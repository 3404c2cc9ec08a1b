"""The clock of a world stands still, and moves when it is told to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import telnyx

from portal.sandbox.server.server import Sandbox
from tests.support.sandbox_applications import make_application
from tests.support.sandbox_http import Http, refusal
from tests.support.webhook_receiver import Receiver

AT = "2026-03-01T12:00:00Z"


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """One at the pace of real calls, whose clock stands."""
    with Sandbox(tmp_path / "state.sqlite3") as sandbox:
        assert Http(sandbox.port)("POST", "/sandbox/clock", {"paused": True, "at": AT})[0] == 200
        yield sandbox


def advance(http: Http, seconds: float) -> Any:
    status, answer = http("POST", "/sandbox/clock/advance", {"seconds": seconds})
    assert (status, answer["settled"]) == (200, True)
    return answer


def test_nothing_happens_until_time_passes(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.ring("caller_hangs_up")
    assert advance(http, 1.9)["now"] == "2026-03-01T12:00:01.900000Z"
    assert receiver.types(id) == ["call.initiated"]
    advance(http, 0.1)
    assert receiver.types(id) == ["call.initiated", "call.hangup"]


def test_a_caller_stays_for_ten_minutes(http: Http, application: Any, receiver: Receiver) -> None:
    body = {"steps": [{"after": "answered", "stay": 600}]}
    id = http("POST", "/sandbox/calls", body)[1]["call_control_id"]
    http.act(id, "answer")
    advance(http, 599)
    assert http("GET", f"/sandbox/calls/{id}")[1]["ended"] is False
    advance(http, 2)
    assert receiver.hooks[-1].event["occurred_at"].startswith("2026-03-01T12:10:00")


def test_everything_in_between_happens_in_turn(http: Http, application: Any, receiver: Receiver) -> None:
    """What an application does about an event, while the clock moves, begins at the time of the event."""

    def react(hook: Any) -> None:
        if hook.type == "call.speak.ended" and receiver.types().count("call.speak.ended") < 3:
            http.act(hook.payload["call_control_id"], "speak", payload="again", voice="female")

    receiver.react = react
    id = http.ring("transferred")
    http.act(id, "answer")
    http.act(id, "speak", payload="once", voice="female")
    advance(http, 20)
    ends = [hook.event["occurred_at"][17:19] for hook in receiver.hooks if hook.type == "call.speak.ended"]
    assert ends == ["02", "04", "06", "08"]


def test_a_command_id_is_forgotten_after_a_minute_of_that_clock(http: Http, application: Any) -> None:
    id = http("POST", "/sandbox/calls", {"steps": []})[1]["call_control_id"]
    http.act(id, "answer")
    for seconds in (0, 30, 31):
        advance(http, seconds)
        http.act(id, "send_dtmf", digits="1", command_id="one")
    outcomes = [line["outcome"] for line in http.ledger("commands") if line["action"] == "send_dtmf"]
    assert outcomes == ["executed", "deduplicated", "executed"]


def test_a_clock_stands_still_over_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "other.sqlite3"
    with Sandbox(state) as first:
        Http(first.port)("POST", "/sandbox/clock", {"at": AT})
    with Sandbox(state) as second:
        shown = Http(second.port)("GET", "/sandbox/clock")[1]
        assert (shown["now"], shown["paused"]) == ("2026-03-01T12:00:00.000000Z", True)
        assert Http(second.port)("POST", "/sandbox/clock", {"paused": False})[1]["paused"] is False
        Http(second.port)("POST", "/sandbox/reset", {})
        assert Http(second.port)("GET", "/sandbox/clock")[1]["now"] > "2026-04"


def test_what_is_due_next_is_told(http: Http, sdk: telnyx.Telnyx, receiver: Receiver) -> None:
    make_application(sdk, receiver)
    http.ring("caller_hangs_up")
    assert http("GET", "/sandbox/clock")[1]["next"] == "2026-03-01T12:00:02.000000Z"


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("", {}, "/paused"),
        ("", {"paused": "yes"}, "/paused"),
        ("", {"paused": False, "at": AT}, "/at"),
        ("", {"at": "1999-01-01T00:00:00Z"}, "/at"),
        ("/advance", {}, "/seconds"),
        ("/advance", {"seconds": -1}, "/seconds"),
        ("/advance", {"seconds": True}, "/seconds"),
        ("/advance", {"seconds": 1e9}, "/seconds"),
    ],
)
def test_what_makes_no_sense_is_named(http: Http, path: str, body: dict[str, Any], pointer: str) -> None:
    assert refusal(http("POST", f"/sandbox/clock{path}", body)) == (422, "10015", pointer)
