"""The web worker hands whole requests to its threads, and refuses what is none without an echo of it."""

import errno
import json
import logging
import os
import signal
import socket
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from gunicorn.config import Config
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from portal import stopping
from portal.runtime import web_worker
from portal.runtime.connections import SEND_SECONDS
from portal.runtime.web_worker import READ_SECONDS, BrokenOff, TooLarge, WebWorker
from tests.support.polling import eventually
from tests.support.web_workers import REQUEST, Worker, done, is_open


@pytest.mark.parametrize(
    ("error", "status", "code", "title"),
    [
        (errors.LimitRequestLine(9000, 4094), 414, "invalid", "The address is too long"),
        (errors.LimitRequestHeaders("too many"), 431, "invalid", "The headers are too large"),
        (errors.InvalidRequestLine("GET /secret"), 400, "invalid", "The request is not valid"),
        (errors.InvalidHeader("X-Secret"), 400, "invalid", "The request is not valid"),
        (TooLarge(), 413, "too_large", "Too large"),
        (BrokenOff(), 400, "invalid", "The request is not valid"),
    ],
)
def test_a_request_that_is_none_is_answered_with_a_problem(
    error: Exception, status: int, code: str, title: str, caplog: pytest.LogCaptureFixture
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        WebWorker.handle_error(log_only(), None, ours, ("127.0.0.1", 1), error)
        ours.close()
        head, _, body = theirs.makefile("rb").read().partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert f"Content-Length: {len(body)}".encode() in head
    told = json.loads(body)
    assert (told["status"], told["code"], told["title"], len(told["request_id"])) == (status, code, title, 32)
    assert ("errors" in told) == (status == 400)
    assert b"ecret" not in head + body
    assert "ecret" not in caplog.text


def test_one_that_is_to_end_asks_telnyx_nothing_new(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping._Process, "is_ending", False)
    told = []
    monkeypatch.setattr(ThreadWorker, "handle_exit", lambda self, sig, frame: told.append(sig))
    worker.handle_exit(signal.SIGTERM, None)
    assert (stopping.has_begun(), told) == (True, [signal.SIGTERM])


OUR_FAULTS = [
    *(ValueError("a bug"), OSError(), errors.ConfigurationProblem("X")),
    *(errors.InvalidResponseHeader("X"), errors.InvalidResponseHeaderName("X")),
]


@pytest.mark.parametrize("error", OUR_FAULTS)
def test_a_fault_of_ours_is_gunicorns_to_tell(
    worker: Worker, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_on: list[Exception] = []
    monkeypatch.setattr(ThreadWorker, "handle_error", lambda self, req, client, addr, exc: handed_on.append(exc))
    worker.handle_error(None, None, None, error)
    assert handed_on == [error]


def test_somebody_who_has_gone_is_no_error() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours:
        WebWorker.handle_error(log_only(), None, ours, None, errors.InvalidRequestLine("x"))


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (REQUEST, None),
        (REQUEST.replace(b"Host: x\r\n", b""), errors.InvalidHeader),
        (REQUEST.replace(b"Host: x\r\n", b"").replace(b"1.1", b"1.0"), None),
        (REQUEST.replace(b"Host: x\r\n", b"Host: x\r\nScript_Name: /webhooks\r\n"), errors.InvalidHeader),
        (REQUEST[:-1], BrokenOff),
        (REQUEST.replace(b"5", b"9999999"), TooLarge),
    ],
)
def test_a_request_of_http_1_1_names_its_host_and_has_the_body_it_says(
    worker: Worker, connect: Any, sent: bytes, error: type[Exception] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ThreadWorker, "handle_request", lambda self, req, conn: "served")
    connect(sent).shutdown(socket.SHUT_WR)
    worker.look()
    (conn,) = worker.handed
    if error:
        with pytest.raises(error):
            worker.handle_request(next(conn.parser), conn)
    else:
        assert worker.handle_request(next(conn.parser), conn) == "served"


def test_a_thread_gets_a_request_when_it_is_whole(worker: Worker, connect: Any) -> None:
    theirs = connect(REQUEST[:-1])
    assert worker.handed == []
    theirs.sendall(REQUEST[-1:])
    worker.look()
    assert len(worker.handed) == 1


def test_who_sends_nothing_is_let_go_and_who_sends_half_is_told(worker: Worker, connect: Any) -> None:
    silent, half = connect(), connect(REQUEST[:-1])
    worker.now += READ_SECONDS - 1
    worker.murder_pending()
    assert worker.handed == []
    assert is_open(silent)
    worker.now += 2
    worker.murder_pending()
    assert len(worker.handed) == 1
    assert not is_open(silent)
    assert is_open(half)


def test_the_time_of_a_request_runs_from_its_first_byte(worker: Worker, connect: Any) -> None:
    theirs = connect()
    worker.now += READ_SECONDS - 1
    theirs.sendall(REQUEST[:10])
    worker.look()
    worker.now += READ_SECONDS - 1
    theirs.sendall(REQUEST[10:20])
    worker.look()
    worker.murder_pending()
    assert worker.handed == []
    worker.now += 2  # and not from its last one
    worker.murder_pending()
    assert len(worker.handed) == 1


def test_when_there_is_no_room_the_longest_waiting_goes(worker: Worker, connect: Any) -> None:
    worker.worker_connections = 3
    first, second, third = connect(), connect(), connect()
    assert [is_open(one) for one in (first, second, third)] == [False, True, True]
    assert worker.nr_conns == 2


