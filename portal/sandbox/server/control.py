"""Serves the control addresses: finds the operation, the world it is asked of, and who may ask."""

import ipaddress
from urllib.parse import unquote, urlsplit

from portal.json_types import JsonObject
from portal.sandbox.control import openapi
from portal.sandbox.control.operations import Asked
from portal.sandbox.control.table import OPERATIONS
from portal.sandbox.control.worlds import Worlds
from portal.sandbox.core.errors import not_found
from portal.sandbox.core.requests import Answer, Request

LARGE = "/sandbox/snapshot"  # the one path whose body may be larger than any of Telnyx's


class Control:
    """Answers requests under ``/sandbox``."""

    def __init__(self, worlds: Worlds, public_key: str) -> None:
        self._worlds, self._public_key = worlds, public_key

    def answer(self, request: Request) -> Answer:
        """Return status and body; raises ``Refused``."""
        if (request.method, request.path) == ("GET", "/sandbox/openapi.json"):
            return 200, openapi.document()
        for operation in OPERATIONS:
            match = operation.pattern.fullmatch(request.path)
            if match and operation.method == request.method:
                operation.check(request.body, request.query)
                world = self._worlds.of_key(request.headers.get("authorization", ""))
                id = unquote(match[1]) if match.groups() else ""
                asked = Asked(world, self._worlds, id, request.body, request.query, self._public_key)
                if not operation.alone:
                    return 200, operation.run(asked)
                with world.exchange.transaction():
                    answer: JsonObject = operation.run(asked)
                return 200, answer
        raise not_found()


def is_loopback(host: str) -> bool:
    """Return whether a ``Host`` header (name or address, with or without port) means this machine."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_allowed(host: str, origin: str | None, allowed: tuple[str, ...] = ()) -> bool:
    """Return whether a request is meant for, and comes from, this machine or a name that was allowed.

    Else any web page could have a browser here ask the sandbox, under a name of its own that leads to 127.0.0.1.
    """
    return _is_ours(host, allowed) and (not origin or _is_ours(urlsplit(origin).netloc, allowed))


def _is_ours(host: str, allowed: tuple[str, ...]) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return is_loopback(host) or name in allowed
