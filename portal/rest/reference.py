"""Shows the OpenAPI document as pages to read: an introduction, and a page for each resource.

Whoever wants to send requests from a page takes Swagger's, below ``/api/docs/try/``.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.text import capfirst

from portal.json_types import JsonObject
from portal.rest.document import document

_PREFIX = "/api/v1/"
_DEEPEST = 4  # objects within objects that are shown by their names
_MOST_VALUES = 12  # of an enumeration
_NAMES = {"texml": "TeXML", "call control": "Call Control", "ai": "AI", "twiml": "TwiML", "siprec": "SIPREC"}
_BY_NAME = {
    "from": "+13125550100",
    "to": "+13125550001",
    "connection_id": "1838259600345370018",
    "account": "sandbox",
    "webhook_event_url": "https://example.com/telnyx",
    "next": "https://portal.example/api/v1/…?cursor=cD0yMDI2LTExLTI4",
    "previous": "https://portal.example/api/v1/…?cursor=cj0xJnA9MjAyNi0xMS0yOA",
}
_BY_ENDING = {
    "call_control_id": "v3:U70o8JxUsew9tZLexaoilK0oavcDYom-QrRo6Y3hGSab-6GoAusQJg",
    "_at": "2026-11-28T09:30:00Z",
    "url": "https://example.com/",
    "name": "Support line",
    "number": "+13125550100",
    "id": "1838259600345370018",
}
_BY_FORMAT = {
    "date-time": "2026-11-28T09:30:00Z",
    "date": "2026-11-28",
    "uuid": "422c5d69-ef2b-4d99-ba97-c0666d884198",
    "uri": "https://example.com/",
    "email": "ada@example.com",
}
_BY_TYPE: dict[str, Any] = {"string": "text", "integer": 1, "number": 1.5, "boolean": True, "null": None}


@dataclass(frozen=True)
class Member:
    """Describes a parameter, or a member of a body; ``name`` leads to it with dots."""

    name: str
    type: str
    required: bool
    text: str
    place: str = ""


@dataclass(frozen=True)
class Operation:
    """Describes one request: what it takes, and what it answers."""

    id: str
    method: str
    path: str
    text: str
    parameters: list[Member]
    members: list[Member]
    body: str
    status: str
    answer: str

    @property
    def curl(self) -> str:
        """The request as it is typed into a shell, where TOKEN and PORTAL are set."""
        needed = [f"{one.name}=…" for one in self.parameters if one.required and one.place == "query"]
        query = f"?{'&'.join(needed)}" if needed else ""
        lines = [f'curl -s -H "Authorization: Bearer $TOKEN" "$PORTAL{self.path}{query}"']
        if self.method != "GET":
            lines.insert(1, f"  -X {self.method}")
        if self.body:
            quoted = self.body.replace("'", "'\\''")
            lines.append(f"  -H 'Content-Type: application/json' -d '{quoted}'")
        return " \\\n".join(lines)


@dataclass(frozen=True)
class Resource:
    """Holds the requests below one address."""

    slug: str
    title: str
    operations: list[Operation]


def index(request: HttpRequest) -> HttpResponse:
    """Show what every request has in common, and lead to the resources."""
    return render(request, "portal/reference/index.html", {"resources": resources().values()})


def resource(request: HttpRequest, slug: str) -> HttpResponse:
    """Show all requests of one resource."""
    shown = resources().get(slug)
    if shown is None:
        raise Http404
    return render(request, "portal/reference/resource.html", {"resources": resources().values(), "shown": shown})


@cache
def resources() -> dict[str, Resource]:
    """Return all resources by their slug."""
    whole = document()
    schemas = _Schemas(whole["components"]["schemas"])
    found: dict[str, list[Operation]] = {}
    for path, methods in sorted(whole["paths"].items()):
        slug = _slug(path)
        found.setdefault(slug, []).extend(_operation(path, method, told, schemas) for method, told in methods.items())
    return {slug: Resource(slug, _title(slug), operations) for slug, operations in found.items()}


def _slug(path: str) -> str:
    parts = path.removeprefix(_PREFIX).split("/")
    return "-".join(parts[:2] if parts[0] == "texml" else parts[:1])


def _title(slug: str) -> str:
    words = slug.replace("-", " ")
    for plain, proper in _NAMES.items():
        words = f" {words} ".replace(f" {plain} ", f" {proper} ").strip()
    return capfirst(words)


def _operation(path: str, method: str, told: JsonObject, schemas: "_Schemas") -> Operation:
    wanted = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    status, answered = next(iter(told["responses"].items()))
    answer = answered.get("content", {}).get("application/json", {}).get("schema")
    text = "\n\n".join(filter(None, (told.get("summary"), told.get("description")))).replace("``", "")
    return Operation(
        id=told["operationId"].replace("_", "-"),
        method=method.upper(),
        path=path,
        text=text,
        parameters=[
            Member(
                one["name"],
                schemas.words(one.get("schema", {})),
                one.get("required", False),
                one.get("description", ""),
                one["in"],
            )
            for one in told.get("parameters", [])
        ],
        members=list(schemas.members(wanted)) if wanted else [],
        body=_text(schemas.example(wanted, sparing=True)) if wanted else "",
        status=status,
        answer=_text(schemas.example(answer)) if answer else "",
    )


def _text(example: Any) -> str:
    return json.dumps(example, indent=2, ensure_ascii=False)


class _Schemas:
    """Reads JSON schemas that refer to each other."""

    def __init__(self, by_name: JsonObject) -> None:
        self._by_name = by_name

    def resolved(self, schema: JsonObject) -> JsonObject:
        """Return the schema itself: what a reference names, what all of several say together."""
        if "$ref" in schema:
            named: JsonObject = self._by_name[schema["$ref"].rpartition("/")[2]]
            return self.resolved(named) | {key: value for key, value in schema.items() if key != "$ref"}
        if "allOf" in schema:
            whole: JsonObject = {key: value for key, value in schema.items() if key != "allOf"}
            for part in schema["allOf"]:
                whole = self.resolved(part) | whole
            return whole
        return schema

    def words(self, schema: JsonObject) -> str:
        """Say in a few words what a value may be."""
        schema = self.resolved(schema)
        if "enum" in schema:
            values = [json.dumps(value) for value in schema["enum"] if value not in ("", None)]
            more = f" … ({len(values)} in all)" if len(values) > _MOST_VALUES else ""
            return ", ".join(values[:_MOST_VALUES]) + more
        if choices := schema.get("oneOf", schema.get("anyOf")):
            return " or ".join(dict.fromkeys(self.words(choice) for choice in choices))
        kinds = self._kinds(schema)
        if "array" in kinds:
            return f"list of {self.words(schema.get('items', {})) or 'values'}"
        kind = " or ".join(kinds) or "any value"
        return f"{kind} ({schema['format']})" if schema.get("format") else kind

    def members(self, schema: JsonObject, before: str = "", depth: int = 0) -> Iterator[Member]:
        """Tell the members of an object, those of objects within it after them."""
        schema = self.resolved(schema)
        required = schema.get("required", [])
        for name, one in schema.get("properties", {}).items():
            whole = self.resolved(one)
            text = whole.get("description") or whole.get("title", "")
            yield Member(f"{before}{name}", self.words(one), name in required, text)
            if depth < _DEEPEST and whole.get("properties"):
                yield from self.members(whole, f"{before}{name}.", depth + 1)

    def example(self, schema: JsonObject, name: str = "", sparing: bool = False, depth: int = 0) -> Any:
        """Make a value that fits; a ``sparing`` one has the members that are required, or the first one."""
        schema = self.resolved(schema)
        kinds = self._kinds(schema)
        if (given := _named(name, schema) if "string" in kinds else _given(schema)) is not None:
            return given
        if choices := schema.get("oneOf", schema.get("anyOf")):
            return self.example(choices[0], name, sparing, depth)
        if "properties" in schema or "object" in kinds:
            return {} if depth > _DEEPEST else self._object(schema, sparing, depth)
        if "array" in kinds:
            return [] if depth > _DEEPEST else [self.example(schema.get("items", {}), name, sparing, depth + 1)]
        return _plain(schema, kinds)

    def _object(self, schema: JsonObject, sparing: bool, depth: int) -> JsonObject:
        members = schema.get("properties", {})
        if sparing:
            required = [name for name in schema.get("required", []) if name in members]
            members = {name: members[name] for name in required or islice(members, 1)}
        return {name: self.example(one, name, sparing, depth + 1) for name, one in members.items()}

    @staticmethod
    def _kinds(schema: JsonObject) -> list[str]:
        kinds = schema.get("type", [])
        return [kinds] if isinstance(kinds, str) else [kind for kind in kinds if kind != "null"]


def _named(name: str, schema: JsonObject) -> Any:
    """Return a text that looks as those of this name do."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    by_ending = (value for ending, value in _BY_ENDING.items() if name.endswith(ending))
    return _given(schema) or _BY_FORMAT.get(schema.get("format", "")) or next(by_ending, None)


def _given(schema: JsonObject) -> Any:
    """Return the value that the schema itself names, if any."""
    for value in (schema.get("example"), schema.get("default"), schema.get("const"), *schema.get("enum", [])):
        if value not in (None, "", [], {}):
            return value
    return None


def _plain(schema: JsonObject, kinds: list[str]) -> Any:
    plain: Any = _BY_TYPE.get(next(iter(kinds), ""))
    return max(schema.get("minimum", plain), plain) if kinds == ["integer"] else plain
