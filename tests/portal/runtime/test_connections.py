"""A request is handed to a thread when all of it is here, and an answer leaves without one."""

import errno
import socket
import threading
from collections.abc import Iterator
from io import BytesIO

import pytest
from gunicorn.config import Config

from portal.runtime import connections
from portal.runtime.connections import MOST_BODY, MOST_HEAD, Connection, Incoming

HEAD = b"POST /webhooks/x/ HTTP/1.1\r\nHost: x\r\n"
CHUNKS = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        HEAD + b"Content-Length: 5\r\n\r\nfive!",
        HEAD + b"content-length:5 \r\nX: y\r\n\r\n\r\n\r\n!",
        CHUNKS + b"5\r\nfive!\r\n0\r\n\r\n",
        CHUNKS + b"A;name=value\r\n\r\n0\r\n\r\n...\r\n1\r\n!\r\n0\r\nX-Trailer: y\r\n\r\n",
    ],
)
def test_a_request_is_whole_with_its_last_byte_and_no_sooner(request_bytes: bytes) -> None:
    at_once, incoming = Incoming(request_bytes), Incoming()
    assert at_once.is_whole()
    for byte in request_bytes:
        assert not incoming.is_whole()
        incoming.data.append(byte)
    assert incoming.is_whole()
    assert not incoming.is_too_large
    assert Incoming(request_bytes + b"GET / HTTP/1.1\r\n").is_whole()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\nHost: x\n",
        b"GET / HTTP/1.1\r\nHost: x\nX",
        b"G" * (MOST_HEAD + 1),
        b"\r\n\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: \xd9\xa3\r\n\r\n",
        CHUNKS + b"zz\r\n",
        CHUNKS + b"\r\n",
        CHUNKS + b"1;" + b"a" * (MOST_HEAD + 1),
        CHUNKS + b"0\r\n" + b"X-Trailer: y\r\n" * (MOST_HEAD // 10),
    ],
)
def test_what_nothing_would_mend_is_not_waited_for(request_bytes: bytes) -> None:
    """The parser has the word."""
    incoming = Incoming(request_bytes)
    assert incoming.is_whole()
    assert not incoming.is_too_large


