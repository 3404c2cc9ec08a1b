"""A sandbox whose clock stands, and somebody who takes streams."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from portal.sandbox.client import Client
from portal.sandbox.server.server import Sandbox
from tests.support.media_servers import MediaServer
from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path / "state.sqlite3") as sandbox:
        yield sandbox


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Waits without having time pass."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def client(sandbox: Sandbox) -> Client:
    """Its clock stands from now on."""
    client = Client(sandbox.base_url, "KEY-of-the-tests")
    client.pause()
    return client


@pytest.fixture
def server() -> Iterator[MediaServer]:
    with MediaServer() as server:
        yield server


@pytest.fixture
def stream(http: Http, client: Client, answered: str, server: MediaServer) -> Callable[..., str]:
    """Starts a stream of an answered call to the server, once it is there; the call."""

    def start(**more: Any) -> str:
        status, answer = http.act(answered, "streaming_start", **({"stream_url": server.url} | more))
        assert (status, answer["data"]) == (200, {"result": "ok"})
        server.wait("start")
        return answered

    return start
