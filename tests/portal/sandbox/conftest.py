"""A client of the sandbox, somebody who gets its webhooks, and an application between the two."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import telnyx

from portal.sandbox.client import Client
from portal.sandbox.server.server import Sandbox
from tests.support.sandbox_applications import make_application
from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver


@pytest.fixture
def http(sandbox: Sandbox) -> Http:
    return Http(sandbox.port, sandbox.exchange)


@pytest.fixture
def answered(http: Http, application: Any) -> str:
    """A caller who waits to be put through, answered."""
    id = http.ring("transferred")
    http.act(id, "answer")
    return id


@pytest.fixture(scope="session")
def _connections() -> Iterator[httpx.Client]:
    """Kept process-wide: whoever makes them reads the machine's certificates, which takes longer than most tests."""
    with telnyx.DefaultHttpxClient() as client:
        yield client


@pytest.fixture
def sdk(sandbox: Sandbox, _connections: httpx.Client) -> telnyx.Telnyx:
    """The official SDK, refusing every answer that its models do not describe."""
    return telnyx.Telnyx(
        api_key="KEY-of-the-tests",
        base_url=sandbox.base_url,
        http_client=_connections,
        max_retries=0,
        _strict_response_validation=True,
    )


@pytest.fixture
def receiver(sandbox: Sandbox) -> Iterator[Receiver]:
    with Receiver(sandbox.exchange) as receiver:
        yield receiver


@pytest.fixture
def application(sdk: telnyx.Telnyx, receiver: Receiver) -> Any:
    return make_application(sdk, receiver)


@pytest.fixture
def standing(tmp_path: Path) -> Iterator[Client]:
    """A sandbox of its own at the pace of real calls, whose clock stands, with an application that takes webhooks."""
    with Sandbox(tmp_path / "standing.sqlite3") as sandbox, Receiver() as receiver:
        client = Client(sandbox.base_url, "KEY-of-the-tests")
        client.pause()
        body = {"application_name": "tests", "webhook_event_url": receiver.url, "webhook_api_version": "2"}
        client.ask("POST", "/v2/call_control_applications", body)
        yield client