@pytest.mark.parametrize(
    "request_bytes",
    [
        HEAD + f"Content-Length: {MOST_BODY + 1}\r\n\r\n".encode(),
        HEAD + b"Content-Length: 1" + b"0" * 5000 + b"\r\n\r\n",
        CHUNKS + f"{MOST_BODY + 1:x}\r\n".encode(),
        CHUNKS + b"f" * 5000 + b"\r\n",
        CHUNKS + (b"ffff\r\n" + b"a" * 65_535 + b"\r\n") * (MOST_BODY // 65_535) + b"ffff\r\n",
    ],
)
def test_a_body_beyond_the_limit_is_not_waited_for(request_bytes: bytes) -> None:
    incoming = Incoming(request_bytes)
    assert incoming.is_whole()
    assert incoming.is_too_large


@pytest.mark.parametrize(("length", "is_judged"), [(64 * 1024, False), (64 * 1024 + 1, True)])
def test_the_end_of_a_head_is_waited_for_up_to_64_kibibytes(length: int, is_judged: bool) -> None:
    assert Incoming(b"GET / HTTP/1.1\r\nX: ".ljust(length, b"a")).is_whole() is is_judged


def test_a_body_of_the_limit_is_waited_for() -> None:
    for head in (HEAD + f"Content-Length: {MOST_BODY}\r\n\r\n".encode(), CHUNKS + f"{MOST_BODY:x}\r\n".encode()):
        incoming = Incoming(head)
        assert (incoming.is_whole(), incoming.is_too_large) == (False, False)


@pytest.mark.parametrize(
    ("line", "version", "waits"),
    [
        ("Expect: 100-continue", "1.1", True),
        ("expect:100-Continue ", "1.1", True),
        ("Expect: 100-continue", "1.0", False),
        ("X-Expect: 100-continue", "1.1", False),
        ("Expect: miracles", "1.1", False),
    ],
)
def test_a_sender_that_wants_to_be_told_to_go_on_is_known(line: str, version: str, waits: bool) -> None:
    head = f"POST / HTTP/{version}\r\nHost: x\r\n{line}\r\nContent-Length: 5\r\n\r\n"
    incoming = Incoming(head.encode())
    assert not incoming.is_whole()
    assert incoming.waits_for_word is waits


@pytest.fixture
def pair() -> Iterator[tuple[Connection, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Connection(Config(), ours, ("127.0.0.1", 1), ("127.0.0.1", 2)), theirs


def test_a_thread_reads_what_has_arrived_and_nothing_of_the_socket(pair: tuple[Connection, socket.socket]) -> None:
    conn, theirs = pair
    theirs.sendall(b"!" * 100)
    conn.incoming = Incoming(HEAD + b"Content-Length: 5\r\n\r\nfi")
    conn.hand_over()
    assert next(conn.parser).body.read() == b"fi"
    assert ours_has(conn) == 100


def ours_has(conn: Connection) -> int:
    return len(conn.line.recv(1000))


def test_what_arrived_behind_a_request_is_the_next_one(pair: tuple[Connection, socket.socket]) -> None:
    conn, _ = pair
    conn.incoming = Incoming(HEAD + b"Content-Length: 5\r\n\r\nfive!GET /next")
    conn.hand_over()
    assert next(conn.parser).body.read() == b"five!"
    conn.take_back()
    assert bytes(conn.incoming.data) == b"GET /next"


def test_an_answer_that_is_not_taken_holds_no_thread(pair: tuple[Connection, socket.socket]) -> None:
    conn, theirs = pair
    answer = bytes(range(256)) * 4096
    conn.sock.sendfile(BytesIO(b"not this" + answer + b"nor this"), 8, len(answer))
    assert conn.sock.unsent
    received = b""
    while len(received) < len(answer):
        received += theirs.recv(65_536)
        conn.sock.flush()
    assert received == answer
    assert not conn.sock.unsent


def test_who_makes_more_than_the_other_side_takes_waits_for_it(
    pair: tuple[Connection, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    conn, _ = pair
    monkeypatch.setattr(connections, "MOST_UNSENT", 1)
    monkeypatch.setattr(connections, "SEND_SECONDS", 0.001)
    with pytest.raises(BrokenPipeError) as raised:
        conn.sock.sendall(b"x" * 1_000_000)
    assert raised.value.errno == errno.EPIPE  # somebody who has gone, to gunicorn


def test_a_download_that_is_waited_for_arrives_as_it_is_and_once(
    pair: tuple[Connection, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    conn, theirs = pair
    monkeypatch.setattr(connections, "MOST_UNSENT", 1)
    pieces = [bytes([at]) * 700_000 for at in range(3)]
    received = bytearray()

    def take() -> None:
        while more := theirs.recv(65_536):
            received.extend(more)

    taker = threading.Thread(target=take, daemon=True)
    taker.start()
    for piece in pieces:
        conn.sock.sendall(piece)
        assert (bytes(conn.sock.unsent), conn.line.getblocking()) == (b"", False)
    conn.line.close()
    taker.join(60)
    assert received == b"".join(pieces)


@pytest.mark.parametrize(
    ("client", "network"),
    [(("192.0.2.7", 1), "192.0.2.7"), (("2001:db8::1:2:3:4", 1, 0, 0), "2001:db8::"), ("", "")],
)
def test_all_addresses_that_one_customer_has_are_one(
    pair: tuple[Connection, socket.socket], client: object, network: str
) -> None:
    assert Connection(Config(), pair[0].line, client, ("127.0.0.1", 2)).network == network


def test_a_thread_neither_closes_its_connection_nor_waits_on_it(pair: tuple[Connection, socket.socket]) -> None:
    conn, theirs = pair
    conn.line.setblocking(False)
    conn.sock.setblocking(True)
    conn.sock.close()
    with pytest.raises(OSError, match="main thread") as raised:
        conn.sock.shutdown(socket.SHUT_RDWR)
    assert (raised.value.errno, conn.line.getblocking()) == (errno.ENOTSUP, False)
    conn.sock.sendall(b"there still")
    assert theirs.recv(100) == b"there still"
