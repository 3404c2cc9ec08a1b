"""How a connection to the web worker goes on, breaks off and ends, and what one of them may take from the others."""

import socket
import struct
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER

from portal.runtime import web_worker
from portal.runtime.connections import MOST_BODY, MOST_UNSENT, SEND_SECONDS
from portal.runtime.web_worker import CLOSE_SECONDS, MOST_HELD, MOST_OF_ONE_ADDRESS, READ_SECONDS
from tests.support.polling import eventually
from tests.support.web_workers import CHUNKS, REQUEST, Worker, done, is_open


def test_the_limits_are_those_that_the_documentation_tells() -> None:
    """``docs/running.md``."""
    assert (READ_SECONDS, CLOSE_SECONDS, SEND_SECONDS, MOST_OF_ONE_ADDRESS) == (10, 2, 30, 64)
    assert (MOST_BODY, MOST_UNSENT, MOST_HELD) == (4 * 2**20, 2 * 2**20, 64 * 2**20)


def test_what_came_behind_a_request_is_the_next_one_at_once_or_is_waited_for(worker: Worker, connect: Any) -> None:
    theirs = connect(REQUEST + REQUEST + REQUEST[:-1])
    (conn,) = worker.handed
    for handed in (2, 2):
        assert next(conn.parser).body.read() == b"five!"
        worker.finish_request(conn, done(True))
        assert len(worker.handed) == handed
    worker.now += READ_SECONDS - 1
    worker.murder_pending()
    assert len(worker.handed) == 2  # it has as long as any request that has begun
    theirs.sendall(REQUEST[-1:])
    eventually(lambda: worker.look() or len(worker.handed) == 3)
    assert next(conn.parser).body.read() == b"five!"


@pytest.mark.parametrize(("alive", "seconds"), [(True, 4), (False, STOP_KEEPALIVE_LINGER)])
def test_for_the_next_request_it_waits_as_long_as_is_set_and_a_moment_when_it_ends(
    worker: Worker, connect: Any, alive: bool, seconds: float
) -> None:
    worker.cfg.set("keepalive", 4)
    theirs = connect(REQUEST)
    (conn,) = worker.handed
    assert next(conn.parser)
    assert worker._keepalive_after(conn, True)  # what nobody read of the body is no part of the next request
    worker.alive = alive
    worker.finish_request(conn, done(True))
    for passed, is_there in ((seconds - 0.5, True), (1, False)):
        worker.now += passed
        worker.murder_pending()
        assert is_open(theirs) is is_there
    assert worker.handed == [conn]
    worker.handed.clear()


@pytest.mark.parametrize(("sent", "keepalive"), [(REQUEST, False), (CHUNKS + b"zz\r\n", True)])
def test_after_a_last_answer_and_after_chunks_that_are_none_it_does_not_go_on(
    worker: Worker, connect: Any, sent: bytes, keepalive: bool
) -> None:
    connect(sent)
    (conn,) = worker.handed
    assert next(conn.parser)
    assert worker._keepalive_after(conn, keepalive) is False


@pytest.mark.parametrize("how", ["a bug", "cancelled", "a last answer"])
def test_however_a_thread_ends_its_connection_ends_and_the_worker_goes_on(
    worker: Worker, connect: Any, how: str
) -> None:
    theirs, future = connect(REQUEST), Future[bool]()
    (conn,) = worker.handed
    if how == "a bug":
        future.set_exception(ValueError("a bug"))
    elif how == "cancelled":
        future.cancel()
    else:
        future.set_result(False)
    worker.finish_request(conn, future)
    theirs.settimeout(60)
    assert theirs.recv(1) == b""
    theirs.close()
    eventually(lambda: worker.look() or worker.nr_conns == 0)
    worker.handed.clear()


@pytest.mark.parametrize("when", ["it asks", "it is to be answered", "it is to be let go", "it was let go"])
def test_who_breaks_off_at_any_time_costs_the_others_nothing(worker: Worker, connect: Any, when: str) -> None:
    theirs, other = connect(REQUEST[:-1] if when == "it asks" else REQUEST), connect()
    conn = [*worker.handed, *worker._waiting][0]
    if when == "it was let go":
        worker.finish_request(conn, done(False))
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.close()  # a reset
    if when == "it is to be answered":
        conn.sock.unsent += b"x" * 10_000_000
        worker.finish_request(conn, done(True))
    elif when == "it is to be let go":
        worker.finish_request(conn, done(False))
    eventually(lambda: worker.look() or worker.nr_conns == 1)
    assert is_open(other)
    worker.handed.clear()


