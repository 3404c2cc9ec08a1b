"""Speaks WebSocket as a client (RFC 6455), with what Python itself has.

The sandbox is installed with one package and takes some 30 MB; a client that sends texts and takes texts is short
enough not to need a second one. Not spoken: extensions, subprotocols, redirects, proxies.
"""

import base64
import hashlib
import secrets
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Self
from urllib.parse import SplitResult, quote, urlsplit

LARGEST = 1024 * 1024  # bytes of a message
NORMAL, PROTOCOL_ERROR, NOT_UTF8, TOO_LARGE = 1000, 1002, 1007, 1009  # why it is closed
_CONTINUED, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_LONGEST_CONTROL = 125
_LARGEST_HEAD = 16 * 1024
_PATIENCE = 5.0  # seconds for a send, and for the other side to close
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # section 1.3
_UNESCAPED = "%/:?#[]@!$&'()*+,;=~-._"


class Closed(Exception):
    """There is no connection, or none any more; ``str()`` says why."""


class WebSocket:
    """Holds one open connection. Of one thread only: nothing is sent while it waits for a message."""

    def __init__(self, connection: socket.socket, came: bytes) -> None:
        """``came`` is what was read behind the head of the handshake's answer."""
        self._socket, self._came = connection, bytearray(came)
        self._message, self._kind = bytearray(), 0
        self._closing = False

    @classmethod
    def connect(cls, url: str, headers: Mapping[str, str], timeout: float) -> Self:
        """Open a connection to a ``ws://`` or ``wss://`` address within so many seconds a step; else ``Closed``."""
        try:
            parts = urlsplit(url)
            connection = _connection(parts, timeout)
        except (OSError, ValueError) as problem:
            raise Closed(_words(problem)) from None
        try:
            return cls(connection, _shake_hands(connection, parts, headers))
        except BaseException as problem:
            connection.close()
            if isinstance(problem, OSError | ValueError):
                raise Closed(_words(problem)) from None
            raise

    def send(self, text: str) -> None:
        self._send(_TEXT, text.encode())

    def receive(self, timeout: float) -> str | bytes | None:
        """Return the next message, or None when none came in so many seconds; ``Closed`` once it is over."""
        deadline = time.monotonic() + timeout
        while True:
            while frame := self._next_frame():
                message = self._take(*frame)
                if message is not None:
                    return message
            left = deadline - time.monotonic()
            if left <= 0 or not self._read(left):
                return None

    def close(self, code: int = NORMAL) -> None:
        """Say goodbye, wait a moment for the other side to do so, and hang up."""
        deadline = time.monotonic() + _PATIENCE
        try:
            self._say_goodbye(code)
            while (left := deadline - time.monotonic()) > 0:
                self.receive(left)
        except (Closed, OSError):
            pass
        finally:
            self._socket.close()

    def _take(self, opcode: int, is_last: bool, payload: bytes) -> str | bytes | None:
        if opcode == _PING:
            self._send(_PONG, payload)
        elif opcode == _CLOSE:
            self._say_goodbye(NORMAL)
            raise Closed(f"the other side closed it: {_goodbye(payload)}")
        elif opcode in (_TEXT, _BINARY, _CONTINUED):
            return self._put_together(opcode, is_last, payload)
        elif opcode != _PONG:
            raise self._failure(PROTOCOL_ERROR, f"a frame of the unknown kind {opcode} came")
        return None

    def _put_together(self, opcode: int, is_last: bool, payload: bytes) -> str | bytes | None:
        if (opcode == _CONTINUED) == (self._kind == 0):
            raise self._failure(PROTOCOL_ERROR, "its fragments are not one message")
        self._kind = self._kind or opcode
        self._message += payload
        if len(self._message) > LARGEST:
            raise self._failure(TOO_LARGE, f"a message of more than {LARGEST} bytes came")
        if not is_last:
            return None
        message, kind = bytes(self._message), self._kind
        self._message, self._kind = bytearray(), 0
        if kind == _BINARY:
            return message
        try:
            return message.decode()
        except UnicodeDecodeError:
            raise self._failure(NOT_UTF8, "a text came that is not UTF-8") from None

    def _next_frame(self) -> tuple[int, bool, bytes] | None:
        """Return opcode, whether it is the last of its message, and content of a frame that came whole (5.2)."""
        came = self._came
        if len(came) < 2:
            return None
        opcode, length, start = came[0] & 0x0F, came[1] & 0x7F, 2
        if came[0] & 0x70 or came[1] & 0x80:
            raise self._failure(PROTOCOL_ERROR, "a frame came that is masked, or has bits of an extension")
        if opcode >= _CLOSE and (length > _LONGEST_CONTROL or not came[0] & 0x80):
            raise self._failure(PROTOCOL_ERROR, "a control frame came in parts or is too long")
        if length > _LONGEST_CONTROL:
            start += 2 if length == 126 else 8
            length = int.from_bytes(came[2:start]) if len(came) >= start else 0
        if length > LARGEST:
            raise self._failure(TOO_LARGE, f"a message of more than {LARGEST} bytes came")
        if len(came) < start + length:
            return None
        payload, is_last = bytes(came[start : start + length]), bool(came[0] & 0x80)
        del came[: start + length]
        return opcode, is_last, payload

    def _read(self, timeout: float) -> bool:
        """Read what comes within that time; False when nothing does."""
        self._socket.settimeout(max(timeout, 0.001))  # 0 is: not to wait at all, which TLS tells otherwise
        try:
            came = self._socket.recv(65536)
        except TimeoutError:
            return False
        except OSError as problem:
            raise Closed(_words(problem)) from None
        if not came:
            raise Closed("the other side hung up without closing it")
        self._came += came
        return True

    def _send(self, opcode: int, payload: bytes) -> None:
        length = len(payload)
        head = bytes([0x80 | opcode])
        if length <= _LONGEST_CONTROL:
            head += bytes([0x80 | length])
        else:
            head += b"\xfe" + length.to_bytes(2) if length < 2**16 else b"\xff" + length.to_bytes(8)
        mask = secrets.token_bytes(4)
        pad = int.from_bytes((mask * (length // 4 + 1))[:length])
        self._socket.settimeout(_PATIENCE)
        try:
            self._socket.sendall(head + mask + (int.from_bytes(payload) ^ pad).to_bytes(length))
        except TimeoutError:
            raise Closed(f"the other side takes nothing since {_PATIENCE:g} s") from None
        except OSError as problem:
            raise Closed(_words(problem)) from None

    def _say_goodbye(self, code: int) -> None:
        if not self._closing:
            self._closing = True
            self._send(_CLOSE, code.to_bytes(2))

    def _failure(self, code: int, words: str) -> Closed:
        """Return why nothing more is taken, and tell the other side."""
        try:
            self._say_goodbye(code)
        except Closed:
            pass
        return Closed(words)


def _connection(parts: SplitResult, timeout: float) -> socket.socket:
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError("the address is none of ws:// or wss://")
    is_secure = parts.scheme == "wss"
    connection = socket.create_connection((parts.hostname, parts.port or (443 if is_secure else 80)), timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not is_secure:
        return connection
    try:
        return ssl.create_default_context().wrap_socket(connection, server_hostname=parts.hostname)
    except BaseException:
        connection.close()
        raise


def _shake_hands(connection: socket.socket, parts: SplitResult, headers: Mapping[str, str]) -> bytes:
    """Ask for the protocol, and see that the other side speaks it (4.1); return what came behind its answer."""
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_UNESCAPED)
    lines = {"Host": parts.netloc.rpartition("@")[2], "Upgrade": "websocket", "Connection": "Upgrade"}
    lines |= {"Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13", **headers}
    if wrong := [name for name, value in lines.items() if not (value.isascii() and value.isprintable())]:
        raise ValueError(f"{wrong[0]} has characters that no header may have")
    told = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    connection.sendall(f"GET {target} HTTP/1.1\r\n{told}\r\n".encode())
    came = b""
    while b"\r\n\r\n" not in came:
        more = connection.recv(4096)
        if not more or len(came) > _LARGEST_HEAD:
            raise ValueError("no answer to the handshake came")
        came += more
    head, _, rest = came.partition(b"\r\n\r\n")
    status, *answered = head.decode("latin-1").split("\r\n")
    told_back = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in answered)}
    if status.split(" ")[1:2] != ["101"]:
        raise ValueError(f"the answer to the handshake was {status!r}")
    proof = base64.b64encode(hashlib.sha1((key + _GUID).encode(), usedforsecurity=False).digest()).decode()
    if told_back.get("upgrade", "").lower() != "websocket" or told_back.get("sec-websocket-accept") != proof:
        raise ValueError("the answer to the handshake is not that of a WebSocket")
    return rest


def _goodbye(payload: bytes) -> str:
    if len(payload) < 2:
        return "without a reason"
    return f"{int.from_bytes(payload[:2])} {payload[2:].decode(errors='replace')}".rstrip()


def _words(problem: Exception) -> str:
    return str(getattr(problem, "strerror", None) or problem) or type(problem).__name__
