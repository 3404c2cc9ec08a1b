"""A body is strict JSON of at most 1 MiB."""

import pytest

from portal.models import Heartbeat
from tests.support.notes_api import NOTES, notes
from tests.support.rest import problem

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
    assert found["errors"] == {"non_field_errors": [found["detail"]]}
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


@notes
def test_a_body_of_one_mebibyte_is_read(api):
    head, tail = b'{"name":"a","more":"', b'"}'
    body = head + b"x" * (1024 * 1024 - len(head) - len(tail)) + tail
    assert api.post(NOTES, body, content_type="application/json").status_code == 201
