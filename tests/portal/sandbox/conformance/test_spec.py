"""The same against Telnyx's public OpenAPI document, which is no part of this project: the variable ``SPEC`` names it.

Every answer and every webhook is judged by its schema, every operation of the document has to have been asked for.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.portal.sandbox.conformance import judgement
from tests.portal.sandbox.conformance.play import Play
from tests.portal.sandbox.conformance.test_errors import CODES
from tests.portal.sandbox.conformance.world import World

SPEC = os.environ.get("SPEC", "")
ENOUGH = 20  # answers of one operation with one status that are looked at
_PLACE = re.compile(r"\\\{[^}]+\\\}")
_IN_DATA = re.compile(r"^((data|payload|\[\])\.)+")
pytestmark = pytest.mark.skipif(not SPEC, reason="SPEC names no OpenAPI document of Telnyx's")


class Document:
    """The document, and where a schema stands in it."""

    def __init__(self, path: Path) -> None:
        self.content: dict[str, Any] = json.loads(path.read_text())
        resource = Resource(contents=self.content, specification=DRAFT202012)
        self._registry = Registry().with_resource("urn:telnyx", resource)
        paths = sorted(self.content["paths"], key=lambda path: path.count("{"))  # what is named goes before a place
        self._patterns = [(path, re.compile(_PLACE.sub("[^/]+", re.escape(path)))) for path in paths]

    def operation(self, method: str, path: str) -> str | None:
        """The document's path, of which this one is an example."""
        for known, pattern in self._patterns:
            if pattern.fullmatch(path) and method.lower() in self.content["paths"][known]:
                return known
        return None

    def schema_of_answer(self, method: str, path: str, status: int) -> str | None:
        """The pointer to the schema of an answer, None when it has none."""
        pointer = f"/paths/{_escaped(path)}/{method.lower()}/responses/{status}"
        response = self.content["paths"][path][method.lower()]["responses"][str(status)]
        while "$ref" in response:
            pointer = response["$ref"].removeprefix("#")
            response = self._at(pointer)
        content = response.get("content", {})
        return f"{pointer}/content/application~1json/schema" if "application/json" in content else None

    def wrongs(self, pointer: str, value: Any) -> Iterator[str]:
        """What is wrong with a value, told by where it is and what was expected."""
        validator = Draft202012Validator({"$ref": f"urn:telnyx#{pointer}"}, registry=self._registry)
        for error in validator.iter_errors(value):
            where = ".".join("[]" if isinstance(part, int) else part for part in error.absolute_path)
            yield f"{where}: {_told(error)}"

    def webhooks(self) -> dict[str, str]:
        """The pointer to the schema of each webhook, by the event's type."""
        found = {}
        for name in self.content["webhooks"]:
            pointer = f"/webhooks/{name}/post/requestBody/content/application~1json/schema"
            text = json.dumps(self._expanded(self._at(pointer)))
            for event_type in re.findall(r'"event_type": \{[^}]*"enum": \["([a-z_.]+)"\]', text):
                found[event_type] = pointer
        return found

    def _expanded(self, schema: Any, depth: int = 0) -> Any:
        if isinstance(schema, dict):
            if "$ref" in schema and depth < 6:
                return self._expanded(self._at(schema["$ref"].removeprefix("#")), depth + 1)
            return {name: self._expanded(inner, depth) for name, inner in schema.items()}
        return schema

    def _at(self, pointer: str) -> Any:
        value: Any = self.content
        for part in pointer.strip("/").split("/"):
            value = value[part.replace("~1", "/").replace("~0", "~")]
        return value


def _escaped(path: str) -> str:
    return path.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")


def _folded(label: str, wrong: str) -> str:
    """Tell of a null once, wherever it is: whether the wire has it is one question."""
    where, _, what = wrong.partition(": ")
    return f"{_IN_DATA.sub('', where)} is null" if what == "null" else f"{label}: {wrong}"


def _told(error: Any) -> str:
    if error.instance is None:
        return "null"
    if error.validator == "additionalProperties":
        return "a member that it has not"
    return f"{error.validator} {error.validator_value}"[:120]


@pytest.fixture(scope="module")
def document() -> Document:
    return Document(Path(SPEC))


def test_every_answer_is_as_the_document_says(world: World, play: Play, document: Document) -> None:
    found: set[str] = set()
    seen: Counter[tuple[str, str, int]] = Counter()
    for line in world.every_request():
        path = document.operation(line["method"], str(line["path"]).removeprefix("/v2"))
        if path is None or line["status"] not in range(200, 300):  # which refusals there are is test_errors' matter
            continue
        seen[line["method"], path, line["status"]] += 1
        if seen[line["method"], path, line["status"]] > ENOUGH or "left_out" in line["answer"]:
            continue
        label = f"{line['method']} {path} {line['status']}"
        known = document.content["paths"][path][line["method"].lower()]["responses"]
        if str(line["status"]) not in known:
            found.add(f"{label}: this status is not documented")
        elif pointer := document.schema_of_answer(line["method"], path, line["status"]):
            found |= {_folded(label, one) for one in document.wrongs(pointer, line["answer"])}
    asked = {(method, path) for method, path, _ in seen}
    for path, methods in document.content["paths"].items():
        names = {method.upper() for method in methods} & {"GET", "POST", "PATCH", "PUT", "DELETE"}
        found |= {f"{method} {path} is not served" for method in names if (method, path) not in asked}
    judgement.compare("spec.answers", found)


def test_every_code_of_the_document_is_judged(document: Document) -> None:
    told = set(re.findall(r'"code": "(\d{5})"', json.dumps(document.content["components"]["responses"])))
    assert len(told) > 25
    assert told <= set(CODES)


def test_every_webhook_is_as_the_document_says(world: World, play: Play, document: Document) -> None:
    schemas = document.webhooks()
    assert len(schemas) > 50
    seen: Counter[str] = Counter()
    found: set[str] = set()
    for hook in world.every_hook():
        if hook.headers["Content-Type"] == "application/json" and hook.type in schemas:
            seen[hook.type] += 1
            if seen[hook.type] <= ENOUGH:
                found |= {_folded(hook.type, one) for one in document.wrongs(schemas[hook.type], hook.body)}
    found |= {f"{event_type} is never told" for event_type in set(schemas) - set(seen)}
    judgement.compare("spec.webhooks", found)
