"""The client speaks RFC 6455 with a real server, and says what is wrong with one that does not."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from portal.sandbox.streaming.websocket import LARGEST, Closed, WebSocket
from tests.support import authorities
from tests.support.media_servers import BINARY, CLOSE, PING, TEXT, MediaServer, packed
from tests.support.polling import eventually

PONG = 0xA


@pytest.fixture
def server() -> Iterator[MediaServer]:
    with MediaServer() as server:
        yield server


def connected(server: MediaServer, *messages: Any, **headers: str) -> WebSocket:
    """A client that has asked for these."""
    server.react = lambda frame: list(messages)
    client = WebSocket.connect(server.url, headers, 5)
    client.send("{}")
    return client


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, LARGEST])
def test_a_text_of_any_length_goes_and_comes(server: MediaServer, size: int) -> None:
    client = connected(server, packed(b"x" * size))
    assert client.receive(30) == "x" * size
    client.send(f'{{"text": "{"ü" * (size // 2)}"}}')
    assert eventually(lambda: server.frames[1:]) == [{"text": "ü" * (size // 2)}]
    client.close()


def test_nothing_comes_within_the_time(server: MediaServer) -> None:
    client = connected(server)
    assert client.receive(0.01) is None
    client.close()


def test_a_message_in_parts_is_one_and_may_be_interrupted(server: MediaServer) -> None:
    parts = packed("grü".encode()[:3], TEXT, 0), packed(b"are you there?", PING), packed("grün".encode()[3:], 0)
    client = connected(server, *parts)
    assert client.receive(30) == "grün"
    assert eventually(lambda: server.others) == [(PONG, b"are you there?")]
    client.close()


def test_what_comes_with_the_handshake_or_byte_by_byte_is_not_lost(server: MediaServer) -> None:
    whole = packed(b"one") + packed(b"two", BINARY)
    client = connected(server, *(whole[at : at + 1] for at in range(len(whole))))
    assert (client.receive(30), client.receive(30)) == ("one", b"two")
    client.close()


def test_it_closes_in_order(server: MediaServer) -> None:
    client = connected(server)
    client.close()
    assert eventually(lambda: server.others) == [(CLOSE, (1000).to_bytes(2))]


@pytest.mark.parametrize(
    ("frame", "code", "words"),
    [
        (packed(b"x", 0x3), 1002, "unknown kind 3"),
        (packed(b"x", TEXT, 0xC0), 1002, "extension"),
        (b"\x81\x81\x00\x00\x00\x00x", 1002, "masked"),
        (packed(b"x" * 126, PING), 1002, "control frame"),
        (packed(b"x", PING, 0), 1002, "control frame"),
        (packed(b"x", 0), 1002, "fragments"),
        (packed(b"x", TEXT, 0) + packed(b"y"), 1002, "fragments"),
        (packed(b"\xff"), 1007, "UTF-8"),
        (b"\x81\x7f" + (LARGEST + 1).to_bytes(8), 1009, "more than"),
        (packed(b"x" * LARGEST, TEXT, 0) + packed(b"x", 0), 1009, "more than"),
    ],
)
def test_what_breaks_the_protocol_ends_it(server: MediaServer, frame: bytes, code: int, words: str) -> None:
    client = connected(server, frame)
    with pytest.raises(Closed, match=words):
        client.receive(30)
    assert eventually(lambda: server.others)[-1] == (CLOSE, code.to_bytes(2))
    client.close()


@pytest.mark.parametrize(
    ("payload", "words"),
    [((1000).to_bytes(2), "closed it: 1000$"), (b"", "without a reason"), ((1011).to_bytes(2) + b"oh\xff", "1011 oh")],
)
def test_the_reason_of_the_other_side_is_told(server: MediaServer, payload: bytes, words: str) -> None:
    client = connected(server, packed(payload, CLOSE))
    with pytest.raises(Closed, match=words):
        client.receive(30)
    client.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 403 Forbidden"),
        (b"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\n\r\n", "not that of a WebSocket"),
        (b"HTTP/1.1 101 OK\r\nUpgrade: h2c\r\nSec-WebSocket-Accept: x\r\n\r\n", "not that of a WebSocket"),
        (b"SSH-2.0-x\r\n\r\n", "SSH-2.0-x"),
        (b"x" * 30_000, "no answer"),
    ],
)
def test_a_handshake_that_is_none_is_refused(server: MediaServer, answer: bytes, words: str) -> None:
    server.answer = answer
    with pytest.raises(Closed, match=words):
        WebSocket.connect(server.url, {}, 5)


@pytest.mark.parametrize(
    "url",
    ["", "http://127.0.0.1/", "ws://", "ws://[", "ws://127.0.0.1:x/", "ws://127.0.0.1:0/", "ws://a..b/", "ws://ü\n"],
)
def test_an_address_that_is_none_is_said(url: str) -> None:
    with pytest.raises(Closed) as said:
        WebSocket.connect(url, {}, 5)
    assert str(said.value)


def test_nothing_gets_into_the_head_that_does_not_belong_there(server: MediaServer) -> None:
    # another server: this one would tell of the connection that was given up when it comes to it, and perhaps last
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(Closed, match="x-token has characters"):
        WebSocket.connect(f"ws://127.0.0.1:{other.getsockname()[1]}/", {"x-token": "a\r\nb: c"}, 5)
    WebSocket.connect(server.url.replace("?for", "/ü x?for"), {}, 5).close()
    assert server.request.startswith("GET /audio/%C3%BC%20x?for=tests HTTP/1.1\r\n")


def test_a_secure_address_is_asked_with_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    with MediaServer(authorities.server(authority, "127.0.0.1")) as server:
        with pytest.raises(Closed, match="certificate"):
            WebSocket.connect(server.url, {}, 5)
        authority.cert_pem.write_to_path(tmp_path / "authority.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        client = connected(server, packed(b"x" * 100_000))
        assert client.receive(30) == "x" * 100_000
        assert client.receive(0.01) is None
        client.close()


def test_whoever_answers_nothing_is_not_waited_for_long() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Closed, match="timed out"):
        WebSocket.connect(f"ws://127.0.0.1:{silent.getsockname()[1]}/", {}, 0.05)
