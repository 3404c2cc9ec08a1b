"""Refuses what is no HTTP request, and gives up on slow senders: the gunicorn worker of the portal's web process.

Threads are few, and gunicorn waits for a request's bytes as long as its sender likes: eight senders that stall would
be the whole process.
"""

import json
import socket
import time
import uuid
from http import HTTPStatus
from typing import Any

from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from portal import stopping

READ_SECONDS = 10.0  # for a request to arrive whole, from when a thread begins to read it

_OUR_FAULT = (errors.ConfigurationProblem, errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)
_STATUSES: dict[type[Exception], HTTPStatus] = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ParseException: HTTPStatus.BAD_REQUEST,
}


class WebWorker(ThreadWorker):  # type: ignore[misc]
    """Serves on threads, of which nobody holds one for longer than ``READ_SECONDS`` by sending slowly."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._until: dict[Any, float] = {}

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Answer the requests that are here without asking Telnyx anything new."""
        stopping.begin()
        super().handle_exit(sig, frame)

    def handle(self, conn: Any) -> Any:
        self._until[conn] = time.monotonic() + READ_SECONDS
        try:
            return super().handle(conn)
        finally:
            del self._until[conn]

    def murder_pending(self) -> None:
        """Stop reading from slow senders: called about once a second, on the main thread."""
        super().murder_pending()
        now = time.monotonic()
        for conn in [conn for conn, until in self._until.copy().items() if until < now]:
            try:
                conn.sock.shutdown(socket.SHUT_RD)  # a request that is being worked on can still be answered
            except OSError:
                pass  # it has gone by itself

    def handle_request(self, req: Any, conn: Any) -> Any:
        if req.version >= (1, 1) and not any(name == "HOST" for name, _ in req.headers):
            raise errors.InvalidHeader("HOST")  # RFC 9112, 3.2
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Refuse what is no request, echoing nothing of it: not to the sender, not into the log."""
        status = next((status for kind, status in _STATUSES.items() if isinstance(exc, kind)), None)
        if status is None or isinstance(exc, _OUR_FAULT):
            super().handle_error(req, client, addr, exc)
            return
        self.log.warning("no request: %s", type(exc).__name__)
        try:
            client.sendall(_problem(status))
        except OSError:
            pass  # nobody waits for it


def _problem(status: HTTPStatus) -> bytes:
    members = {"type": "urn:voice-portal:invalid", "title": status.phrase, "status": status, "code": "invalid"}
    body = json.dumps(members | {"detail": "This is no HTTP request that can be read.", "request_id": uuid.uuid4().hex})
    head = f"HTTP/1.1 {status} {status.phrase}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
