"""Serves the sandbox over HTTP: Telnyx under ``/v2``, its control under ``/sandbox``, on the loopback address only."""

import contextlib
import json
import logging
import signal
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from portal import payloads
from portal.json_types import JsonObject
from portal.sandbox.actions import consequences
from portal.sandbox.actions.actions import ACTIONS
from portal.sandbox.core.deliveries import FORM, Courier
from portal.sandbox.core.errors import Problem, Refused, bad_request, not_found
from portal.sandbox.core.events import timestamp
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.faults import Fault, Faults
from portal.sandbox.core.keys import public_key, signing_key
from portal.sandbox.core.requests import Answer, Request
from portal.sandbox.core.store import Store
from portal.sandbox.resources import recordings, stock
from portal.sandbox.resources.applications import KINDS
from portal.sandbox.server import routes
from portal.sandbox.server.control import Control, is_loopback, is_of_this_machine
from portal.sandbox.texml import callbacks
from portal.telnyx import schemas

HOST = "127.0.0.1"
MAX_BODY, MAX_FIELDS = 1 << 20, 1000
IDLE_SECONDS = 75  # before a kept connection is closed
_logger = logging.getLogger(__name__)
_FOREIGN = Problem("10010", "Not authorized", "The sandbox is asked from this machine only, by its address.")


class Sandbox:
    """Runs a sandbox: ``with Sandbox(Path("var/sandbox.sqlite3")) as sandbox: … sandbox.base_url``.

    ``state`` is its SQLite file, the signing key lies beside it (``.key``) and outlives ``empty`` and reset. ``port`` 0
    takes a free one. ``pace`` multiplies every duration of a call: 0.02 makes two seconds of speech 40 ms.
    Reading the SDK takes seconds and 75 MB: at the start, or else when the first one calls, or sends what is judged.
    """

    def __init__(
        self,
        state: Path,
        port: int = 0,
        pace: float = 1.0,
        empty: bool = False,
        reads_sdk_at_start: bool = True,
    ) -> None:
        key = signing_key(state.with_suffix(".key"))
        self.public_key = public_key(key)
        self.faults = Faults()
        self.closing = threading.Event()
        self._server = _Server((HOST, port), _Handler)  # before the store: a taken port must not empty anything
        self._server.sandbox = self
        self.store = Store(state, empty=empty)
        stock.fill(self.store)
        self._courier = Courier(self.store, key, self.faults)
        self.exchange = Exchange(
            self.store, self._courier, pace, consequences.TIMERS, consequences.follow, callbacks.tell
        )
        self.control = Control(self.exchange, self.faults)
        self.port = int(self._server.server_address[1])
        self.base_url, self.control_url = f"http://{HOST}:{self.port}/v2", f"http://{HOST}:{self.port}/sandbox"
        self.exchange.media_url = f"{self.control_url}/media"
        self._reading, self._has_read = threading.Lock(), reads_sdk_at_start
        if reads_sdk_at_start:
            _read_sdk()
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def reset(self) -> None:
        """Make it as new: what ``POST /sandbox/reset`` does."""
        self.control.reset()

    def close(self) -> None:
        """Stop; the state stays. Calls alive go on at the next start."""
        self.closing.set()
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self.exchange.close()
        self._courier.close()
        self.store.close()

    def read_sdk(self) -> None:
        """Read the SDK's parameters, once: outside of any transaction, and before a call that would wait for it."""
        if self._has_read:
            return
        with self._reading:
            if not self._has_read:
                _logger.info("The sandbox reads the parameters of Telnyx's API now: its first answer takes seconds.")
                _read_sdk()
                self._has_read = True

    def _start(self) -> None:
        self._courier.start()
        self.exchange.start()
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="sandbox").start()


