"""Asks Telnyx, and is the one place a request to it leaves from.

Every request has 8 s in all, is sent once, follows no redirect and takes nothing from the environment. The SDK's own
defaults would send a dial three times after a time-out and would follow a 307 with the phone numbers to another host.
A process that is to end begins no request any more.
"""

import queue
import socket
import ssl
import threading
import weakref
from collections.abc import Callable, Iterable
from functools import cache
from http import HTTPStatus
from typing import Any

import httpcore
import httpx
from django.db import connection

from portal import payloads, stopping
from portal.encryption import CannotOpen
from portal.models import TelnyxAccount
from portal.telnyx.errors import (
    UNREAD,
    TelnyxError,
    TelnyxRefused,
    TelnyxUnavailable,
    TelnyxUncertain,
    TelnyxUnread,
    translate,
)
from portal.telnyx.form_bodies import in_its_encoding
from portal.telnyx.schemas import arguments
from portal.telnyx.sdk import telnyx
from portal.times import uptime

DEADLINE_SECONDS = 8.0
MOST_BYTES = 16 * 1024 * 1024  # of one answer: a page of a list has less than one
_PIECE = 16 * 1024  # bytes that are sent between two looks at the clock: a record of TLS
_TIMEOUT = httpx.Timeout(4.0, connect=2.0)


class NotAsked(TelnyxError):
    """Says that no request was made, for a reason of ours: it tells nothing of Telnyx."""


class NotNow(NotAsked, TelnyxUnavailable):
    """Says that this process did not ask now; another may at once."""

    def __init__(self, message: str = "The portal's process was stopped before it could ask Telnyx.") -> None:
        super().__init__(message, retry_after=0)


class Unaskable(NotAsked, TelnyxRefused):
    """Says that no request can ever be made of these values."""


class InsideTransaction(RuntimeError):
    """Telnyx was to be asked while a transaction is open: on SQLite that holds the only write lock."""


def is_in_transaction() -> bool:
    """Tell whether a transaction is open, in which Telnyx is not to be asked."""
    return any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)


def ask(account: TelnyxAccount, method: str, *path: str, **values: Any) -> dict[str, Any]:
    """Call a method of the SDK (``calls.actions.answer``) and return Telnyx's JSON answer as it came.

    ``path`` are the ids of its address, ``values`` its parameters by wire name; what begins with ``extra_`` is passed
    on. Raises ``TelnyxRefused``, ``TelnyxUnavailable`` or ``TelnyxUncertain``: this, too, for what is no JSON object.
    Those that are ``NotAsked`` tell nothing of Telnyx.
    """
    resource, _, name = method.rpartition(".")

    def send(client: Any) -> httpx.Response:
        target = client
        for part in resource.split("."):
            target = getattr(target, part)
        answered: httpx.Response = getattr(target.with_raw_response, name)(
            *path, **arguments(method, values)
        ).http_response
        return answered

    return _asked(account, method, send)


def read(account: TelnyxAccount, path: str) -> dict[str, Any]:
    """Read an address that the SDK has no method for (``/whoami``). Raises what ``ask`` raises."""
    return _asked(account, path, lambda client: client.get(path, cast_to=httpx.Response))


def _asked(account: TelnyxAccount, what: str, send: Callable[[Any], httpx.Response]) -> dict[str, Any]:
    if is_in_transaction():
        raise InsideTransaction(what)
    if stopping.has_begun():
        raise NotNow
    try:
        client = client_for(account)
    except CannotOpen as error:
        raise TelnyxUnavailable(f"The stored API key cannot be read: {error}. Enter it again.") from error
    try:
        response = send(client)
    except (telnyx().TelnyxError, httpx.HTTPError) as error:
        found = translate(error)
        found.asked = what
        if isinstance(found, TelnyxUnavailable) and found.http_status is None and stopping.has_begun():
            raise NotNow from error  # which of the two it was, nobody needs to know
        raise found from error
    except (ValueError, httpx.InvalidURL) as error:
        # the SDK makes no request of an id "..", of a number that is none, of half a character
        raise Unaskable("Telnyx was not asked: an id or a value in this cannot be written into a request.") from error
    return _object(response)


def client_for(account: TelnyxAccount) -> Any:
    """Return the ``telnyx.Telnyx`` client of an account, kept by each thread while neither address nor key changes."""
    key = (account.base_url, account.api_key)
    kept: dict[tuple[str, str], Any] = _kept.__dict__.setdefault("clients", {})
    if key not in kept:
        kept[key] = _client(*key)
    return kept[key]


_kept = threading.local()


def _client(base_url: str, api_key: str) -> Any:
    http = httpx.Client(
        transport=DeadlineTransport(is_stopped=stopping.has_begun),
        timeout=_TIMEOUT,
        follow_redirects=False,
        trust_env=False,
    )
    # explicit, though empty: the SDK would else fill each of them from TELNYX_* variables
    made = telnyx().Telnyx(
        api_key=api_key,
        public_key="",
        client_id="",
        client_secret="",
        base_url=base_url,
        max_retries=0,
        timeout=_TIMEOUT,
        http_client=http,
    )
    weakref.finalize(made, http.close)  # a thread that ends leaves no socket open
    return made


