"""Before the first byte has left: looking the host up, connecting, values of which no request can be made."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import httpx
import pytest

from portal.telnyx import client
from portal.telnyx.client import NotAsked, ask
from portal.telnyx.errors import TelnyxRefused, TelnyxUnavailable, TelnyxUncertain
from tests.support.accounts import make_account
from tests.support.clock import Clock
from tests.support.http_servers import answer, serving

pytestmark = pytest.mark.django_db
HANGUP = "calls.actions.hangup"
YES = answer("200 OK", b'{"data": {"result": "ok"}}')


@pytest.fixture
def short_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "DEADLINE_SECONDS", 0.5)


@pytest.fixture
def found_at(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The host ``telnyx.invalid`` has these addresses."""
    really = socket.getaddrinfo

    def make(*addresses: str) -> None:
        def look_up(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
            hosts = addresses if host == "telnyx.invalid" else [host]
            return [found for one in hosts for found in really(one, port, *rest, **more)]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)

    return make


@pytest.fixture
def black_holes() -> Iterator[tuple[list[str], int]]:
    """Addresses that take no connection and refuse none, and their port: their queues are full."""
    hosts = [f"127.0.0.{at}" for at in range(2, 8)]
    with ExitStack() as opened:
        port = 0
        for host in hosts:
            listener = opened.enter_context(socket.socket())
            listener.bind((host, port))
            listener.listen(0)
            port = listener.getsockname()[1]
            for _ in range(2):
                filler = opened.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex((host, port))
        yield hosts, port


def seconds(call: Callable[[], Any]) -> float:
    with serving(YES) as listener:
        ask(make_account("warm", f"{listener.url}/v2"), HANGUP, "v3:1")  # the SDK takes seconds to import
    begin = time.monotonic()
    with pytest.raises(TelnyxUnavailable, match="Nothing was changed"):
        call()
    return time.monotonic() - begin


@pytest.mark.usefixtures("short_deadline")
def test_a_resolver_that_does_not_answer_is_given_up_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def silent(*_: Any, **__: Any) -> Any:
        over.wait(5)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    account = make_account(base_url="http://telnyx.invalid/v2")

    def unanswered() -> None:
        monkeypatch.setattr(socket, "getaddrinfo", silent)
        ask(account, HANGUP, "v3:1")

    try:
        assert seconds(unanswered) < 4
    finally:
        over.set()


def test_a_resolver_that_is_not_waited_for_keeps_no_process_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, account = list[bool](), make_account(base_url="http://telnyx.invalid/v2")

    def look_up(*_: Any, **__: Any) -> Any:
        asked.append(threading.current_thread().daemon)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(TelnyxUnavailable):
        ask(account, HANGUP, "v3:1")
    assert asked == [True]


@pytest.mark.usefixtures("short_deadline")
def test_addresses_that_do_not_answer_share_the_one_deadline(
    black_holes: tuple[list[str], int], found_at: Callable[..., None]
) -> None:
    hosts, port = black_holes
    found_at(*hosts)
    account = make_account(base_url=f"http://telnyx.invalid:{port}/v2")
    assert seconds(lambda: ask(account, HANGUP, "v3:1")) < 0.5 * len(hosts) - 0.5


def test_the_next_address_is_tried_when_one_refuses(found_at: Callable[..., None]) -> None:
    found_at("127.0.0.9", "127.0.0.1")
    with serving(YES) as listener:
        account = make_account(base_url=f"http://telnyx.invalid:{listener.port}/v2")
        assert ask(account, HANGUP, "v3:1") == {"data": {"result": "ok"}}


def test_the_next_address_is_tried_when_one_does_not_answer(
    found_at: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_TIMEOUT", httpx.Timeout(60, connect=0.5))
    found_at("127.0.0.9", "127.0.0.1")
    with serving(YES) as listener, socket.socket() as hole, socket.socket() as first, socket.socket() as second:
        hole.bind(("127.0.0.9", listener.port))
        hole.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(hole.getsockname())
        account = make_account(base_url=f"http://telnyx.invalid:{listener.port}/v2")
        assert ask(account, HANGUP, "v3:1") == {"data": {"result": "ok"}}
        assert len(listener.requests) == 1


def test_a_host_without_a_name_that_can_be_looked_up_is_unavailable() -> None:
    account = make_account(base_url=f"http://{'a' * 70}.invalid/v2")
    with pytest.raises(TelnyxUnavailable):
        ask(account, HANGUP, "v3:1")


def test_a_deadline_that_ends_before_the_request_has_left_makes_nothing_uncertain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    really = client._DeadlineBackend.connect_tcp

    def slowly(self: Any, *where: Any, **more: Any) -> Any:
        stream = really(self, *where, **more)
        self._deadline = 0.0
        return stream

    monkeypatch.setattr(client._DeadlineBackend, "connect_tcp", slowly)
    with serving(YES) as listener:
        account = make_account(base_url=f"{listener.url}/v2")
        with pytest.raises(TelnyxUnavailable):
            ask(account, HANGUP, "v3:1")
    assert listener.requests in ([], [b""])


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("..", {}),
        (".", {}),
        ("", {}),
        ("v3:\ud800", {}),
        ("v3:1", {"command_id": float("nan")}),
        ("v3:1", {"command_id": "\ud800"}),
    ],
    ids=["..", ".", "empty", "half a character", "not a number", "half a character in the body"],
)
def test_what_no_request_can_be_made_of_is_refused_and_tells_nothing_of_telnyx(
    path: str, values: dict[str, Any]
) -> None:
    with serving(YES) as listener:
        account = make_account(base_url=f"{listener.url}/v2")
        with pytest.raises(TelnyxRefused) as caught:
            ask(account, HANGUP, path, **values)
        assert isinstance(caught.value, NotAsked)
        assert listener.requests == []


def test_a_key_of_letters_that_no_header_takes_is_refused() -> None:
    with serving(YES) as listener:
        account = make_account(base_url=f"{listener.url}/v2")
        account.api_key = "KEY-ключ"
        with pytest.raises(TelnyxRefused):
            ask(account, HANGUP, "v3:1")
        assert listener.requests == []


def test_the_deadline_holds_for_a_request_that_is_read_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, taken = Clock(), []
    monkeypatch.setattr(client, "uptime", clock.monotonic)

    def sip(connection: socket.socket) -> None:
        while more := connection.recv(65536):
            clock.now += 0.5
            taken.append(len(more))

    with socket.create_server(("127.0.0.1", 0)) as waiting:
        waiting.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)

        def accept() -> None:
            connection, _ = waiting.accept()
            with connection, suppress(OSError):
                sip(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        account = make_account(base_url=f"http://127.0.0.1:{waiting.getsockname()[1]}/v2")
        with pytest.raises(TelnyxUncertain):
            ask(account, "calls.actions.speak", "v3:1", payload="x" * 30_000_000, voice="female")
        client._kept.__dict__.clear()
        thread.join()
    assert sum(taken) < 20_000_000
