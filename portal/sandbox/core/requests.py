"""Describes a request to the sandbox and its answer, between the HTTP server and whoever serves it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from portal.json_types import JsonObject
from portal.sandbox.core.exchange import Exchange


@dataclass(frozen=True)
class Request:
    """Holds what came in. ``path`` has no query and is quoted as it came: an id may hold a slash. Header names are
    lower case. A form is read into texts, and lists of texts where a name stands several times.
    """

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: JsonObject = field(default_factory=dict)


Answer = tuple[int, JsonObject]
Route = Callable[[Exchange, Request, tuple[str, ...]], Answer]
