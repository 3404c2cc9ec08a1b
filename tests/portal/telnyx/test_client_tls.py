"""Asking Telnyx over TLS: who is not plainly Telnyx gets no byte of a request, and the deadline holds for all of it."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from portal.telnyx import client
from portal.telnyx.client import ask
from portal.telnyx.connection_check import check_connection
from portal.telnyx.errors import TelnyxUnavailable, TelnyxUncertain
from tests.support.accounts import make_account
from tests.support.authorities import NAME, forgotten_clients, server, server_of_yesterday, trust
from tests.support.clock import Clock
from tests.support.http_servers import PATIENCE, Listener, answer, serving

pytestmark = pytest.mark.django_db
HANGUP = "calls.actions.hangup"
YES = answer("200 OK", b'{"data": {"result": "ok"}}')


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(autouse=True)
def _trusted(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    trust(monkeypatch, authority)
    with forgotten_clients():
        yield


def hang_up(listener: Listener, host: str = NAME) -> object:
    return ask(make_account(base_url=f"https://{host}:{listener.port}/v2"), HANGUP, "v3:1")


def test_a_server_of_the_right_name_is_asked(authority: trustme.CA) -> None:
    with serving(YES, server(authority)) as listener:
        assert hang_up(listener) == {"data": {"result": "ok"}}
    assert [request.split(b"\r\n")[0] for request in listener.requests] == [
        b"POST /v2/calls/v3:1/actions/hangup HTTP/1.1"
    ]


STRANGERS: dict[str, tuple[Callable[[trustme.CA], ssl.SSLContext], str]] = {
    "wrong name": (lambda ours: server(ours, "example.invalid"), "certificate .*[Hh]ostname mismatch"),
    "expired": (lambda ours: server(ours, expires=datetime.now(UTC) - timedelta(days=1)), "certificate .*expired"),
    "unknown authority": (lambda _: server(trustme.CA()), "certificate .*unable to get local issuer"),
    "TLS 1.1 only": (server_of_yesterday, "no secure connection"),
}


@pytest.mark.parametrize(("made", "words"), STRANGERS.values(), ids=STRANGERS)
def test_a_stranger_gets_nothing_and_is_told_of_in_words(
    authority: trustme.CA, made: Callable[[trustme.CA], ssl.SSLContext], words: str
) -> None:
    with serving(YES, made(authority)) as listener:
        with pytest.raises(TelnyxUnavailable, match=words) as caught:
            hang_up(listener)
        assert (caught.value.http_status, "Nothing was changed." in str(caught.value)) == (None, True)
        account = make_account("checked", f"https://{NAME}:{listener.port}/v2")
        well, sentences = check_connection(account)
    assert (well, "Nothing was changed" in sentences[0]) == (False, True)
    assert listener.requests == []


def test_those_of_yesterday_could_be_understood(authority: trustme.CA) -> None:
    """Or the test above would show nothing but what this machine's library cannot speak."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with (
        serving(YES, server_of_yesterday(authority)) as listener,
        socket.create_connection(("127.0.0.1", listener.port), PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname=NAME) as encrypted,
    ):
        assert encrypted.version() == "TLSv1.1"


def test_no_older_version_is_spoken_whatever_this_machine_allows() -> None:
    assert client._certificates().minimum_version == ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("lead", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"x-drip: 1\r\n"),
        (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n", b" "),
    ],
    ids=["headers", "body"],
)
def test_the_deadline_holds_for_an_answer_that_drips(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, lead: bytes, piece: bytes
) -> None:
    clock = Clock()
    monkeypatch.setattr(client, "uptime", clock.monotonic)

    def drip(connection: socket.socket) -> None:
        connection.sendall(lead)
        for _ in range(1000):
            clock.now += 0.5
            connection.sendall(piece)

    with serving(drip, server(authority)) as listener:
        with pytest.raises(TelnyxUncertain, match="in time"):
            hang_up(listener)
        assert len(listener.requests) == 1


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"", "no connection"),
        (b"\x16\x03\x03", "no connection"),
        (answer("400 Bad Request"), "no secure connection"),
    ],
    ids=["nothing", "the beginning of a record", "no TLS"],
)
def test_a_handshake_that_does_not_come_about_is_over_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch, said: bytes, words: str
) -> None:
    monkeypatch.setattr(client, "DEADLINE_SECONDS", 0.5)
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as waiting:

        def accept() -> None:
            connection, _ = waiting.accept()
            with connection:
                connection.sendall(said)
                over.wait(PATIENCE)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            account = make_account(base_url=f"https://{NAME}:{waiting.getsockname()[1]}/v2")
            with pytest.raises(TelnyxUnavailable, match=f"{words}.* Nothing was changed"):
                ask(account, HANGUP, "v3:1")
        finally:
            over.set()
            thread.join()


def test_what_breaks_after_the_handshake_is_uncertain(authority: trustme.CA) -> None:
    with serving(b"", server(authority)) as listener:
        with pytest.raises(TelnyxUncertain):
            hang_up(listener)
        assert len(listener.requests) == 1


def test_a_connection_that_is_kept_is_used_again(authority: trustme.CA) -> None:
    kept = answer("200 OK", b'{"data": {"result": "ok"}}', connection="keep-alive")
    paths: list[bytes] = []

    def twice(connection: socket.socket) -> None:
        connection.sendall(kept)
        paths.append(connection.recv(65536).split(b" ")[1])
        connection.sendall(kept)

    with serving(twice, server(authority)) as listener:
        account = make_account(base_url=f"https://{NAME}:{listener.port}/v2")
        ask(account, HANGUP, "v3:1")
        ask(account, HANGUP, "v3:2")
    assert (len(listener.requests), paths) == (1, [b"/v2/calls/v3:2/actions/hangup"])
