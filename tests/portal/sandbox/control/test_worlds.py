"""Worlds are apart: by their keys, over a restart, in snapshots; and the same seed makes the same one."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import telnyx

from portal.sandbox.server.server import Sandbox
from tests.support.sandbox_http import Http, refusal
from tests.support.webhook_receiver import Hook, Receiver

AT = "2026-03-01T12:00:00Z"
MENU = {"payload": "which", "voice": "female", "maximum_digits": 1}


class World(Http):
    """Plain HTTP with the key of one world."""

    name = "one"

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        return super().__call__(method, path, body, Authorization=f"Bearer KEY-world-{self.name}", **headers)


def world(sandbox: Sandbox, name: str) -> World:
    http = World(sandbox.port)
    http.name = name
    return http


@pytest.fixture
def one(sandbox: Sandbox) -> Iterator[World]:
    yield world(sandbox, "one")
    Http(sandbox.port)("DELETE", "/sandbox/worlds/one")


def make(http: Http, url: str) -> str:
    body = {"application_name": "a", "webhook_event_url": url, "webhook_api_version": "2"}
    return http("POST", "/v2/call_control_applications", body)[1]["data"]["id"]


def applications(http: Http) -> list[Any]:
    return http("GET", "/v2/call_control_applications")[1]["data"]


def test_a_world_sees_nothing_of_another(sandbox: Sandbox, http: Http, one: World, receiver: Receiver) -> None:
    id = make(one, receiver.url)
    one.fault("status", path="/calls", times=None)
    assert (len(applications(one)), applications(http)) == (1, [])
    assert refusal(http("POST", "/sandbox/calls", {"steps": [], "connection_id": id}))[0] == 422
    assert http("GET", "/v2/calls/v3:x")[0] == 404
    assert one("GET", "/v2/calls/v3:x")[0] == 500
    assert {line["path"] for line in http.ledger("requests")} == {"/v2/call_control_applications", "/v2/calls/v3:x"}


def test_a_reset_leaves_other_worlds_alone(http: Http, one: World, receiver: Receiver) -> None:
    make(one, receiver.url)
    http("POST", "/sandbox/reset", {})
    assert len(applications(one)) == 1
    one("POST", "/sandbox/reset", {})
    assert applications(one) == []


def test_worlds_are_listed_and_ended(sandbox: Sandbox, http: Http, one: World) -> None:
    applications(one)
    assert http("GET", "/sandbox/worlds")[1] == {"worlds": [{"name": "one", "api_key": "KEY-world-one"}]}
    assert http("DELETE", "/sandbox/worlds/one") == (200, {"worlds": []})
    assert http("DELETE", "/sandbox/worlds/one")[0] == 404


def test_a_name_that_is_none_is_refused(sandbox: Sandbox, http: Http) -> None:
    assert refusal(world(sandbox, "a/b")("GET", "/v2/calls/x")) == (422, "10015", "/world")


def test_a_world_goes_on_after_a_restart_and_is_empty_if_asked(tmp_path: Path, receiver: Receiver) -> None:
    state = tmp_path / "state.sqlite3"
    with Sandbox(state, pace=0.02) as first:
        make(world(first, "w"), receiver.url)
        id = world(first, "w").ring("caller_hangs_up")
    with Sandbox(state, pace=0.02) as second:
        receiver.wait("call.hangup", id)
        assert len(applications(world(second, "w"))) == 1
    with Sandbox(state, empty=True) as third:
        assert Http(third.port)("GET", "/sandbox/worlds")[1] == {"worlds": []}


def test_fifty_calls_of_two_workers_keep_their_own_digits(tmp_path: Path) -> None:
    """Each worker has its world and its application; every caller presses keys of their own."""
    with Sandbox(tmp_path / "state.sqlite3", pace=0.02) as sandbox, Receiver() as left, Receiver() as right:
        workers = [(world(sandbox, name), receiver) for name, receiver in (("left", left), ("right", right))]
        for http, receiver in workers:
            make(http, receiver.url)
            receiver.react = _menu(http)
        pressed: dict[str, str] = {}

        def call(number: int) -> None:
            http, _ = workers[number % 2]
            keys = f"{number:02}"
            body = {"steps": [{"after": "gathering", "press": keys}, {"in": 2, "hangup": True}]}
            pressed[http("POST", "/sandbox/calls", body)[1]["call_control_id"]] = keys

        with ThreadPoolExecutor(25) as pool:
            list(pool.map(call, range(50)))
        for http, receiver in workers:
            query = "kind=deliveries&event_type=call.hangup&count=25&wait=60"
            assert http("GET", f"/sandbox/ledger?{query}")[1]["found"]
            ended = [hook for hook in receiver.hooks if hook.type == "call.gather.ended"]
            assert len(ended) == 25
            for hook in ended:
                id = hook.payload["call_control_id"]
                assert hook.payload["digits"] == pressed[id]
                assert receiver.types(id)[0] == "call.initiated"
                assert receiver.types(id)[-1] == "call.hangup"
        assert not {hook.payload["call_control_id"] for hook in left.hooks} & {
            hook.payload["call_control_id"] for hook in right.hooks
        }


def _menu(http: Http) -> Any:
    def react(hook: Hook) -> None:
        if hook.type == "call.initiated":
            http.act(hook.payload["call_control_id"], "answer")
            http.act(hook.payload["call_control_id"], "gather", maximum_digits=2)

    return react


def test_a_snapshot_brings_everything_back(http: Http, application: Any, receiver: Receiver, sandbox: Sandbox) -> None:
    id = http.ring("caller_hangs_up")
    receiver.wait("call.initiated", id)
    kept = http("GET", "/sandbox/snapshot")[1]
    http("POST", "/sandbox/reset", {})
    assert http("GET", f"/v2/calls/{id}")[0] == 404
    assert http("PUT", "/sandbox/snapshot", kept) == (200, {"result": "ok"})
    assert http("GET", f"/v2/calls/{id}")[1]["data"]["is_alive"] is True
    assert http.end(id)["hangup_cause"] == "originator_cancel"


def test_what_is_no_snapshot_changes_nothing(http: Http, application: Any) -> None:
    id = http.ring()
    for rows in ({"calls": [[1]]}, {"calls": "x"}, {"timers": [None]}):
        body = {"taken_at": 1.0, "rows": rows}
        assert refusal(http("PUT", "/sandbox/snapshot", body)) == (422, "10015", "/rows")
    assert refusal(http("PUT", "/sandbox/snapshot", {"rows": {}})) == (422, "10015", "/taken_at")
    assert http("GET", f"/v2/calls/{id}")[0] == 200


def told(state: Path, seed: str | None, receiver: Receiver) -> tuple[str, list[bytes]]:
    """The public key, and what a call in a sandbox of that seed posts while its clock is moved."""
    receiver.hooks.clear()
    with Sandbox(state, seed=seed) as sandbox:
        http = Http(sandbox.port)
        http("POST", "/sandbox/clock", {"at": AT})
        make(http, receiver.url)
        id = http("POST", "/sandbox/calls", {"steps": [{"after": "gathering", "press": "2"}]})[1]["call_control_id"]
        http.act(id, "answer")
        http.act(id, "record_start", format="wav", channels="single")
        http.act(id, "gather_using_speak", **MENU)
        http("POST", "/sandbox/clock/advance", {"seconds": 10})
        http.act(id, "hangup")
        http("POST", "/sandbox/clock/advance", {"seconds": 10})
        port = str(sandbox.port).encode()
        return sandbox.public_key, [hook.raw.replace(b":" + port, b":PORT") for hook in receiver.hooks]


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, receiver: Receiver) -> None:
    one, same = (told(tmp_path / f"{name}.sqlite3", "7", receiver) for name in ("a", "b"))
    other = told(tmp_path / "c.sqlite3", "8", receiver)
    assert len(one[1]) == 6
    assert one == same
    assert one[0] != other[0]
    assert not set(one[1]) & set(other[1])


def test_both_sdks_take_a_key_of_a_world(sandbox: Sandbox, one: World) -> None:
    with telnyx.Telnyx(api_key="KEY-world-one", base_url=sandbox.base_url, _strict_response_validation=True) as sdk:
        assert list(sdk.call_control_applications.list()) == []
