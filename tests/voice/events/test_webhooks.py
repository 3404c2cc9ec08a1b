"""The street door, by URL, with really signed payloads."""

import base64
import gzip
import io
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import InterfaceError, InternalError, OperationalError, connections
from django.test import Client
from gunicorn.http.errors import InvalidChunkSize
from nacl.signing import SigningKey

from portal import sql
from portal.models import TelnyxAccount
from tests.support.factories import make_event, make_flow
from tests.support.rows import Call, CallCommand, CallEvent, RejectedRequest
from tests.support.signing import TELNYX_KEY, signed
from tests.support.webhooks import post_webhook
from voice.events import intake, rejections, webhooks
from voice.events.processing import process

pytestmark = pytest.mark.django_db
MEBIBYTE = 1024 * 1024


def test_it_stores_the_exact_bytes_and_answers_200(client: Client, account: TelnyxAccount) -> None:
    body = json.dumps(make_event(), indent=3).encode()
    answer = post_webhook(client, account, body)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    event = CallEvent.objects.get()
    assert bytes(event.body) == body
    assert (event.status, event.event_type, event.attempt) == ("received", "call.initiated", 1)


@pytest.mark.parametrize("age", [-290, 0, 290])
def test_it_takes_a_signature_within_five_minutes(client: Client, account: TelnyxAccount, age: int) -> None:
    assert post_webhook(client, account, make_event(), now=time.time() - age).status_code == 200


@pytest.mark.parametrize("age", [-302, 302, 3600])
def test_it_answers_400_to_a_stale_signature_and_stores_nothing(
    client: Client, account: TelnyxAccount, age: int
) -> None:
    answer = post_webhook(client, account, make_event(), now=time.time() - age)
    assert answer.status_code == 400
    assert not CallEvent.objects.exists()
    assert "clock differs" in RejectedRequest.objects.get().reason


def test_it_answers_400_to_a_forged_signature_and_stores_nothing(client: Client, account: TelnyxAccount) -> None:
    answer = post_webhook(client, account, make_event(), key=SigningKey.generate())
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert not CallEvent.objects.exists()
    assert "another key" in RejectedRequest.objects.get().reason


def test_our_own_probe_gets_its_nonce_back_only_when_unsigned_and_well_formed(
    client: Client, account: TelnyxAccount
) -> None:
    url, nonce = f"/webhooks/{account.webhook_token}/call-control/", "n0nce_-" * 4

    def told(nonce: str, **more: str) -> Any:
        headers = {"X-Portal-Probe": nonce, **more}
        answer = client.post(url, b"{}", content_type="application/json", headers=headers)
        assert answer.status_code == 400
        return {name: value for name, value in answer.json().items() if name != "request_id"}

    plain = told("")
    assert told(nonce) == plain | {"probe": nonce}
    for odd in ("short", "x" * 65, "<script>alert(1)</script>"):
        assert told(odd) == plain
    forged = signed(b"{}", key=SigningKey.generate())
    assert told(nonce, **forged) == plain
    assert told(nonce, **{"Telnyx-Timestamp": "1"}) == plain
    good = client.post(
        url,
        json.dumps(make_event()).encode(),
        content_type="application/json",
        headers={"X-Portal-Probe": nonce, **signed(json.dumps({}).encode())},
    )
    assert "probe" not in good.json()
    assert not CallEvent.objects.exists()


@pytest.mark.parametrize("name", ["Telnyx-Timestamp", "Telnyx-Signature-Ed25519"])
def test_a_probe_with_any_header_of_a_signature_gets_no_nonce_back(
    client: Client, account: TelnyxAccount, name: str
) -> None:
    headers = {"X-Portal-Probe": "n0nce_-" * 4, name: "1"}
    url = f"/webhooks/{account.webhook_token}/call-control/"
    answer = client.post(url, b"{}", content_type="application/json", headers=headers)
    assert (answer.status_code, "probe" in answer.json()) == (400, False)


