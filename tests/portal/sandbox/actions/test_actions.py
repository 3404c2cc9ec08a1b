"""Every action of the SDK, sent by the SDK, is played: with what it requires, and with each thing it may be told."""

from collections.abc import Callable
from typing import Any

import pytest
import telnyx

from portal.sandbox.actions.actions import ACTIONS
from portal.sandbox.server.server import Sandbox
from portal.telnyx import schemas
from tests.support.polling import eventually
from tests.support.sandbox_actions import FIRST, RINGING, VALUES, sample
from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver

EVERY = schemas.methods("calls.actions")
# the events that each brings by itself or by what is done first, in order, after the answer; the rest brings none
EVENTS: dict[str, list[str]] = {
    "answer": ["call.answered"],
    "bridge": ["call.bridged"],
    "enqueue": ["call.enqueued"],
    "gather_using_ai": [],
    "gather_using_audio": ["call.playback.started"],
    "hangup": ["call.hangup"],
    "leave_queue": ["call.enqueued", "call.dequeued"],
    "refer": ["call.refer.started"],
    "reject": ["call.hangup"],
    "speak": ["call.speak.started"],
    "start_ai_assistant": ["call.conversation.created"],
    "start_forking": ["call.fork.started"],
    "start_playback": ["call.playback.started"],
    "start_siprec": ["siprec.started"],
    "start_streaming": ["streaming.started"],
    "stop_ai_assistant": [
        "call.conversation.created",
        "call.conversation.ended",
        "call.conversation_insights.generated",
    ],
    "stop_conversation_relay": ["call.conversation.ended"],
    "stop_forking": ["call.fork.started", "call.fork.stopped"],
    "stop_gather": ["call.gather.ended"],
    "stop_playback": ["call.playback.started", "call.playback.ended"],
    "stop_recording": ["call.recording.saved"],
    "stop_siprec": ["siprec.started", "siprec.stopped"],
    "stop_streaming": ["streaming.started", "streaming.stopped"],
}


@pytest.fixture
def call(http: Http, application: Any) -> Callable[[], str]:
    """Makes a caller, answered, who stays."""

    def made() -> str:
        id = http.ring("transferred")
        assert http.act(id, "answer")[0] == 200
        return id

    return made


@pytest.fixture
def values(call: Callable[[], str]) -> dict[str, Any]:
    """The values of members, with a second call to be bridged with."""
    return VALUES | {"call_control_id": call()}


def send(sdk: telnyx.Telnyx, action: str, id: str, body: dict[str, Any]) -> Any:
    method = f"calls.actions.{action}"
    return getattr(sdk.calls.actions, action)(id, **schemas.arguments(method, body))


def required(action: str, values: dict[str, Any]) -> dict[str, Any]:
    found = schemas.parameters(f"calls.actions.{action}")
    return {one.name: sample(one, values) for one in found if one.required}


def test_the_sandbox_knows_every_action_of_the_sdk() -> None:
    assert sorted(action.method for action in ACTIONS.values()) == sorted(EVERY)
    assert len(EVERY) >= 41


@pytest.mark.parametrize("action", EVERY)
def test_an_action_with_only_what_it_requires_is_played(
    sdk: telnyx.Telnyx,
    http: Http,
    sandbox: Sandbox,
    receiver: Receiver,
    call: Callable[[], str],
    values: dict[str, Any],
    action: str,
) -> None:
    id = http.ring("transferred") if action in RINGING else call()
    if action in FIRST:
        send(sdk, FIRST[action], id, required(FIRST[action], values))
    answer = send(sdk, action, id, required(action, values))
    assert answer.data.result == "ok"
    for event_type in EVENTS.get(action, []):
        receiver.wait(event_type, id)
    told = delivered(sandbox, receiver, id)
    before = ["call.initiated"] if action in RINGING else ["call.initiated", "call.answered"]
    assert told == before + EVENTS.get(action, [])
    line = http.ledger("commands")[-1]
    assert (line["action"], line["outcome"]) == (action, "executed")


@pytest.mark.parametrize("action", EVERY)
def test_each_thing_an_action_may_be_told_is_taken(
    sdk: telnyx.Telnyx,
    http: Http,
    sandbox: Sandbox,
    receiver: Receiver,
    call: Callable[[], str],
    values: dict[str, Any],
    action: str,
) -> None:
    """Nothing excludes anything else here, so one request tells it all."""
    id = http.ring("transferred") if action in RINGING else call()
    if action in FIRST:
        send(sdk, FIRST[action], id, required(FIRST[action], values))
    values |= under_way(sandbox, id)
    body = {one.name: sample(one, values) for one in schemas.parameters(f"calls.actions.{action}")}
    assert send(sdk, action, id, body).data.result == "ok"


def test_each_thing_a_dial_may_be_told_is_taken(
    sdk: telnyx.Telnyx, http: Http, application: Any, values: dict[str, Any], receiver: Receiver
) -> None:
    values |= {"connection_id": application.id}
    values |= dict.fromkeys(("link_to", "supervise_call_control_id"), values["call_control_id"])
    body = {one.name: sample(one, values) for one in schemas.parameters("calls.dial")}
    assert sdk.calls.dial(**schemas.arguments("calls.dial", body)).data


def delivered(sandbox: Sandbox, receiver: Receiver, id: str) -> list[str]:
    """What was told of the leg once nothing more is owed."""
    session = sandbox.store.call(id).call_session_id
    eventually(lambda: not sandbox.store.count_deliveries(session), "the last delivery")
    return receiver.types(id)


def under_way(sandbox: Sandbox, id: str) -> dict[str, Any]:
    """The ids of what is under way on the leg, for commands that name it."""
    running = sandbox.store.call(id).running
    kinds = {"recording_id": "recording", "stream_id": "stream"}
    return {name: running[kind][0]["id"] for name, kind in kinds.items() if running.get(kind)}
