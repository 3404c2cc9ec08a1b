"""Asks for every operation once with the least and once with everything, through the SDK in strict mode."""

from collections.abc import Callable
from functools import partial
from typing import Any

import telnyx

from portal.telnyx import schemas
from tests.portal.sandbox.conformance import judgement
from tests.portal.sandbox.conformance.catalogue import Operation, method_of, operations
from tests.portal.sandbox.conformance.world import World
from tests.portal.sandbox.texml import test_sdk
from tests.support.polling import eventually

UNSERVED = "is not served"


class Play:
    """``deviations`` is what came of it, by operation."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.deviations: set[str] = set()
        self.asked = 0
        every = operations()
        for operation in [one for one in every if not one.name.startswith("texml.")]:
            for everything in (False, True):
                self._judge(operation.name, partial(self._ask, operation, everything))
        bring_events(world)
        wait_until_over(world)
        for operation in [one for one in every if one.name.startswith("texml.")]:
            world.begin_anew()  # each names its conference, its queue and its participant alike
            self._judge(operation.name, partial(self._texml, operation))

    def _judge(self, name: str, ask: Callable[[], Any]) -> None:
        self.asked += 1
        try:
            answer = ask()
        except telnyx.NotFoundError:
            self.deviations.add(f"{name} {UNSERVED}")
        except telnyx.APIResponseValidationError as error:
            self.deviations.add(f"{name}: the SDK does not take the answer: {str(error)[:200]}")
        except telnyx.APIStatusError as error:
            self.deviations.add(f"{name}: refuses what is right: {error.status_code} {error.body}"[:300])
        else:
            self.deviations |= {f"{name}: tells {member}" for member in judgement.strangers(answer)}

    def _ask(self, operation: Operation, everything: bool) -> Any:
        world = self.world
        places = world.places(operation)
        world.before(operation, places)
        body = world.body(operation, places, everything=everything) if operation.has_body else {}
        return self._call(operation, places, body)

    def _call(self, operation: Operation, places: dict[str, str], body: dict[str, Any]) -> Any:
        method = method_of(self.world.sdk, operation.name)
        last = list(places.values())[-1:]  # the SDK wants the last one by position, the others by name
        others = dict(list(places.items())[:-1])
        return method(*last, **others, **schemas.arguments(operation.name, body))

    def _texml(self, operation: Operation) -> Any:
        world = self.world
        of_texml = test_sdk.World(world.sdk, world.account, world.receiver)
        return test_sdk.CALLS[operation.name.removeprefix("texml.")](of_texml)


def wait_until_over(world: World) -> None:
    """Let every call end, and everybody be told."""
    store = world.http.exchange.store if world.http.exchange else None
    assert store
    eventually(
        lambda: not store.first_timer() and not store.owed_deliveries(), "the end of every call", world.http.exchange
    )


# what a dial is told, by whom it calls
_DIALS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("+13125550005", {"answering_machine_detection": "detect_beep"}),
    ("+13125550005", {"answering_machine_detection": "premium"}),
    ("+13125550006", {"answering_machine_detection": "premium_ios_call_screening_detection"}),
    ("+13125550001", {"deepfake_detection": {"enabled": True}, "stream_url": "wss://example.com/fail"}),
    ("+13125550002", {}),
    ("+13125550001", {"record": "record-from-answer", "record_format": "wav"}),
    ("sip:agent@sip.telnyx.com", {"custom_headers": [{"name": "X-Member", "value": "ada"}]}),
    ("sip:agent0009@sip.telnyx.com", {}),
)
_COMMANDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ai_assistant_start", {"assistant": {"id": "fail"}}),
    ("siprec_start", {"connector_name": "fail"}),
    ("refer", {"sip_address": "sip:+13125550002@example.com"}),
    ("playback_start", {"audio_url": "https://example.com/missing"}),
    ("playback_start", {"media_name": "welcome"}),
    ("hangup", {}),
)
ON_REQUEST = ("call.analyzed", "call.deepfake_detection.error", "call.hold", "call.recording.error", "call.unhold")


def bring_events(world: World) -> None:
    """Have everything happen that no command with the least and with everything brings about."""
    for to, more in _DIALS:
        world.http.dial(world.application, to, **more)
    for action, body in _COMMANDS:
        assert world.http.act(world.answered(), action, **body)[0] == 200
    steps = [{"after": "gathering", "press": "1"}]
    body = {"steps": steps, "connection_id": world.application.id}
    called = world.http("POST", "/sandbox/calls", body)[1]["call_control_id"]
    for action in ("answer", "gather"):
        assert world.http.act(called, action)[0] == 200
    of_application = {"connection_id": world.application.id}
    for event_type in ON_REQUEST:
        assert world.http("POST", "/sandbox/trigger", {"event_type": event_type} | of_application)[0] == 200
