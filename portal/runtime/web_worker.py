"""Serves requests that are all there: the gunicorn worker of the portal's web process.

Threads are few. gunicorn's own worker gives each connection to one, which waits for the request's bytes and for the
other side to take the answer; so a handful that send nothing, or slowly, or do not read, would be the whole process.
Here the main thread waits, for all of them at once, and a thread never reads from a socket.
"""

import errno
import json
import selectors
import socket
import time
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any

import structlog
from gunicorn.http import errors
from gunicorn.http.body import LengthReader
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from portal import stopping
from portal.rest.problem_bodies import CONTENT_TYPE, problem_body
from portal.runtime.connections import SEND_SECONDS, Connection

READ_SECONDS = 10.0  # for a request to arrive whole, from its first byte; a new connection has as long for that one
CLOSE_SECONDS = 2.0  # for the other side to close, so that it gets its answer whole
MOST_OF_ONE_ADDRESS = 64  # open connections, unless it is the proxy's: that one comes for everybody
MOST_HELD = 64 * 1024 * 1024  # bytes of requests that are not whole yet
_PIECE = 65_536
_NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
# accept(2): nobody waits any more, a firewall forbids it, or what befell the new connection on its way
_OF_THE_CONNECTION = {
    *(errno.EAGAIN, errno.ECONNABORTED, errno.EPERM, errno.EPROTO, errno.ENOPROTOOPT, errno.EOPNOTSUPP),
    *(errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ETIMEDOUT),
    getattr(errno, "ENONET", errno.ENETDOWN),  # which macOS does not have
}

_OUR_FAULT = (errors.ConfigurationProblem, errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)


class TooLarge(errors.ParseException):  # type: ignore[misc]
    """Refuses a body of more than ``MOST_BODY``."""


class BrokenOff(errors.ParseException):  # type: ignore[misc]
    """Refuses a body that ended before its length: Django would take what there is for all of it."""


_STATUSES: dict[type[Exception], HTTPStatus] = {
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ParseException: HTTPStatus.BAD_REQUEST,
}


