"""The control addresses are described as they are served."""

from typing import Any

import pytest

from portal.sandbox.control.table import OPERATIONS
from tests.support.sandbox_http import Http

SAMPLES: dict[str, list[Any]] = {
    "string": [1, True, [], {}, None],
    "number": ["x", True, [], {}, None],
    "integer": ["x", True, [], {}, None],
    "boolean": ["x", 1, [], {}, None],
    "object": ["x", 1, True, [], None],
    "array": ["x", 1, True, {}, None],
}


def test_every_operation_is_described(http: Http) -> None:
    document = http("GET", "/sandbox/openapi.json")[1]
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(operation.method, operation.path) for operation in OPERATIONS}
    ids = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.method} {one.path}")
def test_bad_input_is_named_and_never_a_500(http: Http, application: Any, operation: Any) -> None:
    """Every member with values of every other type, and one that is none."""
    path = operation.path.replace("{call_control_id}", http.ring()).replace("{name}", "none")
    status, answer = http(operation.method, path, {"nonsense": 1})
    assert status == 422
    assert answer["errors"][0]["source"]["pointer"] == "/nonsense"
    for member in operation.members:
        for value in SAMPLES.get(member.kind, ["x", 1, True, [], {}, -1]):
            if value is None and member.nullable:
                continue
            given = {one.name: _value(one.kind) for one in operation.members if one.required} | {member.name: value}
            status, answer = http(operation.method, path, given)
            if member.kind:
                assert (status, answer["errors"][0]["source"]["pointer"]) == (422, f"/{member.name}")
            assert status < 500


def _value(kind: str) -> Any:
    return {"string": "call.hangup", "number": 0, "object": {}, "array": []}.get(kind)
