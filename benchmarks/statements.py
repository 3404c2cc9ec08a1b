"""Counts statements where none can hide: on the wire between the portal and PostgreSQL."""

import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_WRITES = (b"INSERT", b"UPDATE", b"DELETE", b"WITH")
_OF_TRANSACTIONS = (b"BEGIN", b"COMMIT", b"ROLLBACK", b"SAVEPOINT", b"RELEASE")


class _Counter:
    """Reads what a client sends: simple queries and executions count, those that only frame a transaction do not."""

    def __init__(self) -> None:
        self.count = self.commits = 0
        self._lock = threading.Lock()

    def read(self, client: socket.socket, server: socket.socket) -> None:
        frames, begun, names = bytearray(), False, {b"": b""}
        with suppress(OSError):
            while piece := client.recv(65536):
                frames += piece
                if not begun and len(frames) >= 8:  # the first packet has no letter: version, user, database
                    (length,) = struct.unpack_from("!I", frames)
                    if len(frames) >= length:
                        begun = (
                            struct.unpack_from("!I", frames, 4)[0] >> 16 == 3
                        )  # else it asks for TLS, and comes again
                        del frames[:length]
                while begun and len(frames) >= 5 and len(frames) > (length := struct.unpack_from("!I", frames, 1)[0]):
                    self._note(frames[:1], bytes(frames[5 : length + 1]), names)
                    del frames[: length + 1]
                server.sendall(piece)
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _note(self, kind: bytes, body: bytes, names: dict[bytes, bytes]) -> None:
        if kind == b"P":  # a statement is parsed under a name, and bound and executed by it
            name, text = body.split(b"\0")[:2]
            names[name] = text
        elif kind == b"B":
            names[b"bound"] = names.get(body.split(b"\0")[1], b"")
        elif kind in (b"Q", b"E"):
            text = (body if kind == b"Q" else names.get(b"bound", b"")).lstrip().upper()
            begins, frames = text.startswith(b"BEGIN"), text.startswith(_OF_TRANSACTIONS)
            writes = text.startswith(_WRITES) and b"in a transaction" not in names
            with self._lock:
                self.count += not frames
                self.commits += writes or text.startswith(b"COMMIT")
            if begins:
                names[b"in a transaction"] = b""
            elif text.startswith((b"COMMIT", b"ROLLBACK")) and not text.startswith(b"ROLLBACK TO"):
                names.pop(b"in a transaction", None)


@contextmanager
def counting() -> Iterator[tuple[Callable[[], tuple[int, int]], dict[str, str]]]:
    """How many statements and commits so far, and the environment of a process whose statements are counted."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    counter, listening = _Counter(), socket.create_server(("127.0.0.1", 0), backlog=128)
    target = (parts.hostname or "127.0.0.1", parts.port or 5432)
    threading.Thread(target=_serve, args=(listening, target, counter), daemon=True).start()
    place = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{listening.getsockname()[1]}"
    try:
        yield lambda: (counter.count, counter.commits), {"DATABASE_URL": parts._replace(netloc=place).geturl()}
    finally:
        listening.close()


def _serve(listening: socket.socket, target: tuple[str, int], counter: _Counter) -> None:
    with suppress(OSError):
        while True:
            client, server = listening.accept()[0], socket.create_connection(target)
            for line in (client, server):
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=counter.read, args=(client, server), daemon=True).start()
            threading.Thread(target=_back, args=(server, client), daemon=True).start()


def _back(server: socket.socket, client: socket.socket) -> None:
    with suppress(OSError):
        while piece := server.recv(65536):
            client.sendall(piece)
    with suppress(OSError):
        client.shutdown(socket.SHUT_WR)
