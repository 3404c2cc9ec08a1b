"""Somebody who is given webhooks: a real HTTP server that checks nothing and keeps everything."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl

from portal.sandbox.core.exchange import Exchange
from tests.support.polling import eventually


@dataclass
class Hook:
    """One request as it came in."""

    path: str
    headers: Any
    raw: bytes
    body: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        is_form = self.headers["Content-Type"] == "application/x-www-form-urlencoded"
        self.body = dict(parse_qsl(self.raw.decode(), keep_blank_values=True)) if is_form else json.loads(self.raw)

    @property
    def event(self) -> dict[str, Any]:
        return self.body["data"]

    @property
    def type(self) -> str:
        return self.event["event_type"]

    @property
    def at(self) -> str:
        """When it happened: most conference events tell it in their payload, a conference's recording not at all."""
        return str(self.event.get("occurred_at") or self.payload.get("occurred_at") or "~")

    @property
    def payload(self) -> dict[str, Any]:
        return self.event["payload"]


class Receiver:
    """``status`` is what it answers; ``statuses`` first, while it has any. ``react`` is called before the answer.
    ``documents`` are what it has to give, by path, with ``.mp3`` a sound; of every other path it gives nothing.

    ``exchange`` is the one whose calls go on while somebody waits.
    """

    def __init__(self, exchange: Exchange | None = None) -> None:
        self.exchange = exchange
        self.hooks: list[Hook] = []
        self.status, self.statuses = 200, []
        self.react: Callable[[Hook], None] = lambda hook: None
        self.location = ""
        self.documents: dict[str, str | bytes] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.url = f"{self.origin}/hooks"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def types(self, call_control_id: str | None = None) -> list[str]:
        """Event types in the order of ``occurred_at``."""
        hooks = [hook for hook in self.hooks if call_control_id in (None, hook.payload.get("call_control_id"))]
        return [hook.type for hook in sorted(hooks, key=lambda hook: hook.at)]

    def wait(self, event_type: str, call_control_id: str | None = None, count: int = 1) -> Hook:
        """The ``count``-th hook of that type."""

        def found() -> list[Hook]:
            hooks = [hook for hook in self.hooks if hook.type == event_type]
            hooks = [hook for hook in hooks if call_control_id in (None, hook.payload.get("call_control_id"))]
            return hooks[count - 1 : count]

        return eventually(found, event_type, self.exchange)[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook = Hook(self.path, self.headers, self.rfile.read(int(self.headers["Content-Length"] or 0)))
                receiver.react(hook)
                receiver.hooks.append(hook)
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else receiver.status)
                if receiver.location:
                    self.send_header("Location", receiver.location)
                found = receiver.documents.get(self.path.partition("?")[0], b"")
                kind = "audio/mpeg" if self.path.endswith(".mp3") else "application/xml"
                self.send_header("Content-Type", kind)
                content = found.encode() if isinstance(found, str) else found
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST

            def log_message(self, *_: object) -> None:
                pass

        return Handler
