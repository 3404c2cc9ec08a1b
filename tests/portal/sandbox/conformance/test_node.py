"""Telnyx's SDK for Node takes every answer, verifies every webhook, and the types it promises are what is told.

That SDK checks nothing as it runs: what it returns is the JSON that came. Its promises are its types, so the TypeScript
compiler judges what was told. ``make node`` brings both.
"""

from collections.abc import Iterator

import pytest

from portal.sandbox.core.keys import key_of_seed, public_key
from tests.portal.sandbox.conformance import judgement
from tests.portal.sandbox.conformance.catalogue import VOICE, operations
from tests.portal.sandbox.conformance.node_sdk import NodeSdk, Types, needs_node_sdk
from tests.portal.sandbox.conformance.play import UNSERVED, Play
from tests.portal.sandbox.conformance.world import World
from tests.support.sandbox_texml import FROM, TO

pytestmark = [needs_node_sdk, pytest.mark.long]
SAMPLES = 3  # of each kind of webhook
NUMBERS = {"From": FROM, "To": TO}
# what a TeXML request needs that its schema does not ask for
NEEDED: dict[str, dict[str, str | int]] = {
    "texml.accounts.calls.calls": NUMBERS,
    "texml.accounts.calls.recordings.recording_sid_json": {"Status": "paused"},
    "texml.accounts.calls.siprec.siprec_sid_json": {"Status": "stopped"},
    "texml.accounts.calls.siprec_json": {"ConnectorName": "archive"},
    "texml.accounts.calls.streams.streaming_sid_json": {"Status": "stopped"},
    "texml.accounts.calls.streams_json": {"Url": "wss://example.com"},
    "texml.accounts.calls.update": {"Texml": "<Response/>"},
    "texml.accounts.conferences.participants.participants": NUMBERS,
    "texml.accounts.conferences.update": {"Status": "completed"},
    "texml.accounts.queues.create": {"FriendlyName": "support"},
    "texml.accounts.queues.update": {"MaxSize": 5},
    "texml.calls.create": NUMBERS,
    "texml.initiate_ai_call": NUMBERS,
}


@pytest.fixture(scope="module")
def node(world: World) -> Iterator[NodeSdk]:
    with NodeSdk(str(world.sdk.base_url).rstrip("/"), world.sdk.public_key or "") as node:
        yield node


def test_every_answer_is_taken_and_has_the_promised_types(world: World, node: NodeSdk) -> None:
    types, found, served = Types(), set[str](), 0
    for operation in sorted(operations(), key=lambda one: one.name.startswith("texml.")):
        if f"{operation.name} {UNSERVED}" in judgement.known("operations"):
            continue
        if operation.name.startswith("texml."):
            world.begin_anew()
        places = world.places(operation)
        world.before(operation, places)
        body = world.body(operation, places, everything=False) if operation.has_body else {}
        body |= NEEDED.get(operation.name, {})
        if operation.name == "texml.accounts.calls.calls":  # the one whose body stands in a member of its own
            body = {"body": body | {"ApplicationSid": world.account.application.id}}
        if operation.name in ("texml.calls.create", "texml.initiate_ai_call"):
            places = {"connection_id": world.account.application.id}
        told = node.call(operation.name, places, body)
        served += 1
        if "error" in told:
            found.add(f"{operation.name}: {told['error']} {told['status']} {told['message']}"[:200])
        else:
            types.answer(operation.name, told)
    assert served > 130
    judgement.compare("node.answers", found | types.complaints())


def test_every_webhook_is_verified_and_has_the_promised_types(world: World, play: Play, node: NodeSdk) -> None:
    types, seen = Types(), dict[str, int]()
    for hook in world.every_hook():
        if hook.headers["Content-Type"] == "application/json" and hook.type.startswith(VOICE):
            told = node.unwrap(hook.raw.decode(), dict(hook.headers))
            assert told == {"event": hook.body}
            seen[hook.type] = seen.get(hook.type, 0) + 1
            if seen[hook.type] <= SAMPLES:
                types.webhook(hook.type, told["event"])
    assert len(seen) >= 62
    judgement.compare("node.webhooks", types.complaints())


def test_what_somebody_else_signed_is_refused(world: World) -> None:
    world.answered()
    world.receiver.wait("call.answered")
    hook = next(one for one in world.every_hook() if one.headers["Content-Type"] == "application/json")
    with NodeSdk(str(world.sdk.base_url), public_key(key_of_seed("another"))) as other:
        assert other.unwrap(hook.raw.decode(), dict(hook.headers))["error"] == "TelnyxWebhookVerificationError"


def test_the_compiler_sees_what_is_not_as_promised() -> None:
    types = Types()
    types.answer("calls.actions.answer", {"answer": {"data": {"result": "ok", "recording_id": None, "more": 1}}})
    types.answer("calls.retrieve_status", {"answer": {"data": {"is_alive": "yes"}}})
    types.answer("recordings.list", {"items": [{"channels": "three"}]})
    types.webhook("call.hangup", {"data": {"event_type": "call.hangup", "payload": {"hangup_source": "nobody"}}})
    types.webhook("call.unheard_of", {"data": {}})
    wrong = sorted(complaint.partition(":")[0] for complaint in types.complaints())
    assert wrong == ["call.hangup", "call.unheard_of", "calls.retrieve_status", "recordings.list"]
