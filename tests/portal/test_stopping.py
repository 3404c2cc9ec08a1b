"""A process that was told to end begins no request to Telnyx, and says what it did not begin so that another does."""

from typing import Any

import httpx
import pytest
from celery.signals import worker_shutting_down

from portal import stopping
from portal.models import TelnyxAccount
from portal.telnyx import client
from portal.telnyx.client import DeadlineTransport, NotNow, ask
from portal.telnyx.errors import TelnyxUnavailable, TelnyxUncertain
from tests.support.accounts import make_account
from tests.support.http_servers import answer, serving

HANGUP = "calls.actions.hangup"
YES = answer("200 OK", b'{"data": {"result": "ok"}}')


@pytest.fixture(autouse=True)
def _goes_on_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping._Process, "is_ending", False)


@pytest.mark.django_db
def test_after_it_nothing_is_asked(account: TelnyxAccount) -> None:
    with serving(YES) as listener:
        account = make_account("wired", f"{listener.url}/v2")
        ask(account, HANGUP, "v3:1")
        stopping.begin()
        with pytest.raises(NotNow) as caught:
            ask(account, HANGUP, "v3:1")
        assert (caught.value.retry_after, len(listener.requests)) == (0, 1)


@pytest.mark.django_db
def test_a_request_that_has_connected_does_not_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    really = client._DeadlineBackend.connect_tcp

    def signalled(self: Any, *where: Any, **more: Any) -> Any:
        stream = really(self, *where, **more)
        stopping.begin()
        return stream

    monkeypatch.setattr(client._DeadlineBackend, "connect_tcp", signalled)
    with serving(YES) as listener:
        account = make_account("wired", f"{listener.url}/v2")
        with pytest.raises(NotNow):
            ask(account, HANGUP, "v3:1")
    assert listener.requests in ([], [b""])


@pytest.mark.django_db
def test_one_that_has_left_is_answered() -> None:
    def signalled(connection: Any) -> None:
        stopping.begin()
        connection.sendall(YES)

    with serving(signalled) as listener:
        account = make_account("wired", f"{listener.url}/v2")
        assert ask(account, HANGUP, "v3:1") == {"data": {"result": "ok"}}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"", TelnyxUncertain),
        (answer("500 Internal Server Error"), TelnyxUncertain),
        (answer("429 Too Many Requests"), TelnyxUnavailable),
    ],
    ids=["nothing", "an error of its own", "too many requests"],
)
def test_one_that_has_left_and_went_wrong_is_not_told_as_never_asked(said: bytes, kind: type[Exception]) -> None:
    """Whoever has it asked once more might ring a phone twice."""

    def signalled(connection: Any) -> None:
        stopping.begin()
        connection.sendall(said)

    with serving(signalled) as listener:
        account = make_account("wired", f"{listener.url}/v2")
        with pytest.raises(kind) as caught:
            ask(account, HANGUP, "v3:1")
    assert not isinstance(caught.value, NotNow)


def test_others_than_telnyx_may_still_be_told() -> None:
    stopping.begin()
    with serving(YES) as listener, httpx.Client(transport=DeadlineTransport(2), trust_env=False) as others:
        assert others.get(listener.url).status_code == 200


def test_a_worker_that_shuts_down_begins_no_request() -> None:
    worker_shutting_down.send(sender="worker", sig="SIGTERM", how="Warm", exitcode=0)
    assert stopping.has_begun()
