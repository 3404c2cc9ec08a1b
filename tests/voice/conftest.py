"""A line to a real sandbox: somebody has called, and the portal knows the call."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from portal.runtime import wakeups
from portal.sandbox.server.server import Sandbox
from portal.telnyx.client import ask
from tests.support.alert_notices import OK, SECRET
from tests.support.factories import make_call
from tests.support.http_servers import Listener, serving
from tests.support.neighbours import make_bystander, make_neighbour
from tests.support.rows import Call
from tests.support.sandbox_http import Http

NOWHERE = "http://127.0.0.1:9/"  # nobody listens there: a test that needs no webhooks gets none


@pytest.fixture
def http(sandbox: Sandbox) -> Http:
    """The sandbox by plain HTTP. Its calls stand still: no caller hangs up on a test that commands."""
    return Http(sandbox.port)


@pytest.fixture
def connection_id(sandbox_account: TelnyxAccount) -> str:
    """The id of an application at the sandbox."""
    body = {"application_name": "line", "webhook_event_url": NOWHERE}
    identifier: str = ask(sandbox_account, "call_control_applications.create", **body)["data"]["id"]
    return identifier


@pytest.fixture
def ring(sandbox_account: TelnyxAccount, http: Http, connection_id: str) -> Callable[..., Call]:
    """Somebody calls; the row of that call, which really rings at the sandbox."""

    def make(**columns: Any) -> Call:
        control_id = http.ring(connection_id=connection_id)
        told = {"call_control_id": control_id, "connection_id": connection_id, "state": "parked", "answered_at": None}
        return make_call(sandbox_account, **(told | columns))

    return make


@pytest.fixture
def signed_in(user_with: Any) -> Any:
    """A browser of somebody with exactly these permissions."""

    def make(*permissions: str, username: str = "person") -> Client:
        client = Client()
        client.force_login(user_with(*permissions, username=username))
        return client

    return make


@pytest.fixture
def mails(settings: Any) -> None:
    """Notices of alerts go to two people by mail."""
    settings.ALERT_EMAILS = ["ada@example.com", "bob@example.com"]


@pytest.fixture
def hook(settings: Any) -> Iterator[Listener]:
    """Somebody who takes webhooks, and answers what ``hook.says`` gives, else 200."""
    says: list[bytes] = []
    with serving(lambda connection: connection.sendall(says.pop(0) if says else OK)) as listener:
        listener.says = says  # type: ignore[attr-defined]
        settings.ALERT_WEBHOOK_URL = f"{listener.url}/hooks/alerts/"
        settings.ALERT_WEBHOOK_SECRET = SECRET
        yield listener


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What would be published."""
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(wakeups.publisher, "put", lambda task, identifier: sent.append((task, identifier)))
    return sent


@pytest.fixture(autouse=True)
def _a_replay_is_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a request or a task begins to replay is done in its first piece, on a busy machine too."""
    for name in ("replay.admin._AT_ONCE_SECONDS", "tasks.PIECE_SECONDS", "management.commands.sweep.PIECE_SECONDS"):
        monkeypatch.setattr(f"voice.{name}", 600.0)


@pytest.fixture
def neighbour(db: None) -> TelnyxAccount:
    """Another account, which has the same numbers and ids and is to be left alone."""
    return make_neighbour()


@pytest.fixture
def bystander() -> None:
    """Asks for one more call on the account of the test, which is to be left alone."""


@pytest.fixture
def account(request: pytest.FixtureRequest, account: TelnyxAccount) -> TelnyxAccount:
    """With a neighbour, unless the test is marked ``alone``."""
    return _beside_a_neighbour(request, account)


@pytest.fixture
def sandbox_account(request: pytest.FixtureRequest, sandbox_account: TelnyxAccount) -> TelnyxAccount:
    """With a neighbour, unless the test is marked ``alone``."""
    return _beside_a_neighbour(request, sandbox_account)


def _beside_a_neighbour(request: pytest.FixtureRequest, account: TelnyxAccount) -> TelnyxAccount:
    if request.node.get_closest_marker("alone") is None:
        request.getfixturevalue("neighbour")
        if "bystander" in request.fixturenames:
            make_bystander(account)
    return account
