"""The door in front of Django answers and stores what the view would."""

import io
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import OperationalError, close_old_connections, connection

from portal.models import TelnyxAccount
from portal.runtime import middleware
from tests.badinput.test_street import every_fuzzed
from tests.corpus import documents
from tests.support.accounts import make_account
from tests.support.factories import make_event
from tests.support.rows import CallEvent, RejectedRequest
from tests.support.signing import key_pair, signed
from voice.events import plain_webhooks
from voice.events.plain_webhooks import PlainWebhooks

pytestmark = pytest.mark.django_db
CHANGES = {"id", "dedupe_key", "event_id", "received_at", "body", "payload", "headers", "occurred_at"}


class Door:
    """The door, and the view behind it, which counts what comes through to it."""

    def __init__(self) -> None:
        self.reached = 0
        self._view = get_wsgi_application()
        self._door = PlainWebhooks(self._count)

    def _count(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        self.reached += 1
        return self._view(environ, start_response)

    def ask(self, environ: dict[str, Any], *, by_view: bool = False) -> tuple[str, dict[str, str], bytes]:
        """Status, headers and body."""
        told: list[Any] = []
        body = environ["wsgi.input"]
        answer = (self._view if by_view else self._door)(environ, lambda *head: told.extend(head))
        content = b"".join(answer)
        assert body is not None
        return told[0], dict(told[1]), content


@pytest.fixture(autouse=True)
def _requests_leave_the_connection_alone() -> Iterator[None]:
    """As of Django's own client: the test's transaction is on it."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def door(account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch) -> Door:
    """One that has seen an answer of the view."""
    monkeypatch.setattr(plain_webhooks, "_accounts", {})
    monkeypatch.setattr(middleware, "SOON", 60.0)  # how soon is not asked here: a busy machine's database takes longer
    door = Door()
    assert door.ask(request(account, json.dumps(make_event(leg="first")).encode()))[0] == "200 OK"
    assert door.ask(request(account, json.dumps(make_event(leg="second")).encode()))[0] == "200 OK"
    assert door.reached == 1
    return door


def request(account: TelnyxAccount, body: bytes, **more: Any) -> dict[str, Any]:
    """What a server makes of a webhook; ``more`` are names of the environ, None takes one away."""
    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in signed(body).items()}
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": f"/webhooks/{account.webhook_token}/call-control/",
        "QUERY_STRING": "",
        "SCRIPT_NAME": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8000",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        **headers,
        **more,
    }
    return {name: value for name, value in environ.items() if value is not None}


def rows() -> list[dict[str, Any]]:
    return list(CallEvent.objects.values())


def test_a_plain_webhook_does_not_reach_django(door: Door, account: TelnyxAccount, messages: list[Any]) -> None:
    body = json.dumps(make_event(leg="plain"), indent=3).encode()
    status, _, content = door.ask(request(account, body))
    assert (status, content, door.reached) == ("200 OK", b'{"status": "ok"}', 1)
    event = CallEvent.objects.get(call_control_id__contains="plain")
    assert bytes(event.body) == body
    assert messages == [("voice.process_event", str(event.pk))]


def test_row_and_headers_are_what_the_view_makes_them(door: Door, account: TelnyxAccount) -> None:
    mine, its = (json.dumps(make_event(leg=leg)).encode() for leg in ("mine", "its"))
    by_door = door.ask(request(account, mine, HTTP_USER_AGENT="telnyx", HTTP_X_REQUEST_ID="an-id-of-theirs"))
    by_view = door.ask(
        request(account, its, HTTP_USER_AGENT="telnyx", HTTP_X_REQUEST_ID="an-id-of-theirs"), by_view=True
    )
    assert by_door == by_view
    assert by_door[1]["X-Request-ID"] == "an-id-of-theirs"
    # by what they say: on SQLite a time has three digits of a second, and the door is quicker than that
    one, other = (CallEvent.objects.values().get(call_control_id__contains=leg) for leg in ("mine", "its"))
    assert one.keys() == other.keys()
    differing = {name for name in one if one[name] != other[name]}
    assert differing <= {
        "id",
        "dedupe_key",
        "event_id",
        "received_at",
        "body",
        "payload",
        "call_leg_id",
        "call_control_id",
        "call_session_id",
        "headers",
        "occurred_at",
    }
    assert one["headers"].keys() == other["headers"].keys()
    assert one["headers"].keys() == {"content-type", "telnyx-timestamp", "user-agent", "x-request-id"}
    assert abs((one["received_at"] - other["received_at"]).total_seconds()) < 60


def test_an_id_of_no_use_gets_a_new_one(door: Door, account: TelnyxAccount) -> None:
    ids = {
        door.ask(request(account, json.dumps(make_event(leg=str(n))).encode(), HTTP_X_REQUEST_ID="?"))[1][
            "X-Request-ID"
        ]
        for n in range(3)
    }
    assert (len(ids), door.reached) == (3, 1)
    assert "?" not in ids


def test_a_repeat_is_200_and_no_second_row(door: Door, account: TelnyxAccount, messages: list[Any]) -> None:
    body = json.dumps(make_event(leg="again")).encode()
    assert {door.ask(request(account, body))[0] for _ in range(3)} == {"200 OK"}
    assert CallEvent.objects.filter(call_control_id__contains="again").count() == 1
    assert len(messages) == 1


def test_the_corpus_of_documents_ends_alike_at_door_and_view(door: Door, account: TelnyxAccount) -> None:
    """Whether a body is odd or not: the same answer, and the same row but for its ids and times."""
    CallEvent.objects.all().delete()
    cases = [*documents.documents(), *(case for at, case in enumerate(every_fuzzed()) if at % 25 == 0)]
    wrong = {}
    for case in cases:
        found = []
        for by_view in (True, False):
            status, headers, content = door.ask(
                request(account, case.body, HTTP_X_REQUEST_ID="same-id-here"), by_view=by_view
            )
            stored = [{name: row[name] for name in row.keys() - CHANGES} for row in rows()]
            found.append((status, headers, content, stored))
            CallEvent.objects.all().delete()
        if found[0] != found[1]:
            wrong[case.slug] = [part for part in zip(*found, strict=True) if part[0] != part[1]]
    assert len(cases) > 40
    assert not wrong, str(wrong)[:2000]


ODD: dict[str, dict[str, Any]] = {
    "no signature": {"HTTP_TELNYX_SIGNATURE_ED25519": None},
    "no time": {"HTTP_TELNYX_TIMESTAMP": None},
    "stale": {"HTTP_TELNYX_TIMESTAMP": str(int(time.time()) - 4000)},
    "not base64": {"HTTP_TELNYX_SIGNATURE_ED25519": "????"},
    "short": {"HTTP_TELNYX_SIGNATURE_ED25519": "QUJD"},
    "twice": {"HTTP_TELNYX_TIMESTAMP": f"{int(time.time())},{int(time.time())}"},
    "another method": {"REQUEST_METHOD": "PUT"},
    "read": {"REQUEST_METHOD": "GET", "CONTENT_LENGTH": ""},
    "a query": {"QUERY_STRING": "a=1"},
    "a query with a NUL": {"QUERY_STRING": "a=%00"},
    "a cookie": {"HTTP_COOKIE": "sessionid=1"},
    "no length": {"CONTENT_LENGTH": ""},
    "a length that is none": {"CONTENT_LENGTH": "٣"},
    "too long": {"CONTENT_LENGTH": str(1024 * 1024 + 1)},
    "longer than what comes": {"CONTENT_LENGTH": "100000"},
    "shorter than what comes": {"CONTENT_LENGTH": "10"},
    "chunks": {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True},
    "another host": {"HTTP_HOST": "elsewhere.example"},
    "no host": {"HTTP_HOST": None},
    "nobody's address": {"PATH_INFO": f"/webhooks/{'x' * 43}/call-control/"},
    "no slash": {"PATH_INFO": "/webhooks/x/call-control"},
    "over https, says the proxy": {"HTTP_X_FORWARDED_PROTO": "https"},
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_request_is_answered_as_by_the_view(door: Door, account: TelnyxAccount, name: str) -> None:
    found = []
    for by_view in (True, False):
        body = json.dumps(make_event(leg="odd")).encode()
        more = {"HTTP_X_REQUEST_ID": "same-id-here"} | ODD[name]
        answer = door.ask(request(account, body, **more), by_view=by_view)
        found.append((*answer, CallEvent.objects.count(), list(RejectedRequest.objects.values_list("code", flat=True))))
        CallEvent.objects.filter(call_control_id__contains="odd").delete()
        RejectedRequest.objects.all().delete()
    assert found[0] == found[1]
    assert door.reached == 2


def test_so_many_ways_are_remembered_and_no_more(door: Door, account: TelnyxAccount) -> None:
    """A way has a header of whoever sends the request: without an end it would fill the memory."""
    found = []
    for _ in range(2):
        before = door.reached
        for at in range(20):
            body = json.dumps(make_event(leg=str(at))).encode()
            assert door.ask(request(account, body, HTTP_X_FORWARDED_PROTO=f"proxy-{at}"))[0] == "200 OK"
        found.append(door.reached - before)
    assert found == [20, 5]  # one was there before


def test_a_refusal_is_no_answer_to_what_comes_the_same_way(door: Door, account: TelnyxAccount) -> None:
    way: dict[str, Any] = {"HTTP_X_FORWARDED_PROTO": "a-proxy"}
    bodies = [json.dumps(make_event(leg=leg)).encode() for leg in ("refused", "one", "two")]
    assert door.ask(request(account, bodies[0], HTTP_TELNYX_TIMESTAMP=None, **way))[0] == "400 Bad Request"
    answers = [door.ask(request(account, body, **way)) for body in bodies[1:]]
    assert [(status, content) for status, _, content in answers] == [("200 OK", b'{"status": "ok"}')] * 2
    assert door.reached == 3  # the first of all, the refused one, and the one whose answer is remembered


def test_one_that_is_rightly_signed_and_stale_is_answered_as_by_the_view(door: Door, account: TelnyxAccount) -> None:
    """Whoever has an old webhook could send it again."""
    body = json.dumps(make_event(leg="stale")).encode()
    headers = signed(body, now=time.time() - 4000)
    names = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    assert door.ask(request(account, body, **names))[0] == "400 Bad Request"
    assert not CallEvent.objects.filter(call_control_id__contains="stale").exists()
    assert RejectedRequest.objects.get().code == "stale"


def test_a_line_that_broke_is_answered_as_by_the_view(door: Door, account: TelnyxAccount) -> None:
    class Broken(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise OSError("the line broke")

    found = []
    for by_view in (True, False):
        environ = request(account, b"{}", HTTP_X_REQUEST_ID="same-id-here") | {"wsgi.input": Broken()}
        found.append(door.ask(environ, by_view=by_view))
    assert found[0] == found[1]
    assert found[0][0].startswith("400")


def test_a_key_that_was_taken_away_is_refused_at_once(door: Door, account: TelnyxAccount) -> None:
    """The door remembers the account; the INSERT asks whose key it is now."""
    assert door.ask(request(account, json.dumps(make_event(leg="before")).encode()))[0] == "200 OK"
    TelnyxAccount.objects.filter(pk=account.pk).update(public_key=key_pair()[1])
    assert door.ask(request(account, json.dumps(make_event(leg="after")).encode()))[0] == "400 Bad Request"
    assert not CallEvent.objects.filter(call_control_id__contains="after").exists()


def test_an_address_that_was_changed_is_404_at_once(door: Door, account: TelnyxAccount) -> None:
    assert door.ask(request(account, json.dumps(make_event(leg="before")).encode()))[0] == "200 OK"
    TelnyxAccount.objects.filter(pk=account.pk).update(webhook_token="n" * 43)
    assert door.ask(request(account, json.dumps(make_event(leg="after")).encode()))[0] == "404 Not Found"


def test_a_new_key_is_taken_at_once_and_then_remembered(door: Door, account: TelnyxAccount) -> None:
    key, public = key_pair()
    TelnyxAccount.objects.filter(pk=account.pk).update(public_key=public)
    for leg in ("one", "two"):
        body = json.dumps(make_event(leg=leg)).encode()
        headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in signed(body, key=key).items()}
        assert door.ask(request(account, body, **headers))[0] == "200 OK"
    assert door.reached == 2


def test_when_the_database_fails_the_view_answers(
    door: Door, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> bool:
        raise OperationalError("it went away")

    monkeypatch.setattr(plain_webhooks, "_insert", fail)
    monkeypatch.setattr(connection, "close", lambda: None)  # the test's transaction is on it
    environ = request(account, json.dumps(make_event(leg="away")).encode())
    assert door.ask(environ)[0] == "200 OK"
    assert CallEvent.objects.filter(call_control_id__contains="away").count() == 1
    assert 0 <= environ["portal.waited"] < 60


def test_a_connection_that_failed_is_closed_before_the_view_has_it(
    door: Door, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = list[int]()

    def fail(*_: Any) -> bool:
        raise OperationalError("it went away")

    monkeypatch.setattr(plain_webhooks, "_insert", fail)
    monkeypatch.setattr(connection, "close", lambda: closed.append(door.reached))  # the test's transaction is on it
    assert door.ask(request(account, json.dumps(make_event(leg="away")).encode()))[0] == "200 OK"
    assert (closed[:1], door.reached) == ([1], 2)


def test_an_answer_has_one_id(door: Door, account: TelnyxAccount) -> None:
    head = list[Any]()
    environ = request(account, json.dumps(make_event(leg="third")).encode(), HTTP_X_REQUEST_ID="an-id-of-theirs")
    assert b"".join(door._door(environ, lambda *told: head.extend(told))) == b'{"status": "ok"}'
    ids = [value for name, value in head[1] if name == "X-Request-ID"]
    assert (door.reached, ids) == (1, ["an-id-of-theirs"])


def test_what_the_door_logs_bears_the_id_that_is_answered_and_nothing_of_the_request_before(
    door: Door, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> bool:
        raise OperationalError("it went away")

    monkeypatch.setattr(plain_webhooks, "_insert", fail)
    monkeypatch.setattr(connection, "close", lambda: None)  # the test's transaction is on it
    structlog.contextvars.bind_contextvars(request_id="somebody-elses", token="0123abcd")
    _, headers, _ = door.ask(request(account, json.dumps(make_event(leg="away")).encode()))
    (line,) = [record.msg for record in caplog.records if "long way" in str(record.msg)]
    assert isinstance(line, dict)
    assert (line["request_id"], line.get("token")) == (headers["X-Request-ID"], None)


def test_a_webhook_of_a_backfilled_event_is_the_views(door: Door, account: TelnyxAccount) -> None:
    event = make_event(leg="found")
    CallEvent.objects.all().delete()
    door.ask(request(account, json.dumps(event).encode()), by_view=True)
    CallEvent.objects.update(source="backfill")
    assert door.ask(request(account, json.dumps(event).encode()))[0] == "200 OK"
    assert CallEvent.objects.get().source == "webhook"
    assert door.reached == 2


def test_a_length_of_more_digits_than_can_be_read_is_answered_as_by_the_view(
    door: Door, account: TelnyxAccount
) -> None:
    found = []
    for by_view in (True, False):
        environ = request(account, b"{}", HTTP_X_REQUEST_ID="same-id-here", CONTENT_LENGTH="9" * 5000)
        found.append(door.ask(environ, by_view=by_view))
    assert found[0] == found[1]
    assert found[0][0].startswith("413")


def test_what_is_remembered_of_an_account_is_forgotten_when_its_time_is_over(
    door: Door, account: TelnyxAccount
) -> None:
    other = make_account("other")
    plain_webhooks._accounts["long ago"] = (0.0, other)
    assert door.ask(request(other, json.dumps(make_event(leg="another")).encode()))[0] == "200 OK"
    assert plain_webhooks._accounts.keys() == {account.webhook_token, other.webhook_token}
