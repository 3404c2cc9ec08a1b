"""A Telnyx that agrees to everything, and callers of a conference or a queue."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from applications.editing.service import create_application
from applications.kinds import KINDS
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.accounts import make_account
from tests.support.conferences import heard, make_room
from tests.support.http_servers import Listener, answer, serving
from tests.support.rows import Call, Conference
from tests.support.sandbox_http import Http


@pytest.fixture
def wire() -> Iterator[Listener]:
    """Somebody who says yes to everything and remembers it."""
    with serving(answer("200 OK", b'{"data": {"result": "ok"}}')) as listener:
        yield listener


@pytest.fixture
def silent() -> Iterator[Listener]:
    """Somebody who says yes without a word, as Telnyx does to what it deletes."""
    with serving(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n") as listener:
        yield listener


@pytest.fixture
def room(wire: Listener) -> Conference:
    return make_room(make_account("wired", f"{wire.url}/v2"))


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[Http]:
    """Calls that stand still: nobody hangs up while the test commands."""
    yield Http(sandbox.port)
    sandbox.reset()


@pytest.fixture
def ring(live_server: Any, settings: Any, sandbox_account: TelnyxAccount, http: Http) -> Callable[[], Call]:
    """Somebody calls and is answered; the portal knows the call."""
    settings.PORTAL_PUBLIC_URL = live_server.url
    values = {"application_name": "front desk", "webhook_event_url": sandbox_account.webhook_url}
    row, problem = create_application(KINDS[0], sandbox_account, values, PORTAL)
    assert not problem

    def make() -> Call:
        control_id = http.ring(connection_id=row.telnyx_id)
        heard("call.initiated", control_id)
        assert http.act(control_id, "answer")[0] == 200
        heard("call.answered", control_id)
        return Call.objects.get(call_control_id=control_id)

    return make