def test_of_its_headers_those_that_came_and_matter_are_kept(client: Client, account: TelnyxAccount) -> None:
    assert post_webhook(client, account, make_event()).status_code == 200
    assert set(CallEvent.objects.get().headers) == {"content-type", "telnyx-timestamp"}


def test_it_answers_400_without_a_signature(client: Client, account: TelnyxAccount) -> None:
    url = f"/webhooks/{account.webhook_token}/call-control/"
    assert client.post(url, make_event(), content_type="application/json").status_code == 400
    assert "proxy" in RejectedRequest.objects.get().reason


def test_a_changed_body_does_not_pass(client: Client, account: TelnyxAccount) -> None:
    body = json.dumps(make_event()).encode()
    url = f"/webhooks/{account.webhook_token}/call-control/"
    changed = body.replace(b"incoming", b"outgoing")
    answer = client.post(url, changed, content_type="application/json", headers=signed(body))
    assert answer.status_code == 400


def test_the_previous_key_verifies_while_a_rotation_is_under_way(client: Client, account: TelnyxAccount) -> None:
    account.previous_public_key, account.public_key = account.public_key, "A" * 43 + "="
    account.save()
    assert post_webhook(client, account, make_event()).status_code == 200


def test_an_unknown_token_is_404_and_stores_no_event(client: Client, account: TelnyxAccount) -> None:
    body = json.dumps(make_event()).encode()
    answer = client.post("/webhooks/nobody/call-control/", body, content_type="application/json", headers=signed(body))
    assert answer.status_code == 404
    assert not CallEvent.objects.exists()


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "options", "patch", "trace"])
def test_other_methods_are_405(client: Client, account: TelnyxAccount, method: str) -> None:
    answer = getattr(client, method)(f"/webhooks/{account.webhook_token}/call-control/?data=1")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "timestamp",
    ["{}.0", "{}000", " {}", "+{}", "-1", "0", "1_0", "{},{}", "2026-11-20T09:00:00Z", "٣" * 10, "9" * 5000],
)
def test_a_timestamp_is_ten_digits(client: Client, account: TelnyxAccount, timestamp: str) -> None:
    now, body = int(time.time()), json.dumps(make_event()).encode()
    text = timestamp.format(now, now)
    raw = TELNYX_KEY.sign(text.encode() + b"|" + body).signature
    headers = {"Telnyx-Timestamp": text, "Telnyx-Signature-Ed25519": base64.b64encode(raw).decode()}
    url = f"/webhooks/{account.webhook_token}/call-control/"
    assert client.post(url, body, content_type="application/json", headers=headers).status_code == 400
    assert not CallEvent.objects.exists()


def test_a_signature_header_that_came_twice_is_400(client: Client, account: TelnyxAccount) -> None:
    body = json.dumps(make_event()).encode()
    once = signed(body)
    for name in once:  # servers join equal headers by a comma
        headers = once | {name: f"{once[name]},{once[name]}"}
        url = f"/webhooks/{account.webhook_token}/call-control/"
        assert client.post(url, body, content_type="application/json", headers=headers).status_code == 400


@pytest.mark.parametrize("kind", ["", "text/plain", "multipart/form-data; boundary=x", "text/html; charset=bz2_codec"])
def test_the_content_type_is_not_asked(client: Client, account: TelnyxAccount, kind: str) -> None:
    body = json.dumps(make_event()).encode()
    url = f"/webhooks/{account.webhook_token}/call-control/"
    assert client.generic("POST", url, body, content_type=kind, headers=signed(body)).status_code == 200
    assert CallEvent.objects.get().status == "received"


def test_a_packed_body_is_verified_as_it_came_and_not_unpacked(client: Client, account: TelnyxAccount) -> None:
    body = gzip.compress(json.dumps(make_event()).encode())
    url = f"/webhooks/{account.webhook_token}/call-control/"
    headers = signed(body) | {"Content-Encoding": "gzip"}
    assert client.post(url, body, content_type="application/json", headers=headers).status_code == 200
    event = CallEvent.objects.get()
    assert (event.status, event.reason, bytes(event.body)) == ("quarantined", "unreadable", body)


