"""Asking Telnyx over real sockets: one request, one deadline, three kinds of error."""

import gc
import json
import secrets
import socket
import threading
import warnings

import httpx
import pytest
from django.db import transaction

from portal.telnyx import client
from portal.telnyx.client import InsideTransaction, ask
from portal.telnyx.errors import TelnyxUnavailable, TelnyxUncertain
from tests.support.accounts import make_account
from tests.support.clock import Clock
from tests.support.http_servers import Listener, answer, serving

LIST = "call_control_applications.list"
HANGUP = "calls.actions.hangup"


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(client, "uptime", clock.monotonic)
    return clock


def at(listener: Listener):
    return make_account(base_url=f"{listener.url}/v2")


def errors(*listed: dict) -> bytes:
    return json.dumps({"errors": list(listed)}).encode()


def in_time(call) -> None:
    """Runs ``call`` in a thread: a client without a deadline must fail the test, not hang it."""
    caught: list[BaseException | None] = []

    def run() -> None:
        try:
            call()
            caught.append(None)
        except Exception as error:
            caught.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive(), "there is no deadline"
    if caught[0] is not None:
        raise caught[0]


def dripping(clock: Clock, lead: bytes, piece: bytes):
    """Sends ``lead``, then ``piece`` every half second: each read gets something in time."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(lead)
        for _ in range(1000):
            clock.now += 0.5
            connection.sendall(piece)

    return behave


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    ("lead", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"x-drip: 1\r\n"),
        (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
    ids=["headers", "body", "chunks"],
)
def test_the_deadline_holds_for_all_of_an_answer_that_drips(clock, lead, piece):
    with serving(dripping(clock, lead, piece)) as listener:
        account = at(listener)
        with pytest.raises(TelnyxUncertain, match="in time"):
            in_time(lambda: ask(account, HANGUP, "v3:1"))
        assert len(listener.requests) == 1


@pytest.mark.usefixtures("db", "clock")
def test_silence_is_uncertain_after_the_deadline(monkeypatch):
    monkeypatch.setattr(client, "DEADLINE_SECONDS", 0.2)
    monkeypatch.setattr(client, "_TIMEOUT", httpx.Timeout(60))  # it is the deadline that ends it

    def silent(connection: socket.socket) -> None:
        connection.recv(1)  # until the client hangs up

    with serving(silent) as listener, pytest.raises(TelnyxUncertain, match="in time"):
        ask(at(listener), HANGUP, "v3:1")


def test_the_deadline_is_eight_seconds():
    assert client.DEADLINE_SECONDS == 8


@pytest.mark.parametrize(
    "status", ["500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable", "408 Timeout"]
)
def test_a_failing_telnyx_is_uncertain_and_asked_once(db, status):
    with serving(answer(status, errors({"code": 10001}))) as listener:
        with pytest.raises(TelnyxUncertain) as caught:
            ask(at(listener), HANGUP, "v3:1")
        assert caught.value.http_status == int(status[:3])
        assert len(listener.requests) == 1


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_a_redirect_is_not_followed(db, status):
    with serving(answer("200 OK", b'{"data":{}}')) as elsewhere:
        moved = answer(status, b'{"data":{}}', location=f"{elsewhere.url}/v2/calls")
        with serving(moved) as listener, pytest.raises(TelnyxUncertain):
            ask(at(listener), "calls.dial", **{"to": "+1", "from": "+2", "connection_id": "1"})
        assert elsewhere.requests == []


def test_nothing_is_taken_from_the_environment(db, monkeypatch):
    with serving(answer("200 OK", b'{"data":[]}')) as proxy, serving(answer("200 OK", b'{"data":[]}')) as listener:
        account = at(listener)
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "TELNYX_BASE_URL"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("TELNYX_API_KEY", "TELNYX_CLIENT_ID", "TELNYX_CLIENT_SECRET", "TELNYX_PUBLIC_KEY"):
            monkeypatch.setenv(name, "from-the-environment")
        monkeypatch.setenv("TELNYX_LOG", "debug")
        monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
        client._kept.__dict__.clear()
        client._certificates.cache_clear()
        ask(account, LIST)
        assert proxy.requests == []
        assert b"from-the-environment" not in listener.requests[0]
        assert b"Bearer KEY-of-the-tests" in listener.requests[0]


@pytest.mark.parametrize(
    "response",
    {
        "HTML": answer("200 OK", b"<html>Bad day</html>", content_type="text/html"),
        "JSON that stops": answer("200 OK", b'{"data":{"call_control_id":"v3'),
        "a list": answer("200 OK", b"[]"),
        "nothing": answer("200 OK", b""),
        "not UTF-8": answer("200 OK", b'{"data":"\xff"}'),
        "HTML with 202": answer("202 Accepted", b"<html></html>", content_type="text/html"),
        "a body cut off": b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{",
        "no HTTP at all": b"SSH-2.0-OpenSSH\r\n",
        "a closed connection": b"",
        "a broken encoding": answer("200 OK", b"no gzip", content_encoding="gzip"),
    }.items(),
    ids=lambda item: item[0],
)
def test_an_answer_that_cannot_be_read_is_uncertain(db, response):
    with serving(response[1]) as listener, pytest.raises(TelnyxUncertain):
        ask(at(listener), HANGUP, "v3:1")


@pytest.mark.parametrize(
    "response",
    [
        *(answer("200 OK", body) for body in (b"<html>Bad day</html>", b"[]", b"")),
        *(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{", b""),
        answer("302 Found", b'{"data":[]}'),
        answer("500 Internal Server Error", errors({"code": 10001})),
    ],
    ids=["HTML", "a list", "nothing", "a body cut off", "a closed connection", "a redirect", "an error of its own"],
)
def test_a_read_that_is_not_answered_changed_nothing(db, response):
    with serving(response) as listener, pytest.raises(TelnyxUnavailable, match="Nothing was changed"):
        ask(at(listener), LIST)


def test_no_content_is_an_answer_without_data(db):
    with serving(answer("204 No Content", b"")) as listener:
        assert ask(at(listener), "call_control_applications.delete", "1") == {}


def test_a_refused_connection_is_unavailable_and_nothing_happened(account):
    with pytest.raises(TelnyxUnavailable, match="Nothing was changed"):
        ask(account, LIST)


def test_a_stored_key_that_cannot_be_read_is_unavailable_and_asks_nobody(db, settings):
    with serving(answer("200 OK")) as listener:
        account = at(listener)
        settings.PORTAL_ENCRYPTION_KEYS = [secrets.token_bytes(32)]
        with pytest.raises(TelnyxUnavailable, match="Enter it again"):
            ask(account, LIST)
        assert listener.requests == []


def test_an_unknown_host_is_unavailable(db):
    with pytest.raises(TelnyxUnavailable):
        ask(make_account(base_url="http://no-such-host.invalid/v2"), LIST)


@pytest.mark.parametrize("head", [b"content-length: 100000000\r\n\r\n", b"connection: close\r\n\r\n"])
def test_an_answer_without_end_is_not_taken_whole(db, head):
    taken = []

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" + head)
        for _ in range(100):
            connection.sendall(b" " * 1_000_000)
            taken.append(1_000_000)

    with serving(endless) as listener, pytest.raises(TelnyxUncertain):
        ask(at(listener), HANGUP, "v3:one")
    assert sum(taken) < 40_000_000  # 16 MiB, and what lies in sockets


def test_what_may_be_read_is_counted_to_the_byte_and_anew_for_each_answer(db, monkeypatch):
    whole = answer("200 OK", b'{"data":{"result":"ok"}}')
    with serving(whole) as listener:
        account = at(listener)
        monkeypatch.setattr(client, "MOST_BYTES", len(whole))
        assert [ask(account, HANGUP, "v3:1") for _ in range(2)] == [{"data": {"result": "ok"}}] * 2
        monkeypatch.setattr(client, "MOST_BYTES", len(whole) - 1)
        with pytest.raises(TelnyxUncertain):
            ask(account, HANGUP, "v3:1")


def test_a_text_that_no_database_takes_makes_no_answer_uncertain(db):
    with serving(answer("200 OK", b'{"data":{"result":"a\\u0000b\\ud800c"}}')) as listener:
        assert ask(at(listener), HANGUP, "v3:1") == {"data": {"result": "a\ufffdb\ufffdc"}}


def test_an_answer_has_at_most_16_mebibytes():
    assert client.MOST_BYTES == 16 * 2**20


def test_a_thread_that_ends_leaves_no_connection_open(db):
    closed = threading.Event()

    def keep(connection: socket.socket) -> None:
        connection.sendall(answer("200 OK", b'{"data":[]}', connection="keep-alive"))
        if connection.recv(1) == b"":
            closed.set()

    with serving(keep) as listener:
        account = at(listener)
        gc.collect()  # what others left is not its
        thread = threading.Thread(target=ask, args=(account, LIST))
        thread.start()
        thread.join(60)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            gc.collect()
        assert closed.wait(60)
        assert told == []  # of a socket that nobody closed Python warns


def test_the_answer_is_telnyxs_own_json_and_the_request_by_wire_name(db):
    with serving(answer("200 OK", b'{"data":{"new_field":[1]}}')) as listener:
        found = ask(at(listener), "calls.actions.bridge", "v3:one", call_control_id="v3:two")
        assert found == {"data": {"new_field": [1]}}
        head, _, body = listener.requests[0].partition(b"\r\n\r\n")
        assert head.startswith(b"POST /v2/calls/v3:one/actions/bridge ")
        assert json.loads(body) == {"call_control_id": "v3:two"}


@pytest.mark.django_db(transaction=True)
def test_it_refuses_to_ask_inside_a_transaction():
    with serving(answer("200 OK", b'{"data":[]}')) as listener:
        account = at(listener)
        with transaction.atomic(), pytest.raises(InsideTransaction):
            ask(account, LIST)
        assert listener.requests == []
        ask(account, LIST)


def test_it_refuses_inside_a_transaction_of_a_test_too(account):
    with transaction.atomic(), pytest.raises(InsideTransaction):
        ask(account, LIST)


def test_a_new_key_or_address_is_used_at_once(db):
    with serving(answer("200 OK", b'{"data":[]}')) as listener:
        account = at(listener)
        ask(account, LIST)
        account.api_key = "KEY-rotated"
        account.save()
        ask(account, LIST)
        assert b"Bearer KEY-rotated" in listener.requests[1]


def test_a_key_that_fits_no_header_is_no_crash(db):
    with serving(answer("200 OK", b'{"data":[]}')) as listener:
        account = at(listener)
        account.api_key = "KEY\r\nx-injected: 1"
        with pytest.raises(TelnyxUnavailable):  # nothing has left, so nothing is uncertain
            ask(account, HANGUP, "v3:1")
        assert not any(b"x-injected" in request for request in listener.requests)


def test_the_transport_is_httpxs_own_otherwise():
    assert issubclass(client.DeadlineTransport, httpx.HTTPTransport)


@pytest.fixture
def steps(clock, monkeypatch):
    """What each step of a request may take, in seconds: no time passes between them."""
    given, really = set(), client._DeadlineBackend.left

    def left(self, timeout, error):
        seconds = really(self, timeout, error)
        given.add((error.__name__, seconds))
        return seconds

    monkeypatch.setattr(client._DeadlineBackend, "left", left)
    return given


def test_a_step_has_its_own_seconds_and_the_look_up_all_that_is_left(db, steps, monkeypatch):
    monkeypatch.setattr(client, "_TIMEOUT", httpx.Timeout(4.0, connect=2.0))  # of the tests it is longer
    with serving(answer("200 OK", b'{"data":[]}')) as listener:
        ask(at(listener), LIST)
    assert steps == {("ConnectTimeout", 8.0), ("ConnectTimeout", 2.0), ("WriteTimeout", 4.0), ("ReadTimeout", 4.0)}


def test_who_asks_others_than_telnyx_has_the_seconds_that_are_said(steps):
    others = httpx.Client(transport=client.DeadlineTransport(3), timeout=60, trust_env=False)
    with serving(answer("200 OK")) as listener, others:
        assert others.get(listener.url).status_code == 200
    assert steps == {("ConnectTimeout", 3.0), ("WriteTimeout", 3.0), ("ReadTimeout", 3.0)}


def test_the_deadline_has_come_with_its_last_moment(db, clock):
    def late(connection: socket.socket) -> None:
        clock.now += 8
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        connection.recv(1)  # until the client hangs up

    with serving(late) as listener, pytest.raises(TelnyxUncertain, match="in time"):
        ask(at(listener), HANGUP, "v3:1")


def test_an_answer_that_cannot_be_read_is_told_with_its_status(db):
    with serving(answer("202 Accepted", b"[]")) as listener:
        account = at(listener)
        with pytest.raises(TelnyxUncertain) as command:
            ask(account, HANGUP, "v3:1")
        with pytest.raises(TelnyxUnavailable) as read:
            ask(account, LIST)
    assert (command.value.http_status, read.value.http_status) == (202, 202)
