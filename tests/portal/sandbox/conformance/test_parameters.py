"""Every parameter of every operation is judged: missing, of another type, none of the choices; and whatever else."""

from typing import Any

import pytest

from portal.telnyx import schemas
from portal.telnyx.sdk_types import Parameter
from tests.portal.sandbox.conformance import judgement
from tests.portal.sandbox.conformance.catalogue import Operation, operations
from tests.portal.sandbox.conformance.world import World

WRONG_TYPE, NO_CHOICE, MISSING, UNKNOWN = "10026", "10032", "10004", "10015"

# what TeXML asks for though the SDK has it as optional
_NUMBERS = {"To": "+13125550101", "From": "+13125550100", "ApplicationSid": "none"}
NEEDED: dict[str, dict[str, Any]] = {
    "texml.accounts.calls.calls": _NUMBERS,
    "texml.accounts.calls.recordings.recording_sid_json": {"Status": "paused"},
    "texml.accounts.calls.siprec.siprec_sid_json": {"Status": "stopped"},
    "texml.accounts.calls.siprec_json": {"ConnectorName": "archive"},
    "texml.accounts.calls.streams.streaming_sid_json": {"Status": "stopped"},
    "texml.accounts.calls.streams_json": {"Url": "wss://example.com/audio"},
    "texml.accounts.conferences.participants.participants": _NUMBERS,
    "texml.accounts.queues.create": {"FriendlyName": "support"},
    "texml.accounts.queues.update": {"MaxSize": 5},
}


@pytest.mark.long
def test_every_parameter_is_judged(world: World) -> None:
    found: set[str] = set()
    asked = 0
    for operation in [one for one in operations() if one.has_body]:
        if f"{operation.name} is not served" in judgement.known("operations"):
            continue
        places = world.places(operation)
        world.before(operation, places)
        least = world.body(operation, places, everything=False) | NEEDED.get(operation.name, {})
        for name, body, code in wrongs(operation, least):
            asked += 1
            told = refusal(world, operation, places, body)
            if told != (422, code, f"/{name}"):
                found.add(f"{operation.name}: {name} {code}: {told}")
    assert asked > 900
    judgement.compare("parameters", found)


def wrongs(operation: Operation, least: dict[str, Any]) -> list[tuple[str, dict[str, Any], str]]:
    """Bodies with one thing wrong: which one it is, and the code that says so."""
    found = [("nonsense", least | {"nonsense": 1}, UNKNOWN)]
    for one in [one for one in schemas.parameters(operation.name) if one.name not in operation.places]:
        if one.required:
            found.append((one.name, {name: value for name, value in least.items() if name != one.name}, MISSING))
        if one.choices and one.kind == "string":
            found.append((one.name, least | {one.name: "__nonsense__"}, NO_CHOICE))
        if (value := _another(one)) is not None:
            found.append((one.name, least | {one.name: value}, WRONG_TYPE))
    return found


def _another(one: Parameter) -> Any:
    """A value of a type that the parameter does not take; None where it takes nearly anything."""
    if one.kind == "any" or one.choices:
        return None
    return "text" if one.kind == "object" else {"an": "object"}


def refusal(world: World, operation: Operation, places: dict[str, str], body: Any) -> tuple[int, str, str]:
    """Status, code and pointer of the refusal."""
    path = operation.path.format(**places)
    status, answer = world.http(operation.method, f"/v2{path}", body)
    error = (answer.get("errors") or [{}])[0] if isinstance(answer, dict) else {}
    return status, str(error.get("code", "")), str(error.get("source", {}).get("pointer", ""))