def test_one_that_ends_lets_answers_that_are_on_their_way_leave(worker: Worker, connect: Any) -> None:
    connect(REQUEST)
    (conn,) = worker.handed
    conn.sock.unsent += b"x" * 10_000_000
    worker.finish_request(conn, done(True))
    worker._cap_keepalive(worker.now + 2)
    worker.now += 3
    worker.murder_pending()
    assert worker.nr_conns == 1
    worker.handed.clear()


@pytest.mark.parametrize("proxy", ["of this machine", "of any address"])
def test_a_proxy_has_as_many_connections_as_it_needs(
    worker: Worker, connect: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, proxy: str
) -> None:
    monkeypatch.setattr(web_worker, "MOST_OF_ONE_ADDRESS", 2)
    if proxy == "of any address":
        worker.cfg.set("forwarded_allow_ips", "*")
        assert all(is_open(one) for one in [connect(source="127.0.0.2") for _ in range(3)])
        return
    with socket.socket(socket.AF_UNIX) as listener, ExitStack() as ours:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        listener.setblocking(False)
        opened = [ours.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(3)]
        for one in opened:
            one.connect(listener.getsockname())
            worker.accept(listener)
        assert all(is_open(one) for one in opened)


def test_who_is_over_the_limit_of_an_address_stays_so(
    worker: Worker, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_worker, "MOST_OF_ONE_ADDRESS", 2)
    far = [connect(source="127.0.0.2") for _ in range(5)]
    assert [is_open(one) for one in far] == [True, True, False, False, False]
    assert worker.nr_conns == 2


def test_one_address_that_has_too_many_connections_is_told_in_the_log_and_others_are_not(
    worker: Worker, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_worker, "MOST_OF_ONE_ADDRESS", 2)
    told = list[str]()
    monkeypatch.setattr(worker, "log", SimpleNamespace(warning=told.append))
    for source in ("127.0.0.2", "127.0.0.3", "127.0.0.2", "127.0.0.3"):
        connect(source=source)
    assert told == []
    connect(source="127.0.0.2")
    assert told == ["too many connections of one address"]


def test_half_a_request_that_ends_is_judged_once(worker: Worker, connect: Any) -> None:
    connect(REQUEST[:-1]).shutdown(socket.SHUT_WR)
    for _ in range(3):
        worker.look()
    assert len(worker.handed) == 1


def test_a_connection_that_is_looked_at_for_nothing_waits_on_and_hears_nothing(worker: Worker, connect: Any) -> None:
    """A selector may say that something is there, and nothing is."""
    asking, ending = connect(REQUEST[:10]), connect(REQUEST)
    worker.finish_request(worker.handed.pop(), done(False))
    ending.settimeout(60)
    assert ending.recv(1) == b""
    for conn in list(worker._waiting):
        conn.then(conn)
    assert len(worker._waiting) == worker.nr_conns == 2
    asking.setblocking(False)
    with pytest.raises(BlockingIOError):
        asking.recv(1)
    ending.sendall(b"what comes too late")
    worker.look()
    assert (len(worker._waiting), worker.handed) == (2, [])


def test_who_asks_whether_to_go_on_and_is_gone_costs_the_others_nothing(worker: Worker, connect: Any) -> None:
    """What the main thread raises ends the process."""
    other, theirs = connect(), connect()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.sendall(REQUEST[:-5].replace(b"Host", b"Expect: 100-continue\r\nHost"))
    theirs.close()  # a reset
    eventually(lambda: worker.look() or worker.nr_conns == 1)
    assert (is_open(other), worker.handed) == (True, [])


def test_who_has_made_room_is_let_go_once_though_it_was_heard_in_the_same_round(
    worker: Worker, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the others are too few: at its end the process would not wait for the last of them."""
    monkeypatch.setattr(web_worker, "MOST_HELD", 10)
    longest, other = connect(), connect()
    first, second = worker._waiting
    for one in (other, longest):
        one.sendall(REQUEST[:11])
    eventually(lambda: second.then(second) or worker.nr_conns == 1)
    first.then(first)
    assert (worker.nr_conns, is_open(longest), is_open(other)) == (1, False, True)
