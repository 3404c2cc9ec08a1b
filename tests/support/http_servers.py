"""Small real HTTP servers that misbehave on purpose."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.support.polling import eventually

PATIENCE = 30  # s


class Listener:
    """Accepts connections, notes each request's bytes, and lets ``behave`` answer on the socket.

    With ``tls`` after a handshake: of one that fails no request is noted.
    """

    def __init__(self, behave: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.stopping = threading.Event()
        self._behave, self._tls = behave, tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._accepted: list[int] = []  # the port of whoever connected
        self._noted: set[int] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def catch_up(self) -> None:
        """Wait until the request of everybody who has connected by now is noted."""
        with socket.create_connection(("127.0.0.1", self.port)) as last:
            own = last.getsockname()[1]  # connections are accepted in the order in which they were made
        eventually(lambda: own in self._accepted, "the last connection")
        due = {*self._accepted}
        eventually(lambda: due <= self._noted, "a request on each connection")

    def close(self) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            pass  # whoever waits for the next connection looks up
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        self._socket.close()

    def _accept(self) -> None:
        while True:
            connection, (_, port) = self._socket.accept()
            if self.stopping.is_set():
                connection.close()
                return
            self._open.add(connection)
            self._accepted.append(port)
            thread = threading.Thread(target=self._serve, args=(connection, port))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, port: int) -> None:
        with connection:
            connection.settimeout(PATIENCE)
            try:
                if self._tls is None:
                    self._answer(connection, port)
                else:
                    with self._tls.wrap_socket(connection.dup(), server_side=True) as encrypted:
                        self._answer(encrypted, port)
            except OSError:
                pass
        self._open.discard(connection)

    def _answer(self, connection: socket.socket, port: int) -> None:
        self.requests.append(_read_request(connection))
        self._noted.add(port)
        self._behave(connection)


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := connection.recv(65536)):
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    length = lengths[0] if lengths else 0
    while len(body) < length and (more := connection.recv(65536)):
        body += more
    return head + b"\r\n\r\n" + body


def answer(status: str, body: bytes = b"{}", **headers: str) -> bytes:
    """A whole HTTP/1.1 response; ``content_type="text/html"`` and the like set headers."""
    lines = {"content-type": "application/json", "content-length": str(len(body)), "connection": "close"}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


@contextmanager
def serving(behave: Callable[[socket.socket], None] | bytes, tls: ssl.SSLContext | None = None) -> Iterator[Listener]:
    """A listener that runs ``behave``, or sends these bytes to everybody."""
    listener = Listener(behave if callable(behave) else lambda connection: connection.sendall(behave), tls)
    try:
        yield listener
    finally:
        listener.close()
