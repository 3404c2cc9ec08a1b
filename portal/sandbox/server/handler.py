"""Answers the requests of one connection: finds the world, lets a fault have them, writes them into the ledger."""

import contextlib
import json
import logging
import selectors
import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from portal import payloads
from portal.json_types import JsonObject
from portal.sandbox import chance, clock
from portal.sandbox.control.worlds import World, Worlds
from portal.sandbox.core.deliveries import FORM
from portal.sandbox.core.errors import Problem, Refused, bad_request, not_found
from portal.sandbox.core.events import timestamp
from portal.sandbox.core.faults import Fault
from portal.sandbox.core.requests import Answer, Request
from portal.sandbox.resources import recordings
from portal.sandbox.server import pages, routes, spoiling
from portal.sandbox.server.control import LARGE, Control, is_allowed

MAX_BODY, MAX_FIELDS = 1 << 20, 1000
MOST_LOADED = 64 << 20  # bytes of a snapshot
MOST_NOTED = 16 << 10  # bytes of a body that the ledger keeps
RATE = 500  # requests a second, as the headers tell it; nobody is held to it
IDLE_SECONDS = 75  # before a kept connection is closed
NONE: Mapping[str, str] = {}
_logger = logging.getLogger(__name__)
_FOREIGN = Problem("10010", "Not authorized", "The sandbox is asked from this machine only, by its address.")


class House(Protocol):
    """Has what a request needs of the sandbox."""

    worlds: Worlds
    control: Control
    allowed_hosts: tuple[str, ...]
    closing: threading.Event


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    timeout = 0  # of ``handle_request``: it is called when somebody is there
    sandbox: House

    def __init__(self, *arguments: Any) -> None:
        self._open: set[Any] = set()
        self._stopped, self._stopping = socket.socketpair()
        super().__init__(*arguments)

    def serve(self) -> None:
        """Take connections until ``stop``. Unlike ``serve_forever`` it does not look now and then: it sleeps."""
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            selector.register(self._stopped, selectors.EVENT_READ)
            while all(key.fileobj is not self._stopped for key, _ in selector.select()):
                self.handle_request()

    def stop(self) -> None:
        self._stopping.send(b".")

    def server_close(self) -> None:
        super().server_close()
        self._stopped.close()
        self._stopping.close()

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