def test_it_never_redirects_not_even_without_the_last_slash(client: Client, account: TelnyxAccount) -> None:
    body = json.dumps(make_event()).encode()
    url = f"/webhooks/{account.webhook_token}/call-control"
    assert client.post(url, body, content_type="application/json", headers=signed(body)).status_code == 404


def test_a_body_of_1_mib_passes_and_one_byte_more_is_413(client: Client, account: TelnyxAccount) -> None:
    padded = json.dumps(make_event()).encode()
    padded += b" " * (MEBIBYTE - len(padded))
    assert post_webhook(client, account, padded).status_code == 200
    assert post_webhook(client, account, padded + b" ").status_code == 413


def test_a_length_that_no_body_has_is_413(client: Client, account: TelnyxAccount) -> None:
    url = f"/webhooks/{account.webhook_token}/call-control/"
    for length in ("9" * 5000, "²"):
        assert client.generic("POST", url, b"{}", headers=signed(b"{}"), CONTENT_LENGTH=length).status_code == 413


@pytest.mark.parametrize(("digits", "status"), [(20, 200), (21, 413)])
def test_a_length_has_at_most_twenty_digits(client: Client, account: TelnyxAccount, digits: int, status: int) -> None:
    body = json.dumps(make_event()).encode()
    url, length = f"/webhooks/{account.webhook_token}/call-control/", str(len(body)).zfill(digits)
    answer = client.generic("POST", url, body, headers=signed(body), CONTENT_LENGTH=length)
    assert (answer.status_code, CallEvent.objects.exists()) == (status, status == 200)


def chunked(client: Client, account: TelnyxAccount, body: bytes, stream: Any = None) -> int:
    """What a server makes of a chunked request: no length, and an input that ends by itself."""
    headers = signed(body) | {"Transfer-Encoding": "chunked"}
    how = {"CONTENT_LENGTH": "", "wsgi.input": stream or io.BytesIO(body), "wsgi.input_terminated": True}
    url = f"/webhooks/{account.webhook_token}/call-control/"
    status: int = client.generic("POST", url, headers=headers, **how).status_code
    return status


def test_a_chunked_body_of_1_mib_passes_and_one_byte_more_is_413(client: Client, account: TelnyxAccount) -> None:
    padded = json.dumps(make_event()).encode()
    padded += b" " * (MEBIBYTE - len(padded))
    assert [chunked(client, account, body) for body in (padded[:-1], padded + b" ")] == [200, 413]
    assert bytes(CallEvent.objects.get().body) == padded[:-1]


@pytest.mark.django_db(transaction=True)
def test_a_body_of_exactly_1_mib_may_come_chunked(client: Client, account: TelnyxAccount) -> None:
    padded = json.dumps(make_event()).encode()
    padded += b" " * (MEBIBYTE - len(padded))
    assert chunked(client, account, padded) == 200
    assert bytes(CallEvent.objects.get().body) == padded


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}, 400),
        ({"CONTENT_LENGTH": str(MEBIBYTE + 1), "wsgi.input_terminated": True}, 413),
    ],
    ids=["chunks without an end", "a length that is too much"],
)
def test_below_django_is_read_only_what_comes_in_chunks_and_ends_by_itself(
    client: Client, account: TelnyxAccount, how: dict[str, Any], status: int
) -> None:
    """Else somebody would be waited for who sends no more."""
    body = json.dumps(make_event()).encode()
    url, given = f"/webhooks/{account.webhook_token}/call-control/", {"wsgi.input": io.BytesIO(body), **how}
    assert client.generic("POST", url, headers=signed(body), **given).status_code == status
    assert not CallEvent.objects.exists()


