"""Problems of REST: every refusal and every failure in one form."""

import pytest
from django.db import OperationalError, connection

from portal.models import Heartbeat
from tests.support.notes_api import NOTES, notes
from tests.support.rest import problem

ACCOUNTS = "/api/v1/accounts/"


@pytest.mark.parametrize(
    "url", ["/api/v1/nothing/", "/api/v1/accounts", "/api/v1//accounts/", "/nothing", "/api/v1/accounts/;x"]
)
def test_an_unknown_address_is_a_problem(api, url):
    problem(api.get(url), 404, "not_found")


def test_an_unknown_account_is_a_problem(api):
    problem(api.get(f"{ACCOUNTS}nobody/"), 404, "not_found")


BROKEN = [
    b"{",
    b'{"name":',
    b"{'name': 1}",
    b'{"name":NaN}',
    b'{"name":1,"name":2}',
    b"[" * 100_000,
    b"\xff",
    b"{} {}",
]


@notes
@pytest.mark.parametrize(
    "body", [*BROKEN, b'{"name":"\\u0000"}', b'{"name":"\\ud800"}', b'{"name":' + b"9" * 5000 + b"}"]
)
def test_a_broken_body_is_a_problem_that_echoes_nothing(api, body):
    found = problem(api.post(NOTES, body, content_type="application/json"), 400)
    assert "name" not in found["detail"]
    assert not Heartbeat.objects.exists()


@notes
@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_a_body_of_another_type_is_415(api, media_type):
    problem(api.post(NOTES, b"name=a", content_type=media_type), 415, "unsupported_media_type")


@notes
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "one"}])
@pytest.mark.parametrize("size", [1024 * 1024 + 1, 5 * 1024 * 1024])
def test_a_body_over_one_mebibyte_is_413(api, size, headers):
    body = b'{"name":"' + b"x" * (size - 11) + b'"}'
    problem(api.post(NOTES, body, content_type="application/json", headers=headers), 413, "too_large")
    assert not Heartbeat.objects.exists()


def test_another_media_type_wanted_is_406(api):
    problem(api.get(ACCOUNTS, headers={"Accept": "text/html"}), 406)


def test_a_database_that_is_away_is_503_with_retry_after(api):
    def away(*_):
        raise OperationalError("no connection to the server at 10.0.0.1")

    with connection.execute_wrapper(away):
        response = api.get(ACCOUNTS)
    body = problem(response, 503, "database_unavailable")
    assert response["Retry-After"]
    assert "10.0.0.1" not in str(body)


@notes
@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("refused", 422, "telnyx_refused"),
        ("field", 400, "telnyx_refused"),
        ("unavailable", 503, "telnyx_unavailable"),
        ("uncertain", 504, "telnyx_uncertain"),
    ],
)
def test_what_telnyx_answered_is_told_apart(api, name, status, code):
    response = api.post(NOTES, {"name": name}, format="json")
    body = problem(response, status, code)
    assert body.get("errors") == ({"to": ["is not a number"]} if name == "field" else None)
    assert response.get("Retry-After") == ("17" if name == "unavailable" else None)


@notes
def test_a_bug_is_a_problem_without_its_message(api):
    api.raise_request_exception = False
    response = api.post(NOTES, {"name": "bug"}, format="json")
    assert "secret" not in response.content.decode()
    problem(response, 500)