def _object(response: httpx.Response) -> dict[str, Any]:
    status = response.status_code
    if status == HTTPStatus.NO_CONTENT:
        return {}  # "no data" to whoever expects some
    try:
        answer = payloads.loads(response.content, replace=True)
    except payloads.Unreadable:
        answer = None
    if not isinstance(answer, dict) or not 200 <= status < 300:
        if response.request.method == "GET":
            raise TelnyxUnread(UNREAD, http_status=status)
        raise TelnyxUncertain("Telnyx's answer cannot be read. It may have acted, or not.", http_status=status)
    return answer


@cache
def _certificates() -> ssl.SSLContext:
    """Whom we trust, for all threads: to read it takes longer than to ask Telnyx."""
    return httpx.create_ssl_context(trust_env=False)


class DeadlineTransport(httpx.HTTPTransport):
    """Ends each HTTP request after 8 s (or ``seconds``) in all, or after 16 MiB of an answer.

    httpx's own time-outs are per read, and it takes answers of any length. What fails before the first byte of the
    request has left raises ``httpx.ConnectError``, whatever it was: then nothing can have happened. Once ``is_stopped``
    is true, that is every request.
    """

    def __init__(self, seconds: float | None = None, is_stopped: Callable[[], bool] = lambda: False) -> None:
        super().__init__(verify=_certificates(), trust_env=False)
        self._seconds = seconds
        self._backend = _DeadlineBackend(is_stopped)
        self._pool = httpcore.ConnectionPool(
            ssl_context=_certificates(),
            max_connections=20,
            max_keepalive_connections=20,
            keepalive_expiry=30,
            network_backend=self._backend,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._backend.begin(self._seconds or DEADLINE_SECONDS)
        try:
            return super().handle_request(in_its_encoding(request))
        except Exception as error:
            if self._backend.has_left:
                raise
            raise httpx.ConnectError("nothing was sent", request=request) from error


class _DeadlineBackend(httpcore.NetworkBackend):
    """Opens streams that know the limits. A client belongs to one thread, so it has one request at a time."""

    def __init__(self, is_stopped: Callable[[], bool]) -> None:
        self._inner, self._is_stopped = httpcore.SyncBackend(), is_stopped
        self._deadline, self._bytes = 0.0, 0
        self.has_left = False  # something of the request, or all of it

    def begin(self, seconds: float) -> None:
        """Start the clock of a request, which may take so long."""
        self._deadline, self._bytes, self.has_left = uptime() + seconds, 0, False

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of the host that answers; each has its ``timeout``, all of it the deadline."""
        failed: Exception = httpcore.ConnectError("the host has no address")
        for address in _addresses(host, port, self.left(None, httpcore.ConnectTimeout)):
            left = self.left(timeout, httpcore.ConnectTimeout)
            try:
                return _DeadlineStream(
                    self._inner.connect_tcp(address, port, left, local_address, socket_options), self
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    def left(self, timeout: float | None, error: type[Exception]) -> float:
        """Return the seconds this step may take."""
        rest = self._deadline - uptime()
        if rest <= 0:
            raise error("deadline")
        return min(rest, timeout or rest)

    def leave(self) -> None:
        """Let bytes of the request leave, unless none has yet and none is to."""
        if not self.has_left and self._is_stopped():
            raise httpcore.ConnectError("stopped")
        self.has_left = True

    def count(self, data: bytes) -> bytes:
        """Count bytes of the answer; fail when they are more than any answer has."""
        self._bytes += len(data)
        if self._bytes > MOST_BYTES:
            raise httpcore.ReadError("the answer is too long")
        return data


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, backend: _DeadlineBackend) -> None:
        self._inner, self._backend = inner, backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._backend.count(self._inner.read(max_bytes, self._backend.left(timeout, httpcore.ReadTimeout)))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for begin in range(0, len(buffer), _PIECE):  # a reader that takes a little now and then is slow as well
            left = self._backend.left(timeout, httpcore.WriteTimeout)
            self._backend.leave()
            self._inner.write(buffer[begin : begin + _PIECE], left)

    def close(self) -> None:
        self._inner.close()

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> Any:
        left = self._backend.left(timeout, httpcore.ConnectTimeout)
        return _DeadlineStream(self._inner.start_tls(ssl_context, server_hostname, left), self._backend)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _addresses(host: str, port: int, seconds: float) -> list[str]:
    """Look up a host's addresses within so many seconds.

    The system's resolver knows no limit, so a thread asks it, and is left to it when it takes longer.
    """
    answer: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.put([str(address[0]) for *_, address in found])
        except Exception as error:  # of the resolver, or a name that cannot be one
            answer.put(error)

    threading.Thread(target=look_up, name="resolver", daemon=True).start()
    try:
        found = answer.get(timeout=seconds)
    except queue.Empty:
        raise httpcore.ConnectTimeout("resolver") from None
    if isinstance(found, Exception):
        raise httpcore.ConnectError(str(found)) from found
    return found