def test_chunks_are_chunks_in_any_case(client: Client, account: TelnyxAccount) -> None:
    body = json.dumps(make_event()).encode()
    how = {"HTTP_TRANSFER_ENCODING": "Chunked", "CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    url, given = f"/webhooks/{account.webhook_token}/call-control/", {"wsgi.input": io.BytesIO(body), **how}
    assert client.generic("POST", url, headers=signed(body), **given).status_code == 200
    assert bytes(CallEvent.objects.get().body) == body


def test_a_body_that_breaks_off_is_400(client: Client, account: TelnyxAccount) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise InvalidChunkSize(b"zz")  # as the server does in the middle of a request

    assert chunked(client, account, b"x", Broken()) == 400
    assert not CallEvent.objects.exists()


def test_an_event_that_is_stored_is_acknowledged_even_if_nobody_can_be_woken(
    client: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tired(*args: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(webhooks, "wake_event", tired)
    assert post_webhook(client, account, make_event()).status_code == 200
    assert CallEvent.objects.get().status == "received"


def test_a_refusal_stands_even_if_it_cannot_be_noted(
    client: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tired(*args: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(rejections, "note", tired)
    assert post_webhook(client, account, make_event(), key=SigningKey.generate()).status_code == 400


def test_a_database_that_may_only_be_read_is_503(
    client: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*args: object, **kwargs: object) -> None:
        raise InternalError("cannot execute INSERT in a read-only transaction")

    monkeypatch.setattr(sql, "insert", read_only)
    assert post_webhook(client, account, make_event()).status_code == 503


def test_an_account_without_a_public_key_asks_telnyx_to_come_again(client: Client, account: TelnyxAccount) -> None:
    TelnyxAccount.objects.update(public_key="")
    answer = post_webhook(client, account, make_event())
    assert (answer.status_code, answer.json()["title"]) == (503, "The account has no public key")


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, InternalError])
def test_a_database_that_cannot_be_asked_is_503_whatever_that_raises(
    client: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fail(*args: object) -> None:
        raise error("the connection is closed")

    monkeypatch.setattr(intake, "record", fail)
    assert post_webhook(client, account, make_event()).status_code == 503


def test_a_database_that_is_away_is_503(
    client: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: object) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(intake, "record", away)
    answer = post_webhook(client, account, make_event())
    assert (answer.status_code, answer.json()["title"]) == (503, "The database cannot be reached")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "body",
    [b"", b"[1]", b"null", b"{", b"\xff\xfe", b'{"data": {"id": 1}}', b'{"data":{"id":NaN}}', b'{"data":{},"data":{}}'],
)
def test_signed_nonsense_is_quarantined_and_answered_200(client: Client, account: TelnyxAccount, body: bytes) -> None:
    assert post_webhook(client, account, body).status_code == 200
    assert post_webhook(client, account, body).status_code == 200
    event = CallEvent.objects.get()
    assert (event.status, event.event_id, bytes(event.body)) == ("quarantined", None, body)
    assert event.error


def test_an_unknown_event_type_is_stored_and_ends_visible(client: Client, account: TelnyxAccount) -> None:
    post_webhook(client, account, make_event("call.levitated"))
    process(CallEvent.objects.get().pk)
    assert CallEvent.objects.get().status == "processed"  # it told of a call
    assert Call.objects.get().state == "initiated"


@pytest.mark.django_db(transaction=True)
def test_the_same_event_twenty_times_at_once_makes_one_row_and_one_set_of_commands(account: TelnyxAccount) -> None:
    make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
    body = json.dumps(make_event()).encode()
    at_once = threading.Barrier(20)

    def post() -> int:
        at_once.wait()
        status: int = post_webhook(Client(), account, body).status_code
        for event_id in CallEvent.objects.values_list("pk", flat=True):
            process(event_id)
        connections.close_all()
        return status

    with ThreadPoolExecutor(20) as senders:
        statuses = [future.result() for future in [senders.submit(post) for _ in range(20)]]
    assert statuses == [200] * 20
    assert (CallEvent.objects.count(), Call.objects.count(), CallCommand.objects.count()) == (1, 1, 1)
    assert CallEvent.objects.get().status == "processed"


def test_a_webhook_is_one_insert_and_one_look_at_the_account(
    client: Client, account: TelnyxAccount, django_assert_num_queries: object
) -> None:
    event = make_event()
    with django_assert_num_queries(2):  # type: ignore[operator]
        post_webhook(client, account, event)