class Handler(BaseHTTPRequestHandler):
    protocol_version = default_request_version = "HTTP/1.1"  # what tells no version is answered with a head, too
    wbufsize = -1  # head and body in one packet
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS
    server: Server
    _world: World

    def _serve(self) -> None:
        parts, sandbox = urlsplit(self.path), self.server.sandbox
        if parts.path.startswith("/sandbox/media/"):
            self._play(parts.path, dict(parse_qsl(parts.query)))
            return
        if not is_allowed(self.headers.get("Host", ""), self.headers.get("Origin"), sandbox.allowed_hosts):
            self.close_connection = True  # its body is not read
            self._send(403, Refused(403, _FOREIGN).body())
            return
        if self.command in ("GET", "HEAD") and (shown := pages.page(parts.path)):
            self._send_content(200, *shown, headers=pages.HEADERS)
            return
        try:
            self._world = sandbox.worlds.of_key(self.headers.get("Authorization", ""))
        except Refused as refused:
            self.close_connection = True
            self._send(refused.status, refused.body())
            return
        with self._world.exchange.around():
            self._asked(parts.path, parts.query)

    def _asked(self, path: str, query: str) -> None:
        self._given: JsonObject = {}
        if path.startswith("/sandbox"):
            self._send(*self._judged(self._control, path, query))
            return
        fault = self._world.faults.for_request(self.command, unquote(path))
        if fault:
            self._spoiled(fault, path, query)
        else:
            status, body = self._judged(self._telnyx, path, query)
            self._enter(path, status, body)
            self._send(status, body)

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = do_OPTIONS = _serve

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no request as everything else is refused: http.server itself would send HTML."""
        self.close_connection = True  # what follows may be its body
        said = message or HTTPStatus(code).phrase
        self._send(code, Refused(code, Problem("10015", "Bad Request", f"{said}.")).body())

    def _play(self, path: str, query: Mapping[str, str]) -> None:
        """Send a recording's audio. No key is asked for: Telnyx's links need none."""
        local = is_allowed(self.headers.get("Host", ""), None, self.server.sandbox.allowed_hosts)
        every = self.server.sandbox.worlds.every() if local else ()
        name = path.rpartition("/")[2]
        try:
            audio = next(filter(None, (recordings.audio(world.exchange, name, query) for world in every)), None)
        except Refused as refused:
            self._send(refused.status, refused.body())
            return
        if audio is None:
            self._send(404, not_found("This recording").body())
        else:
            self._send_content(200, *audio)

    def _control(self, request: Request) -> Answer:
        return self.server.sandbox.control.answer(request)

    def _telnyx(self, request: Request) -> Answer:
        return routes.answer(self._world.exchange, request)

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
        self._given = self._body(_read_form if is_form else _read_json, MOST_LOADED if path == LARGE else MAX_BODY)
        return Request(self.command, path, pairs, headers, self._given)

    def _body(self, read: Callable[[bytes], JsonObject], most: int) -> JsonObject:
        length = self.headers.get("Content-Length", "0")
        # a header is read as Latin-1, whose ² is a digit and no number; nor does Python read one of 5000 digits
        is_number = length.isascii() and length.isdecimal() and len(length) <= 20
        if "Transfer-Encoding" in self.headers or not is_number or int(length) > most:
            self.close_connection = True
            raise Refused(413, Problem("10015", "Bad Request", f"Send a Content-Length of at most {most} bytes."))
        return read(self.rfile.read(int(length)))

    def _spoiled(self, fault: Fault, path: str, query: str) -> None:
        status: int | None = None
        body: JsonObject = {}
        if fault.fault in ("drip", "act_then_cut", "act_then_status"):
            status, body = self._judged(self._telnyx, path, query)
        if fault.fault in ("status", "act_then_status"):
            status, body = spoiling.status_of(fault), spoiling.body_of(fault)
        if fault.fault == "status":
            self._judged(lambda request: (status, {}), path, query)  # the body is read, the connection can be kept
        self._enter(path, status, body, fault.fault)
        if fault.fault in ("status", "act_then_status"):
            self._send(status or 500, body)
        elif fault.fault == "drip":
            self._send(status or 500, body, pause=fault.value or 0.0)
        else:
            self.close_connection = True
            if fault.fault == "hang":
                self.server.sandbox.closing.wait(fault.value)

    def _enter(self, path: str, status: int | None, answer: JsonObject, fault: str | None = None) -> None:
        line = {"at": timestamp(clock.time()), "method": self.command, "path": unquote(path)}
        if not self.server.sandbox.closing.is_set():
            call = next((part for part in unquote(path).split("/") if part.startswith("v3:")), None) or _made(answer)
            told: JsonObject = {"status": status, "fault": fault, "call_control_id": call}
            told |= {"body": _noted(self._given), "answer": _noted(answer)}
            self._world.store.enter("requests", line | told)

    def _send(self, status: int, body: JsonObject, pause: float = 0.0) -> None:
        content = b"" if status == 204 else json.dumps(body).encode()
        self._send_content(status, "application/json; charset=utf-8", content, pause)

    def _send_content(
        self, status: int, kind: str, content: bytes, pause: float = 0.0, headers: Mapping[str, str] = NONE
    ) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        if getattr(self, "path", "").startswith("/v2/"):  # a line that is none has no path
            self._send_telnyx_headers(status)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "HEAD":
            return
        if not pause:
            self.wfile.write(content)
            return
        for place in range(len(content)):
            self.wfile.write(content[place : place + 1])
            self.wfile.flush()
            if self.server.sandbox.closing.wait(pause):
                break

    def _send_telnyx_headers(self, status: int) -> None:
        """Send what Telnyx sends with every answer. Its numbers are published nowhere."""
        self.send_header("x-request-id", chance.new_uuid())
        limits = ("1", "0", "1") if status == 429 else (str(RATE), str(RATE - 1), "1")
        for name, value in zip(("limit", "remaining", "reset"), limits, strict=True):
            self.send_header(f"x-ratelimit-{name}", value)

    def version_string(self) -> str:
        return "sandbox"

    def log_message(self, format: str, *arguments: Any) -> None:
        """Log nothing: the ledger has it."""


def _read_json(raw: bytes) -> JsonObject:
    try:
        body = payloads.loads(raw) if raw else {}
    except payloads.Unreadable as error:
        if not _is_utf8(raw):
            raise Refused(400, Problem("10028", "Character encoding error", f"The body is {error}.")) from None
        raise bad_request(f"The body is {error}.") from None
    if not isinstance(body, dict):
        raise bad_request("The body must be a JSON object.")
    return body


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _read_form(raw: bytes) -> JsonObject:
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise bad_request("The body is no form in UTF-8.") from None
    form: dict[str, list[str]] = {}
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in form.items()}


def _noted(body: JsonObject) -> JsonObject:
    """Return what the ledger keeps of a body: all of it, unless that is too much."""
    return body if len(json.dumps(body)) <= MOST_NOTED else {"left_out": f"more than {MOST_NOTED} bytes"}


def _made(answer: JsonObject) -> str | None:
    """Return the call that an answer tells of."""
    data = answer.get("data")
    return data.get("call_control_id") if isinstance(data, dict) else None
