"""Holds what has come and what has still to go on one connection, so that no thread waits for the other side."""

import errno
import re
import socket
from collections.abc import Callable
from typing import IO, Any

from gunicorn.http import get_parser
from gunicorn.http.unreader import Unreader
from gunicorn.workers.gthread import TConn

from portal.networks import network_of

MOST_HEAD = 64 * 1024  # of a request line with its headers, before the parser judges what there is of it
MOST_BODY = 4 * 1024 * 1024  # the largest thing anybody may send is a file of 2 MiB, and it is told so by a page
MOST_UNSENT = 2 * 1024 * 1024  # of an answer, before its thread waits: a page, a script, the schema
SEND_SECONDS = 30.0  # for so much of an answer to leave

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_GOES_ON = re.compile(rb"\A[^\r\n]* HTTP/1\.1\r\n(?:.*\r\n)*?expect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)
_BARE_LINE_END = re.compile(rb"(?<!\r)\n")
_HEXADECIMAL = re.compile(rb"[0-9a-fA-F]+")


class Incoming:
    """Tells when the bytes of a request are all there.

    It only decides when a thread is worth its while: what the bytes mean is the parser's to say, which gets them and
    nothing after them.
    """

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray(data)
        self.waits_for_word = False  # the sender wants to hear "100 Continue" before it sends its body
        self.is_too_large = False
        self._seen = self._at = 0
        self._length: int | None = None  # of the body; None when it comes in chunks
        self._head = 0  # where the body begins; 0 while that is unknown

    def is_whole(self) -> bool:
        """Tell whether nothing is missing, or whatever else comes would not mend it."""
        if not self._head and not self._find_head():
            return len(self.data) > MOST_HEAD or self._is_hopeless()
        if self._length is None:
            return self._are_chunks_whole()
        self.is_too_large = self._length > MOST_BODY
        return self.is_too_large or len(self.data) >= self._head + self._length

    def _find_head(self) -> bool:
        start = 2 if self.data.startswith(b"\r\n") else 0  # RFC 9112, 2.2
        end = self.data.find(b"\r\n\r\n", max(start, self._seen - 3))
        if end < 0:
            return False
        self._head = self._at = end + 4
        head = bytes(self.data[start : self._head])
        length = _LENGTH.search(head)
        # more digits than any machine has bytes: not to be read as a number
        self._length = (int(length[1]) if len(length[1]) < 19 else MOST_BODY + 1) if length else 0
        if _CHUNKED.search(head):
            self._length = None
        self.waits_for_word = bool(_GOES_ON.search(head))
        return True

    def _is_hopeless(self) -> bool:
        seen, self._seen = self._seen, len(self.data)
        return bool(_BARE_LINE_END.search(self.data, seen))

    def _are_chunks_whole(self) -> bool:
        while (end := self.data.find(b"\r\n", self._at)) >= 0:
            size = self.data[self._at : end].partition(b";")[0].strip()
            if not _HEXADECIMAL.fullmatch(size):
                return True  # the parser says so
            if len(size) > 15 or self._at - self._head + (length := int(size, 16)) > MOST_BODY:
                self.is_too_large = True
                return True
            if not length:  # trailers may follow, and an empty line
                seen, self._seen = max(end, self._seen - 3), len(self.data)
                return self.data.find(b"\r\n\r\n", seen) >= 0 or len(self.data) - end > MOST_HEAD
            if len(self.data) < end + length + 4:
                return False
            self._at = end + length + 4
        return len(self.data) - self._at > MOST_HEAD


class Arrived(Unreader):  # type: ignore[misc]
    """Gives a parser what has arrived, and after it the end: it never reads from a socket."""

    def chunk(self, size_hint: int | None = None) -> bytes:
        return b""

    @property
    def left(self) -> int:
        """How many bytes nobody has read."""
        return len(self.buf.getbuffer())


class Outlet:
    """Takes an answer from its thread: what does not leave at once is sent later, when the other side takes it."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line
        self.unsent = bytearray()

    def sendall(self, data: bytes) -> None:
        self.unsent += data
        self.flush()
        if len(self.unsent) > MOST_UNSENT:
            self._wait()

    send = sendall

    def sendfile(self, file: IO[bytes], offset: int = 0, count: int = 0) -> None:
        file.seek(offset)
        while count > 0 and (piece := file.read(min(count, 65_536))):
            self.sendall(piece)
            count -= len(piece)

    def flush(self) -> None:
        """Send what goes without waiting."""
        try:
            while self.unsent:
                del self.unsent[: self.line.send(self.unsent)]
        except BlockingIOError:
            pass

    def _wait(self) -> None:
        """Hold back who makes a long download, to the speed of who takes it."""
        self.line.settimeout(SEND_SECONDS)
        try:
            self.line.sendall(self.unsent)
        except TimeoutError as error:
            raise BrokenPipeError(errno.EPIPE, "The other side does not take its answer.") from error
        finally:
            self.line.setblocking(False)
            self.unsent.clear()

    def setblocking(self, flag: bool) -> None:
        """Leave it as it is: only the worker's main thread, and ``_wait``, know the socket."""

    def shutdown(self, how: int) -> None:
        raise OSError(errno.ENOTSUP, "The main thread closes it.")

    def close(self) -> None:
        """Leave it open: the main thread closes it."""


class Connection(TConn):  # type: ignore[misc]
    """Is one connection: belongs to the main thread while it waits, to a thread while its request is worked on."""

    def __init__(self, cfg: Any, line: socket.socket, client: Any, server: Any) -> None:
        super().__init__(cfg, line, client, server)
        self.line, self.sock = line, Outlet(line)
        self.parser = get_parser(cfg, (), client)
        self.parser.unreader = Arrived()
        self.initialized = self.data_ready = True
        self.incoming = Incoming()
        self.goes_on = False  # whether another request may follow
        self.until = 0.0  # while it waits for the other side: how long, and what is done when that moves
        self.then: Callable[[Any], None] = self.close

    @property
    def address(self) -> str:
        """The other side's address; empty for a socket of this machine."""
        return self.client[0] if isinstance(self.client, tuple) else ""

    @property
    def network(self) -> str:
        """What one customer has of it; empty for a socket of this machine."""
        return network_of(self.address) if self.address else ""

    def hand_over(self) -> None:
        """Give the parser what has arrived."""
        self.parser.unreader.unread(bytes(self.incoming.data))

    def take_back(self) -> None:
        """Keep what arrived behind the request for the next one."""
        self.incoming = Incoming(self.parser.unreader.take_buffered())
