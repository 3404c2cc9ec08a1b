"""What the sandbox knows of the SDK's parameters is what the installed SDK has, and judges as the SDK's types do."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from portal.sandbox import parameters
from portal.telnyx import schemas
from tests.support import sandbox_parameters
from tests.support.sandbox_actions import VALUES, sample

ROOT = Path(__file__).resolve().parents[3]
METHODS = sorted(parameters._table()["bodies"])
SPEAK: dict[str, Any] = {"payload": "hello", "voice": "female"}


def test_the_file_is_that_of_the_installed_sdk() -> None:
    """``python -m tests.support.sandbox_parameters`` writes it anew."""
    assert sandbox_parameters.PATH.read_text() == sandbox_parameters.text()


@pytest.mark.parametrize("method", METHODS)
def test_a_body_is_taken_exactly_when_the_sdk_takes_it(method: str) -> None:
    every = schemas.parameters(method)
    whole = {one.name: sample(one, VALUES) for one in every}
    bodies: list[dict[str, Any]] = [whole, {one.name: whole[one.name] for one in every if one.required}, {}]
    for one in every:
        for value in (None, "text", 5, 1.5, True, [], ["text"], [5], {}, {"nonsense": 1}, [{}]):
            bodies.append(whole | {one.name: value})
    for body in bodies:
        assert bool(parameters.wrongs(method, body)) is not taken(method, body), body


def taken(method: str, body: dict[str, Any]) -> bool:
    try:
        schemas.validate(method, body)
    except schemas.InvalidParameters:
        return False
    return True


@pytest.mark.parametrize(
    ("change", "kind", "path", "message"),
    [
        ({"payload": 5}, "type", ("payload",), "Must be a valid string."),
        ({"playload": "x"}, "unknown", ("playload",), 'Unknown parameter. Did you mean "payload"?'),
        ({"service_level": "x"}, "choice", ("service_level",), "Must be 'basic' or 'premium'."),
        ({"voice_settings": 5}, "type", ("voice_settings",), "Must be a valid object."),
    ],
)
def test_what_is_wrong_is_told_with_its_place(change: Any, kind: str, path: Any, message: str) -> None:
    (wrong,) = parameters.wrongs("calls.actions.speak", SPEAK | change)
    assert (wrong.kind, wrong.path, wrong.message) == (kind, path, message)


def test_what_is_missing_is_told() -> None:
    found = parameters.wrongs("calls.actions.speak", {})
    assert {(wrong.kind, wrong.path) for wrong in found} == {("missing", ("payload",)), ("missing", ("voice",))}


def test_the_sandbox_imports_neither_the_sdk_nor_what_it_stands_on() -> None:
    script = "import sys, portal.sandbox.__main__; print(*{'telnyx', 'pydantic', 'httpx', 'django'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""