def test_bytes_that_wait_for_more_have_a_limit_too(
    worker: Worker, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_worker, "MOST_HELD", 2 * len(REQUEST))
    waiting = [connect(REQUEST[:-1]) for _ in range(3)]
    assert [is_open(one) for one in waiting] == [False, True, True]


@pytest.mark.parametrize(
    ("number", "left"),
    [
        *((number, 1) for number in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)),
        *((number, 2) for number in (errno.EAGAIN, errno.ECONNABORTED, errno.EPERM, errno.EPROTO, errno.EHOSTUNREACH)),
    ],
)
def test_where_no_connection_can_be_taken_the_longest_waiting_makes_room_if_that_is_why(
    worker: Worker, connect: Any, number: int, left: int
) -> None:
    waiting = [connect(), connect()]
    worker.accept(Refusing(number))
    assert [is_open(one) for one in waiting] == [left == 2, True]
    assert worker.nr_conns == left


def test_a_listener_that_is_broken_is_told(worker: Worker) -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        worker.accept(Refusing(errno.EBADF))


class Refusing:
    """A listener that gives no connection away."""

    def __init__(self, number: int) -> None:
        self.number = number

    def accept(self) -> Any:
        raise OSError(self.number, os.strerror(self.number))


def test_who_wants_to_be_told_to_go_on_is_told_once(worker: Worker, connect: Any) -> None:
    head, body = REQUEST[:-5].replace(b"Host", b"Expect: 100-continue\r\nHost"), REQUEST[-5:]
    theirs = connect(head)
    assert theirs.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    (conn,) = worker._waiting
    theirs.sendall(body[:2])
    eventually(lambda: worker.look() or conn.incoming.data.endswith(body[:2]))
    theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        theirs.recv(1)
    assert worker.handed == []
    theirs.sendall(body[2:])
    eventually(lambda: worker.look() or worker.handed == [conn])


def test_one_address_has_so_many_connections_unless_it_is_a_proxys(
    worker: Worker, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_worker, "MOST_OF_ONE_ADDRESS", 2)
    far = [connect(source="127.0.0.2") for _ in range(3)]
    near = [connect() for _ in range(3)]
    assert [is_open(one) for one in (*far, *near)] == [True, True, False, True, True, True]
    far[0].close()
    worker.look()
    assert is_open(connect(source="127.0.0.2"))


def test_a_connection_goes_on_or_ends_once_its_answer_has_left(worker: Worker, connect: Any) -> None:
    theirs = connect(REQUEST)
    (conn,) = worker.handed
    assert next(conn.parser).body.read() == b"five!"
    conn.sock.unsent += b"x" * 10_000_000
    worker.finish_request(conn, done(True))
    assert conn.sock.unsent
    assert worker.handed == [conn]
    theirs.sendall(REQUEST)
    left = 10_000_000
    while left:
        worker.look()
        left -= len(theirs.recv(65_536))
    worker.look()
    worker.look()
    assert worker.handed == [conn, conn]
    worker.finish_request(conn, done(False))
    assert theirs.recv(1) == b""
    assert worker.nr_conns == 1  # until they close it as well: what they still send costs them no answer
    theirs.close()
    worker.look()
    assert worker.nr_conns == 0
    worker.handed.clear()


def test_who_does_not_take_an_answer_and_who_does_not_go_are_let_go(worker: Worker, connect: Any) -> None:
    connect(REQUEST)
    connect(REQUEST)
    deaf, lasting = worker.handed
    deaf.sock.unsent += b"x" * 10_000_000
    worker.finish_request(deaf, done(True))
    worker.finish_request(lasting, done(False))
    assert worker.nr_conns == 2
    worker.now += SEND_SECONDS + 1
    worker.murder_pending()
    assert worker.nr_conns == 0
    worker.handed.clear()


def test_one_that_ends_waits_no_longer_for_requests_that_have_not_come(worker: Worker, connect: Any) -> None:
    silent = connect()
    worker._cap_keepalive(worker.now + 2)
    worker.now += 3
    worker.murder_pending()
    assert not is_open(silent)


def test_a_request_is_worked_on_without_what_the_last_one_left(
    worker: Worker, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = list[Any]()
    monkeypatch.setattr(ThreadWorker, "handle", lambda self, conn: seen.append(structlog.contextvars.get_contextvars()))
    monkeypatch.setattr(ThreadWorker, "handle_request", lambda self, req, conn: seen.append(req._expected_100_continue))
    connect(REQUEST.replace(b"Host", b"Expect: 100-continue\r\nHost"))
    (conn,) = worker.handed
    with structlog.contextvars.bound_contextvars(request_id="of-the-last-one"):
        worker.handle(conn)
    worker.handle_request(next(conn.parser), conn)
    assert seen == [{}, False]  # nobody tells it to go on: all of it is here


def test_tls_is_not_its_business() -> None:
    cfg = Config()
    cfg.set("certfile", __file__)
    with pytest.raises(RuntimeError, match="proxy"):
        WebWorker.check_config(cfg, logging.getLogger())


def log_only() -> Any:
    return SimpleNamespace(log=logging.getLogger("tests.web_worker"))


def test_what_is_no_request_is_in_the_log_by_the_id_that_its_sender_was_told() -> None:
    told = list[tuple[str, ...]]()
    here: Any = SimpleNamespace(log=SimpleNamespace(warning=lambda *words: told.append(words)))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        WebWorker.handle_error(here, None, ours, ("127.0.0.1", 1), errors.InvalidHeader("X-Secret"))
        ours.close()
        body = json.loads(theirs.makefile("rb").read().partition(b"\r\n\r\n")[2])
    assert told == [("no request: %s", "InvalidHeader")]
    assert structlog.contextvars.get_contextvars()["request_id"] == body["request_id"]
