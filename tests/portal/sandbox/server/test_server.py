"""The server listens on this machine, to whoever has a key and sends JSON."""

import json
import socket
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from portal.sandbox.server.server import Sandbox
from tests.support.sandbox_http import Http, refusal


@pytest.mark.parametrize("header", ["", "KEY1", "Bearer other", "Basic KEY1", "Bearer "])
def test_a_key_that_is_none_is_401(http: Http, header: str) -> None:
    answer = http("GET", "/v2/call_control_applications", Authorization=header)
    assert refusal(answer)[:2] == (401, "10009")


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"a": NaN}', b'{"a": 1, "a": 2}'])
def test_a_body_that_is_no_json_object_is_400(http: Http, body: bytes) -> None:
    assert refusal(http("POST", "/v2/calls", body))[:2] == (400, "10015")


@pytest.mark.parametrize("length", ["²", "-1", "9" * 5000])
def test_a_length_that_is_no_number_is_413(http: Http, length: str) -> None:
    assert refusal(http("POST", "/v2/calls", None, **{"Content-Length": length}))[:2] == (413, "10015")


def test_a_body_in_another_encoding_is_told_so(http: Http) -> None:
    assert refusal(http("POST", "/v2/calls", b"\xff"))[:2] == (400, "10028")


@pytest.mark.parametrize("method", ["OPTIONS", "HEAD", "PUT"])
def test_a_method_that_telnyx_has_not_there_is_404(http: Http, method: str) -> None:
    status, body = http(method, "/v2/calls")[:2]
    assert (status, bool(body)) == (404, method != "HEAD")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"TRACE /v2/calls HTTP/1.1\r\n\r\n", 501),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /v2/calls HTTP/9.0\r\n\r\n", 505),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET /v2/calls HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", 431),
    ],
)
def test_what_is_no_request_is_refused_in_telnyx_envelope(sandbox: Sandbox, sent: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=60) as connection:
        connection.sendall(sent)
        answer = HTTPResponse(connection)
        answer.begin()
        (error,) = json.loads(answer.read())["errors"]
    assert (answer.status, error["code"], error["detail"][-1]) == (status, "10015", ".")


def test_a_page_may_be_asked_for_its_head(sandbox: Sandbox) -> None:
    told = {}
    for method in ("GET", "HEAD"):
        connection = HTTPConnection("127.0.0.1", sandbox.port, timeout=60)
        connection.request(method, "/")
        answer = connection.getresponse()
        told[method] = (answer.status, answer.headers["Content-Type"], answer.headers["Content-Length"])
        assert bool(answer.read()) == (method == "GET")
        connection.close()
    assert told["HEAD"] == told["GET"]


def test_the_server_listens_on_the_loopback_address_only(sandbox: Sandbox) -> None:
    assert sandbox.base_url.startswith("http://127.0.0.1:")
    assert sandbox._server.server_address[0] == "127.0.0.1"


def test_every_answer_of_telnyx_has_its_own_request_id_and_tells_the_rate(http: Http, sandbox: Sandbox) -> None:
    seen = set()
    for path in ("/v2/phone_numbers", "/v2/nowhere"):
        connection = HTTPConnection("127.0.0.1", sandbox.port, timeout=60)
        connection.request("GET", path, headers={"Authorization": "Bearer KEY"})
        answer = connection.getresponse()
        seen.add(answer.headers["x-request-id"])
        assert int(answer.headers["x-ratelimit-remaining"]) < int(answer.headers["x-ratelimit-limit"])
        assert answer.headers["x-ratelimit-reset"].isdigit()
        connection.close()
    assert len(seen) == 2


def test_unknown_members_are_refused_or_passed_over_as_told(http: Http, tmp_path: Path) -> None:
    body = {"application_name": "a", "webhook_event_url": "https://example.com", "inbound": {"new": 1}, "newer": 2}
    path = "/v2/call_control_applications"
    refused = http("POST", path, body)
    assert {error["source"]["pointer"] for error in refused[1]["errors"]} == {"/newer", "/inbound/new"}
    with Sandbox(tmp_path / "state.sqlite3", ignores_unknown=True) as lenient:
        assert Http(lenient.port)("POST", path, body)[0] == 201
        wrong = body | {"application_name": 1}
        assert refusal(Http(lenient.port)("POST", path, wrong)) == (422, "10026", "/application_name")


def test_the_public_key_is_asked_for(http: Http, sandbox: Sandbox) -> None:
    key = http("GET", "/v2/public_key")[1]["data"]
    assert (key["public"], key["record_type"]) == (sandbox.public_key, "public_key")
    assert key["organization_id"] == http("GET", "/v2/whoami")[1]["data"]["organization_id"]
