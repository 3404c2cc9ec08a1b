"""Writes what the sandbox knows of the SDK's parameters, so that it reads no SDK: ``python -m`` this module does."""

import json
from pathlib import Path
from typing import Any

from portal.telnyx import schemas
from tests.portal.sandbox.conformance import judgement
from tests.portal.sandbox.conformance.catalogue import Operation, operations

PATH = Path(__file__).resolve().parents[2] / "portal" / "sandbox" / "parameters.json"
_WORDS = ("title", "description", "default", "examples")


def table() -> dict[str, Any]:
    """The bodies as JSON Schemas, with the definitions they share; those of TeXML by their parameters."""
    served = [one for one in operations() if one.has_body and f"{one.name} is not served" not in _unserved()]
    names = [one.name for one in served if not one.name.startswith("texml.")]
    bodies, shared = schemas.json_schemas(names)
    forms = {one.name: _form(one) for one in served if one.name.startswith("texml.")}
    return {"bodies": _bare(bodies), "forms": forms, "shared": _bare(shared)}


def text() -> str:
    """The file as it should be: a line for each operation."""
    sections = []
    for name, members in table().items():
        lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in sorted(members.items()))
        sections.append(f"{json.dumps(name)}: {{\n{lines}\n}}")
    return "{" + ",\n".join(sections) + "}\n"


def _unserved() -> dict[str, str]:
    return judgement.known("operations")


def _form(operation: Operation) -> list[Any]:
    return [schemas.describe(one) for one in schemas.parameters(operation.name)]


def _bare(schema: Any) -> Any:
    """The schema without its words. What is named like one of them is a member, and stays."""
    if isinstance(schema, list):
        return [_bare(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: value for name, value in schema.items() if name not in _WORDS or isinstance(value, dict)}
    return {name: _bare(value) for name, value in kept.items()}


if __name__ == "__main__":
    PATH.write_text(text())
