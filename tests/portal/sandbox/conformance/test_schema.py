"""Schemathesis: neither Telnyx's operations nor the control addresses fail, whatever they are sent."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode

from portal.sandbox import parameters
from portal.sandbox.control import openapi
from tests.portal.sandbox.conformance.catalogue import Operation, operations
from tests.portal.sandbox.conformance.world import World

EXAMPLES = max(settings().max_examples // 20, 1)
# they stop the world that all else is asked in, wait for a minute, or make 60,000 numbers
SLOW = ("/sandbox/clock", "/sandbox/snapshot", "/sandbox/ledger", "/sandbox/numbers")


def telnyx_document() -> dict[str, Any]:
    """The SDK's operations as an OpenAPI document, with the bodies that the sandbox judges by."""
    paths: dict[str, Any] = {}
    for operation in operations():
        paths.setdefault(f"/v2{operation.path}", {})[operation.method.lower()] = _described(operation)
    shared = parameters._table()["shared"]
    info = {"title": "Telnyx as the SDK knows it", "version": "1"}
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": shared}}


def _described(operation: Operation) -> dict[str, Any]:
    text = {"type": "string", "minLength": 1}
    places = [{"name": place, "in": "path", "required": True, "schema": text} for place in operation.places]
    told: dict[str, Any] = {"parameters": places, "responses": {"200": {"description": "taken"}}}
    body = parameters._table()["bodies"].get(operation.name, {"type": "object"})
    return told | ({"requestBody": {"content": {"application/json": {"schema": body}}}} if operation.has_body else {})


def control_document() -> dict[str, Any]:
    document = openapi.document()
    return document | {"paths": {path: told for path, told in document["paths"].items() if not path.startswith(SLOW)}}


@pytest.mark.long
@pytest.mark.parametrize("document", [telnyx_document, control_document])
def test_nothing_sent_is_answered_with_a_500(world: World, document: Any) -> None:
    key = {"Authorization": f"Bearer KEY-world-{document.__name__}"}  # what is judged elsewhere is left alone
    schema = schemathesis.openapi.from_dict(document())
    every = [found.ok() for found in schema.get_all_operations()]
    assert len(every) > 20
    failed: set[str] = set()

    def try_out(operation: Any) -> None:
        fitting, other = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)

        @settings(max_examples=EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(case=st.one_of(fitting, other), known=st.booleans())
        def answers(case: Any, known: bool) -> None:
            if known and "call_control_id" in case.path_parameters:  # ids that were made up are hardly ever one
                case.path_parameters["call_control_id"] = call
            base = f"http://127.0.0.1:{world.http.port}"
            if case.call(base_url=base, headers=key).status_code >= 500:
                failed.add(operation.label)

        answers()

    call = _call(world, key)
    for operation in every:
        try_out(operation)
    assert failed == set()


def _call(world: World, key: dict[str, str]) -> str:
    """Somebody who calls, in the world of that key."""
    body = {"application_name": "x", "webhook_event_url": "http://127.0.0.1:9/"}
    assert world.http("POST", "/v2/call_control_applications", body, **key)[0] == 201
    return str(world.http("POST", "/sandbox/calls", {"scenario": "transferred"}, **key)[1]["call_control_id"])