def wait_for_signal() -> None:
    """Return at the first SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(3600):
        pass


def _read_sdk() -> None:
    """Read all that a request may need: half of it is what the first one needs alone."""
    for method in ("calls.dial", *(f"calls.actions.{action.method}" for action in ACTIONS.values())):
        schemas.model(method)
    for path in KINDS:
        schemas.model(f"{path}.create")
        schemas.model(f"{path}.update")
    schemas.model("phone_numbers.update")
    for method in ("accounts.calls.calls", "accounts.conferences.participants.participants", "initiate_ai_call"):
        schemas.parameters(f"texml.{method}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    sandbox: Sandbox

    def __init__(self, *arguments: Any) -> None:
        self._open: set[Any] = set()
        super().__init__(*arguments)

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # HTTPServer's own would ask the DNS for our name

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the kept connections, which would live until they idle out."""
        for request in list(self._open):
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        _logger.debug("A client of the sandbox went away.", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS
    server: _Server

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        if parts.path.startswith("/sandbox/media/"):
            self._play(parts.path)
            return
        if not is_of_this_machine(self.headers.get("Host", ""), self.headers.get("Origin")):
            self.close_connection = True  # its body is not read
            self._send(403, Refused(403, _FOREIGN).body())
            return
        if parts.path.startswith("/sandbox"):
            self._send(*self._judged(self._control, parts.path, parts.query))
            return
        fault = self.server.sandbox.faults.for_request(self.command, unquote(parts.path))
        if fault:
            self._spoiled(fault, parts.path, parts.query)
        else:
            status, body = self._judged(self._telnyx, parts.path, parts.query)
            self._enter(parts.path, status)
            self._send(status, body)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve

    def _play(self, path: str) -> None:
        """Send a recording's audio. No key is asked for: Telnyx's links need none."""
        local = is_loopback(self.headers.get("Host", ""))
        audio = recordings.audio(self.server.sandbox.store, path.rpartition("/")[2]) if local else None
        if audio is None:
            self._send(404, not_found("This recording").body())
        else:
            self._send_content(200, *audio)

    def _control(self, request: Request) -> Answer:
        if request.path == "/sandbox/calls":  # who calls waits, not the portal that is about to answer the call
            self.server.sandbox.read_sdk()
        return self.server.sandbox.control.answer(request)

    def _telnyx(self, request: Request) -> Answer:
        if request.method in {"POST", "PATCH", "PUT"}:
            self.server.sandbox.read_sdk()
        return routes.answer(self.server.sandbox.exchange, request)

    def _judged(self, door: Any, path: str, query: str) -> Answer:
        try:
            answer: Answer = door(self._request(path, query))
        except Refused as refused:
            return refused.status, refused.body()
        except Exception:
            _logger.exception("The sandbox failed at %s %s.", self.command, path)
            return 500, Refused(500, Problem("10007", "Unexpected error", "See the sandbox's own output.")).body()
        return answer

    def _request(self, path: str, query: str) -> Request:
        headers = {name.lower(): value for name, value in self.headers.items()}
        pairs = dict(parse_qsl(query, keep_blank_values=True))
        is_form = headers.get("content-type", "").lower().startswith(FORM) and path.startswith("/v2/texml/")
        return Request(self.command, path, pairs, headers, self._body(_read_form if is_form else _read_json))

    def _body(self, read: Callable[[bytes], JsonObject]) -> JsonObject:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit() or int(length) > MAX_BODY:
            self.close_connection = True
            raise Refused(413, Problem("10015", "Bad Request", f"Send a Content-Length of at most {MAX_BODY} bytes."))
        return read(self.rfile.read(int(length)))

    def _spoiled(self, fault: Fault, path: str, query: str) -> None:
        status: int | None = None
        body: JsonObject = {}
        if fault.fault in ("drip", "act_then_cut", "act_then_status"):
            status, body = self._judged(self._telnyx, path, query)
        if fault.fault in ("status", "act_then_status"):
            status = int(fault.value or 500)
            body = Refused(status, _asked_for(status)).body()
        self._enter(path, status, fault.fault)
        if fault.fault == "status":
            self._judged(lambda request: (status, {}), path, query)  # the body is read, the connection can be kept
        if fault.fault in ("status", "act_then_status"):
            self._send(status or 500, body)
        elif fault.fault == "drip":
            self._send(status or 500, body, pause=fault.value or 0.0)
        else:
            self.close_connection = True
            if fault.fault == "hang":
                self.server.sandbox.closing.wait(fault.value)

    def _enter(self, path: str, status: int | None, fault: str | None = None) -> None:
        line = {"at": timestamp(time.time()), "method": self.command, "path": unquote(path)}
        if not self.server.sandbox.closing.is_set():
            self.server.sandbox.store.enter("requests", line | {"status": status, "fault": fault})

    def _send(self, status: int, body: JsonObject, pause: float = 0.0) -> None:
        content = b"" if status == 204 else json.dumps(body).encode()
        self._send_content(status, "application/json; charset=utf-8", content, pause)

    def _send_content(self, status: int, kind: str, content: bytes, pause: float = 0.0) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
        if status == 429:
            for name, value in (("limit", "1"), ("remaining", "0"), ("reset", "1")):
                self.send_header(f"x-ratelimit-{name}", value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if not pause:
            self.wfile.write(content)
            return
        for place in range(len(content)):
            self.wfile.write(content[place : place + 1])
            self.wfile.flush()
            if self.server.sandbox.closing.wait(pause):
                break

    def version_string(self) -> str:
        return "sandbox"

    def log_message(self, format: str, *arguments: Any) -> None:
        """Log nothing: the ledger has it."""


def _read_json(raw: bytes) -> JsonObject:
    try:
        body = payloads.loads(raw) if raw else {}
    except payloads.Unreadable as error:
        raise bad_request(f"The body is {error}.") from None
    if not isinstance(body, dict):
        raise bad_request("The body must be a JSON object.")
    return body


def _read_form(raw: bytes) -> JsonObject:
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise bad_request("The body is no form in UTF-8.") from None
    form: dict[str, list[str]] = {}
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in form.items()}


def _asked_for(status: int) -> Problem:
    code, title = {
        401: ("10009", "Authentication failed"),
        403: ("10010", "Not authorized"),
        404: ("10005", "Resource not found"),
        422: ("10027", "Unprocessable entity"),
        429: ("10011", "Too many requests"),
    }.get(status, ("10007", "Unexpected error"))
    return Problem(code, title, "Answered so because this fault was asked for.")