class WebWorker(ThreadWorker):  # type: ignore[misc]
    """Reads and sends on the main thread; works on whole requests on threads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: dict[Connection, None] = {}  # for the other side; the longest waiting first
        self._of_network: Counter[str] = Counter()
        self._look_at = 0.0

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        super().check_config(cfg, log)
        if cfg.is_ssl:
            raise RuntimeError("TLS is the proxy's: leave out --certfile and --keyfile.")

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Answer the requests that are here without asking Telnyx anything new."""
        stopping.begin()
        super().handle_exit(sig, frame)

    # --- The main thread: connections that wait for the other side --------------------------------------------------

    def accept(self, listener: Any) -> None:
        try:
            line, client = listener.accept()
        except OSError as error:
            if error.errno in _NO_ROOM:
                self._drop_longest_waiting()
            elif error.errno not in _OF_THE_CONNECTION:
                raise
            return
        conn = Connection(self.cfg, line, client, listener.getsockname())
        self.nr_conns += 1
        self._of_network[conn.network] += 1
        self._wait_to_read(conn, READ_SECONDS)
        if self._of_network[conn.network] > MOST_OF_ONE_ADDRESS and not self._comes_for_others(conn.address):
            self.log.warning("too many connections of one address")
            self._drop(conn)
        elif self.nr_conns >= self.worker_connections:
            self._drop_longest_waiting()

    def _comes_for_others(self, address: str) -> bool:
        """Tell whether it is a proxy: who may speak for others by gunicorn's ``--forwarded-allow-ips``, or is local."""
        if not address or "*" in self.cfg.forwarded_allow_ips:
            return True
        return any(ip_address(address) in network for network in self.cfg.forwarded_allow_networks())

    def _wait_to_read(self, conn: Connection, seconds: float) -> None:
        self._wait(conn, selectors.EVENT_READ, self._read, seconds)

    def _wait(self, conn: Connection, event: int, then: Callable[[Connection], None], seconds: float) -> None:
        conn.until, conn.then = time.monotonic() + seconds, then
        self._waiting[conn] = None
        self.poller.register(conn.line, event, lambda _: then(conn))

    def _stop_waiting(self, conn: Connection) -> None:
        del self._waiting[conn]
        self.poller.unregister(conn.line)

    def _read(self, conn: Connection) -> None:
        try:
            piece = conn.line.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError:
            self._drop(conn)
            return
        if not conn.incoming.data:
            conn.until = time.monotonic() + READ_SECONDS
        conn.incoming.data += piece
        if not piece:
            self._give_up_reading(conn)
        elif conn.incoming.is_whole():
            self._stop_waiting(conn)
            self._work(conn)
        else:
            self._encourage(conn)
            if sum(len(other.incoming.data) for other in self._waiting) > MOST_HELD:
                self._drop_longest_waiting()

    def _encourage(self, conn: Connection) -> None:
        if conn.incoming.waits_for_word:
            conn.incoming.waits_for_word = False
            try:
                conn.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            except OSError:  # gone since: what leaves this thread ends the process, and everybody's requests with it
                self._drop(conn)

    def _give_up_reading(self, conn: Connection) -> None:
        """Let what there is be judged: a request that broke off is told so."""
        if conn.incoming.data:
            self._stop_waiting(conn)
            self._work(conn)
        else:
            self._drop(conn)

    def _work(self, conn: Connection) -> None:
        conn.hand_over()
        self.enqueue_req(conn)

    def finish_request(self, conn: Connection, fs: Any) -> None:
        """Go on with a connection whose request has been worked on."""
        conn.goes_on = not fs.cancelled() and not fs.exception() and bool(fs.result())
        self._send_rest(conn)

    def _send_rest(self, conn: Connection) -> None:
        try:
            conn.sock.flush()
        except OSError:
            self._drop(conn)
            return
        is_waiting = conn in self._waiting
        if conn.sock.unsent:
            if not is_waiting:
                self._wait(conn, selectors.EVENT_WRITE, self._send_rest, SEND_SECONDS)
            return
        if is_waiting:
            self._stop_waiting(conn)
        (self._expect_next if conn.goes_on else self._close)(conn)

    def _expect_next(self, conn: Connection) -> None:
        conn.take_back()
        if conn.incoming.data and conn.incoming.is_whole():
            self._work(conn)
        else:
            idle = self.cfg.keepalive if self.alive else STOP_KEEPALIVE_LINGER
            self._wait_to_read(conn, READ_SECONDS if conn.incoming.data else idle)

    def _close(self, conn: Connection) -> None:
        """Say that nothing follows; what still comes is thrown away, as a reset could cost the other side its answer.

        RFC 9112, 9.6.
        """
        try:
            conn.line.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
        else:
            self._wait(conn, selectors.EVENT_READ, self._throw_away, CLOSE_SECONDS)

    def _throw_away(self, conn: Connection) -> None:
        try:
            if conn.line.recv(_PIECE):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._drop(conn)

    def _drop(self, conn: Connection) -> None:
        if conn.line.fileno() < 0:
            return  # another one that was heard in the same round has made room with it
        if conn in self._waiting:
            self._stop_waiting(conn)
        self.nr_conns -= 1
        self._of_network[conn.network] -= 1
        if not self._of_network[conn.network]:
            del self._of_network[conn.network]
        conn.line.close()

    def _drop_longest_waiting(self) -> None:
        """Make room: a request that somebody means is here within moments."""
        if self._waiting:
            self._drop(next(iter(self._waiting)))

    def murder_pending(self) -> None:
        """Give up on those whose time is over: called after each round of events, on the main thread."""
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + 0.5
        for conn in [conn for conn in self._waiting if conn.until < now]:
            (self._give_up_reading if conn.then == self._read else self._drop)(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """At the end, wait no longer for a request than gunicorn does for one that may be on its way."""
        for conn in self._waiting:
            if conn.then == self._read:
                conn.until = min(conn.until, deadline)

    # --- A thread: one request that is here ---------------------------------------------------------------------------

    def handle(self, conn: Connection) -> Any:
        """Work on it without the words that the thread's last request left for the log."""
        structlog.contextvars.clear_contextvars()
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Connection) -> Any:
        if conn.incoming.is_too_large:
            raise TooLarge
        names = {name for name, _ in req.headers}
        if req.version >= (1, 1) and "HOST" not in names:
            raise errors.InvalidHeader("HOST")  # RFC 9112, 3.2
        if "SCRIPT_NAME" in names:  # gunicorn would cut it off a proxy's path, which the proxy has judged whole
            raise errors.InvalidHeader("SCRIPT_NAME")
        req._expected_100_continue = False  # it has been told
        reader = req.body.reader
        if isinstance(reader, LengthReader) and conn.parser.unreader.left < reader.length:
            raise BrokenOff
        return super().handle_request(req, conn)

    def _keepalive_after(self, conn: Connection, keepalive: Any) -> bool:
        """Go on as the answer said, however much of the body nobody read: all of it is here.

        gunicorn reads 64 KiB of it, and closes a connection that it has just promised to keep.
        """
        if not keepalive:
            return False
        body = conn.parser.mesg.body
        with suppress(errors.ParseException, OSError):
            body.read()
        return not body.failed  # of chunks that are none nobody knows where the next request begins

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Refuse what is no request, echoing nothing of it: not to the sender, not into the log."""
        status = next((status for kind, status in _STATUSES.items() if isinstance(exc, kind)), None)
        if status is None or isinstance(exc, _OUR_FAULT):
            super().handle_error(req, client, addr, exc)
            return
        request_id = uuid.uuid4().hex
        structlog.contextvars.bind_contextvars(request_id=request_id)
        self.log.warning("no request: %s", type(exc).__name__)
        try:
            client.sendall(_problem(status, request_id))
        except OSError:
            pass  # nobody waits for it


def _problem(status: HTTPStatus, request_id: str) -> bytes:
    is_large = status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    detail = "The body is larger than 4 MiB." if is_large else "This is no HTTP request that can be read."
    body = json.dumps(problem_body(status, detail, "too_large" if is_large else "invalid", request_id))
    head = f"HTTP/1.1 {status} {status.phrase}\r\nConnection: close\r\nContent-Type: {CONTENT_TYPE}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
