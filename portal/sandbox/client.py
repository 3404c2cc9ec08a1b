"""Asks a sandbox from a test, in the words of its control addresses. One client is one world."""

import http.client
import json
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from portal.json_types import JsonObject

TIMEOUT = 90.0  # seconds; the longest wait is shorter


class Refused(Exception):
    """The sandbox said no: ``status`` and, for what it can name, ``errors``."""

    def __init__(self, status: int, answer: Any) -> None:
        self.status, self.answer = status, answer
        self.errors: list[JsonObject] = answer.get("errors", []) if isinstance(answer, dict) else []
        super().__init__(f"{status}: " + "; ".join(error.get("detail", "") for error in self.errors))


class Client:
    """Plays the people at the far end, sees what happened, lets things go wrong, moves the clock."""

    def __init__(self, base_url: str, api_key: str) -> None:
        """``base_url`` ends in ``/v2``, as the SDK takes it."""
        self.base_url, self.api_key = base_url, api_key
        self._address = urlsplit(base_url).netloc
        self.public_key: str = self.ask("GET", "/sandbox/ready")["public_key"]

    def ask(self, method: str, path: str, body: JsonObject | None = None) -> Any:
        """Ask any address of the sandbox, Telnyx's (``/v2/…``) as well; ``Refused`` unless it is done."""
        connection = http.client.HTTPConnection(self._address, timeout=TIMEOUT)
        try:
            raw = None if body is None else json.dumps(body).encode()
            connection.request(method, path, raw, {"Authorization": f"Bearer {self.api_key}"})
            answer = connection.getresponse()
            content = json.loads(answer.read() or b"null")
        finally:
            connection.close()
        if answer.status >= 300:
            raise Refused(answer.status, content)
        return content

    def ring(self, *steps: JsonObject, **more: Any) -> str:
        """Have somebody call who does this; return the ``call_control_id``."""
        body = ({} if "scenario" in more else {"steps": list(steps)}) | more
        id: str = self.ask("POST", "/sandbox/calls", body)["call_control_id"]
        return id

    def callee(self, number: str, *steps: JsonObject, **more: Any) -> None:
        """Have whoever has such a number do this when they are called."""
        self.ask("POST", "/sandbox/callees", {"number": number, "steps": list(steps)} | more)

    def call(self, call_control_id: str) -> JsonObject:
        """Return how a call stands, with all legs of its session."""
        found: JsonObject = self.ask("GET", f"/sandbox/calls/{quote(call_control_id)}")
        return found

    def act(self, call_control_id: str, what: str, **body: Any) -> JsonObject:
        """Have the far end ``press``, ``say``, ``hold``, ``answer`` or ``hangup`` now."""
        done: JsonObject = self.ask("POST", f"/sandbox/calls/{quote(call_control_id)}/{what}", body)
        return done

    def trigger(self, event_type: str, **more: Any) -> JsonObject:
        """Have one event sent; return it."""
        event: JsonObject = self.ask("POST", "/sandbox/trigger", {"event_type": event_type} | more)["event"]
        return event

    def fault(self, fault: str, **more: Any) -> None:
        """Have something go wrong."""
        self.ask("POST", "/sandbox/faults", {"fault": fault} | more)

    def ledger(self, kind: str, **chosen: Any) -> list[JsonObject]:
        """Return the lines of the ledger that fit; with ``wait`` once there are any."""
        query = urlencode({"kind": kind} | chosen)
        lines: list[JsonObject] = self.ask("GET", f"/sandbox/ledger?{query}")[kind]
        return lines

    def wait(self, event_type: str, call_control_id: str = "*", seconds: float = 30.0) -> JsonObject:
        """Return the payload of the first event of that type that was delivered; ``AssertionError`` without one."""
        chosen = {"event_type": event_type, "call_control_id": call_control_id, "wait": seconds, "status": 200}
        lines = self.ledger("deliveries", **chosen)
        if not lines:
            raise AssertionError(f"No {event_type} was delivered within {seconds:g} s.")
        body: JsonObject = lines[0]["body"]
        payload: JsonObject = body["data"]["payload"] if "data" in body else body
        return payload

    def pause(self, at: str | None = None) -> None:
        """Stop the clock, at that time (ISO 8601) if one is told."""
        self.ask("POST", "/sandbox/clock", {"paused": True} | ({"at": at} if at else {}))

    def advance(self, seconds: float) -> None:
        """Let time pass; return once everything that happens in it was told."""
        self.ask("POST", "/sandbox/clock/advance", {"seconds": seconds})
