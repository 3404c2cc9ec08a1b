"""Gives tests a sandbox: ``telnyx_sandbox``, a world for each test, in a sandbox of the test process."""

import uuid
from collections.abc import Iterator

import pytest

from portal.sandbox.client import Client
from portal.sandbox.server.server import Sandbox

_PACE = 0.02


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("telnyx-sandbox")
    group.addoption(
        "--telnyx-sandbox-pace",
        type=float,
        default=_PACE,
        help="what every duration of a call is multiplied by (default: %(default)s)",
    )
    group.addoption("--telnyx-sandbox-url", help="a sandbox that runs already: http://127.0.0.1:9000/v2")


@pytest.fixture(scope="session")
def telnyx_sandbox_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the sandbox that all tests of this process share."""
    url = request.config.getoption("--telnyx-sandbox-url")
    if url:
        yield url
        return
    state = tmp_path_factory.mktemp("telnyx-sandbox") / "sandbox.sqlite3"
    with Sandbox(state, pace=request.config.getoption("--telnyx-sandbox-pace")) as sandbox:
        yield sandbox.base_url


@pytest.fixture
def telnyx_sandbox(telnyx_sandbox_url: str) -> Iterator[Client]:
    """A world of this test's own, forgotten when it is over."""
    name = uuid.uuid4().hex
    client = Client(telnyx_sandbox_url, f"KEY-world-{name}")
    yield client
    client.ask("DELETE", f"/sandbox/worlds/{name}")
