"""The web worker refuses what is no request, and echoes nothing of it."""

import json
import logging
import signal
import socket
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from portal import stopping
from portal.runtime import web_worker
from portal.runtime.web_worker import READ_SECONDS, WebWorker


class Worker(WebWorker):
    """One without a server around it."""

    def __init__(self) -> None:
        self.log = logging.getLogger("tests.web_worker")
        self._until: dict[Any, float] = {}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.LimitRequestLine(9000, 4094), 414),
        (errors.LimitRequestHeaders("too many"), 431),
        (errors.InvalidRequestLine("GET /secret"), 400),
        (errors.InvalidHeader("X-Secret"), 400),
    ],
)
def test_a_request_that_is_none_is_answered_with_a_problem(
    error: Exception, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Worker().handle_error(None, ours, ("127.0.0.1", 1), error)
        ours.close()
        head, _, body = theirs.makefile("rb").read().partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert f"Content-Length: {len(body)}".encode() in head
    told = json.loads(body)
    assert (told["status"], told["code"], len(told["request_id"])) == (status, "invalid", 32)
    assert b"ecret" not in head + body
    assert "ecret" not in caplog.text


def test_one_that_is_to_end_asks_telnyx_nothing_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping._Process, "is_ending", False)
    worker, told = Worker(), []
    monkeypatch.setattr(ThreadWorker, "handle_exit", lambda self, sig, frame: told.append(sig))
    worker.handle_exit(signal.SIGTERM, None)
    assert (stopping.has_begun(), told) == (True, [signal.SIGTERM])


@pytest.mark.parametrize("error", [ValueError("a bug"), errors.InvalidResponseHeader("X"), OSError()])
def test_a_fault_of_ours_is_gunicorns_to_tell(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    handed_on: list[Exception] = []
    monkeypatch.setattr(ThreadWorker, "handle_error", lambda self, req, client, addr, exc: handed_on.append(exc))
    Worker().handle_error(None, None, None, error)
    assert handed_on == [error]


def test_somebody_who_has_gone_is_no_error() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours:
        Worker().handle_error(None, ours, None, errors.InvalidRequestLine("x"))


@pytest.mark.parametrize(
    ("version", "headers", "refused"),
    [((1, 1), [], True), ((1, 1), [("HOST", "x")], False), ((1, 0), [], False)],
)
def test_a_request_of_http_1_1_names_its_host(
    version: tuple[int, int], headers: list[tuple[str, str]], refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ThreadWorker, "handle_request", lambda self, req, conn: "served")
    request = SimpleNamespace(version=version, headers=headers)
    if refused:
        with pytest.raises(errors.InvalidHeader):
            Worker().handle_request(request, None)
    else:
        assert Worker().handle_request(request, None) == "served"


def test_who_sends_for_too_long_is_read_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ThreadWorker, "murder_pending", lambda self: None)
    worker, shut = Worker(), []

    def handle(self: Any, conn: Any) -> str:
        worker.murder_pending()
        shut.append(list(conn.shut))
        clock[0] += READ_SECONDS + 1
        worker.murder_pending()
        shut.append(list(conn.shut))
        return "done"

    clock = [100.0]
    monkeypatch.setattr(web_worker, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(ThreadWorker, "handle", handle)
    conn = _Conn()
    assert worker.handle(conn) == "done"
    assert shut == [[], [socket.SHUT_RD]]
    worker.murder_pending()
    assert conn.shut == [socket.SHUT_RD]  # it is nobody's any more


class _Conn:
    """A connection that notes how it was shut."""

    def __init__(self) -> None:
        self.shut: list[int] = []
        self.sock = SimpleNamespace(shutdown=self.shut.append)
