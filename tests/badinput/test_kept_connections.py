"""Connections of a running portal that go on: whatever was refused, the next request is answered on the same one."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User

from portal.models import ApiToken
from tests.badinput.street import ALIAS, PATIENCE, Street, open_street

pytestmark = pytest.mark.long
JSON = {"Content-Type": "application/json"}
KB_100, MB_1 = 100_000, 1_100_000
TEXT = "tvp_0123abcd.0123456789012345678901234567890123456789012"
SIGNED_IN = {"Authorization": f"Bearer {TEXT}"}
# method, path, headers, status of a body of 100 KB, of 1.1 MB
REFUSED = {
    "no token": ("POST", "/api/v1/flows/", JSON, 401, 401),
    "no scope": ("POST", "/api/v1/calls/", JSON | SIGNED_IN, 403, 403),
    "nothing there": ("POST", "/api/v1/nothing/", JSON, 404, 404),
    "only read": ("PUT", "/livez", JSON, 405, 405),
    "no JSON": ("POST", "/api/v1/flows/", {"Content-Type": "text/csv"} | SIGNED_IN, 415, 415),
    "JSON": ("POST", "/api/v1/flows/", JSON | SIGNED_IN, 400, 413),
    "nobody's document": ("POST", "/texml/{stranger}/", {}, 404, 404),
    "nobody's webhook": ("POST", "/webhooks/{stranger}/call-control/", JSON, 404, 404),
    "no webhook": ("PUT", "/webhooks/{token}/call-control/", JSON, 405, 405),
    "an unsigned webhook": ("POST", "/webhooks/{token}/call-control/", JSON, 400, 413),
    "an unsigned form": ("POST", "/webhooks/{token}/texml/status", {}, 400, 413),
    "a read": ("GET", "/livez", JSON, 200, 200),
}


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory, migrated: Path, django_db_blocker: object) -> Iterator[Street]:
    """A portal of one thread, so that each request meets what the last one left. No connection ends for being idle."""
    options, folder = ("--threads", "1", "--keep-alive", str(PATIENCE)), tmp_path_factory.mktemp("street")
    with open_street(folder, migrated, django_db_blocker.unblock, *options) as street:  # type: ignore[attr-defined]
        street.ask_rows(make_token)
        yield street


def make_token() -> None:
    """One that may do with flows what it likes, and nothing else."""
    user = User(username="operator", is_superuser=True)
    user.save(using=ALIAS)
    digest, scopes = hashlib.sha256(TEXT.encode()).hexdigest(), ["flows:read", "flows:write"]
    ApiToken(user=user, name="tests", prefix="0123abcd", digest=digest, scopes=scopes).save(using=ALIAS)


@pytest.fixture
def client(street: Street) -> Iterator[httpx.Client]:
    limits, headers = httpx.Limits(max_connections=1), {"Accept-Encoding": "identity"}
    url = f"http://{street.host}"
    with httpx.Client(base_url=url, limits=limits, headers=headers, timeout=PATIENCE, trust_env=False) as client:
        yield client


def line(answer: httpx.Response) -> Any:
    """Our end of the connection that it came on."""
    return answer.extensions["network_stream"].get_extra_info("client_addr")


@pytest.mark.parametrize("size", [KB_100, MB_1])
@pytest.mark.parametrize("what", REFUSED)
def test_a_body_that_nobody_read_ends_no_connection(street: Street, client: httpx.Client, what: str, size: int) -> None:
    method, path, headers, *statuses = REFUSED[what]
    path = path.format(token=street.account.webhook_token, stranger="x" * 43)
    first = client.get("/livez")
    for _ in range(2):
        answer = client.request(method, path, headers=headers, content=b" " * size)
        assert (answer.status_code, answer.headers["Connection"]) == (statuses[size == MB_1], "keep-alive")
        assert line(answer) == line(first)
    last = client.get("/livez")
    assert (last.status_code, line(last)) == (200, line(first))


def test_a_body_in_chunks_that_nobody_read_ends_none_either(client: httpx.Client) -> None:
    first, answer, last = (
        client.get("/livez"),
        client.post("/api/v1/flows/", content=iter([b" " * 60_000] * 3)),
        client.get("/livez"),
    )
    assert (answer.status_code, last.status_code) == (411, 200)
    assert line(first) == line(answer) == line(last)


@pytest.mark.parametrize(("path", "status"), [("/api/v1/flows/", 411), ("/webhooks/{token}/call-control/", 400)])
def test_after_chunks_that_are_none_one_answer_comes_and_the_connection_ends(
    street: Street, path: str, status: int
) -> None:
    """Whether it is the view that reads them or nobody: where the next request would begin, nobody knows."""
    path = path.format(token=street.account.webhook_token)
    head = f"POST {path} HTTP/1.1\r\nHost: {street.host}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with street.connect() as connection:
        connection.sendall(head + b"5\r\nfive!no end\r\n")
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert received.startswith(f"HTTP/1.1 {status} ".encode())
    assert received.count(b"HTTP/1.1 ") == 1


def test_what_is_no_request_is_logged_by_the_id_that_it_is_told_and_by_nobody_elses(
    street: Street, client: httpx.Client
) -> None:
    named = {"X-Request-ID": "somebody-elses"} | SIGNED_IN
    assert client.get("/api/v1/flows/", headers=named).status_code == 200
    answer = street.send(b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Odd: \x01\r\n\r\n")
    assert answer.status == 400
    told = json.loads(answer.text.partition("\r\n\r\n")[2])
    logged = [json.loads(line) for line in street.log.read_text().splitlines() if "no request" in line]
    assert [(one["request_id"], one.get("token")) for one in logged] == [(told["request_id"], None)]


@pytest.mark.parametrize(
    "path",
    ["/livez", "/nothing", "/api/v1/flows/", "/api/schema/", "/admin/login/", "/webhooks/x/call-control/"],
)
def test_head_is_answered_as_get_is_without_a_body_and_without_a_word_in_the_log(
    street: Street, client: httpx.Client, path: str
) -> None:
    asked = [client.request(method, path, headers={"Accept": "*/*"}) for method in ("GET", "HEAD", "GET")]
    assert [(one.status_code, one.headers["Content-Length"]) for one in asked] == [
        (asked[0].status_code, asked[0].headers["Content-Length"])
    ] * 3
    assert asked[1].content == b""
    assert "no-body response" not in street.log.read_text()
