"""An application that takes streams: a real WebSocket server, which keeps what came and says what it is told."""

import base64
import hashlib
import json
import socket
import ssl
from collections.abc import Callable
from typing import Any, Self

from tests.support.http_servers import Listener
from tests.support.polling import eventually

TEXT, BINARY, CLOSE, PING = 0x1, 0x2, 0x8, 0x9
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class MediaServer:
    """``react`` is given each frame of Telnyx's, and returns what is sent then: objects as JSON, bytes as they are."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.frames: list[dict[str, Any]] = []
        self.others: list[tuple[int, bytes]] = []  # what came that is no text
        self.react: Callable[[dict[str, Any]], list[Any]] = lambda frame: []
        self.answer = b""  # to the handshake, instead of the right one
        self._listener = Listener(self._serve, tls)
        self.url = self._listener.url.replace("http", "ws", 1) + "/audio?for=tests"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    @property
    def request(self) -> str:
        """The last handshake as it came."""
        return self._listener.requests[-1].decode()

    def of(self, event: str) -> list[dict[str, Any]]:
        return [frame for frame in list(self.frames) if frame["event"] == event]

    def wait(self, event: str, count: int = 1) -> dict[str, Any]:
        """The ``count``-th frame of that event."""
        return eventually(lambda: self.of(event)[count - 1 : count], f"{count} {event}")[0]

    def _serve(self, connection: socket.socket) -> None:
        keys = [line for line in self.request.split("\r\n") if line.startswith("Sec-WebSocket-Key: ")]
        if not keys:  # whoever connected thought better of it
            return
        key = keys[0].split(": ")[1]
        proof = base64.b64encode(hashlib.sha1(key.encode() + _GUID).digest())
        right = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        connection.sendall(self.answer or right + b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n")
        with connection.makefile("rb") as came:
            while head := came.read(2):
                opcode, payload = _read(head, came)
                if opcode != TEXT:
                    self.others.append((opcode, payload))
                    if opcode == CLOSE:
                        connection.sendall(packed(payload, CLOSE))
                        return
                    continue
                self.frames.append(json.loads(payload))
                for message in self.react(self.frames[-1]):
                    raw = message if isinstance(message, bytes) else packed(json.dumps(message).encode())
                    connection.sendall(raw)


def packed(payload: bytes, opcode: int = TEXT, first: int = 0x80) -> bytes:
    """A frame as a server sends it, unmasked; ``first`` are the bits above the opcode."""
    size = len(payload)
    length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2) if size < 2**16 else b"\x7f" + size.to_bytes(8)
    return bytes([first | opcode]) + length + payload


def _read(head: bytes, came: Any) -> tuple[int, bytes]:
    assert head[1] & 0x80, "a client masks what it sends"
    size = head[1] & 0x7F
    if size > 125:
        size = int.from_bytes(came.read(2 if size == 126 else 8))
    mask, payload = came.read(4), came.read(size)
    return head[0] & 0x0F, bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
