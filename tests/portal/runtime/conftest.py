"""A web worker that goes one round at a time, and connections to it."""

import socket
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from portal.runtime import web_worker
from tests.support.web_workers import Worker


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    monkeypatch.setattr(web_worker, "time", SimpleNamespace(monotonic=lambda: worker.now))
    worker = Worker()
    worker.alive, worker.now = True, 100.0  # type: ignore[attr-defined]
    with worker.poller:
        yield worker
        for conn in [*worker._waiting, *worker.handed]:
            conn.line.close()
        worker.tmp.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


@pytest.fixture
def connect(worker: Worker, listener: socket.socket) -> Iterator[Callable[..., socket.socket]]:
    ours: list[socket.socket] = []

    def connect(sent: bytes = b"", source: str = "127.0.0.1") -> socket.socket:
        ours.append(socket.create_connection(listener.getsockname(), source_address=(source, 0)))
        ours[-1].sendall(sent)
        worker.accept(listener)
        worker.look()
        return ours[-1]

    yield connect
    for one in ours:
        one.close()
