"""A database that is away is 503 at every door: a problem for programs, a page for people, and when to come again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import InternalError, OperationalError
from django.db.backends.utils import CursorWrapper
from django.test import Client

from tests.support.rest import api_for

LOST = OperationalError("the connection is lost")


@contextmanager
def failing(error: Exception) -> Iterator[None]:
    """Every statement raises it."""

    def fail(*_: Any, **__: Any) -> None:
        raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CursorWrapper, "execute", fail)
        yield


@pytest.fixture
def signed_in(operator: Any) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(operator)
    return client


def test_a_person_gets_a_page_that_says_so(signed_in: Client) -> None:
    with failing(LOST):
        answer = signed_in.get("/admin/")  # the session cannot be read: no view was reached
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert "cannot reach its database" in answer.content.decode()


def test_a_program_gets_a_problem_from_a_view(operator: Any) -> None:
    api = api_for(operator)
    with failing(LOST):
        answer = api.get("/api/v1/calls/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert answer.json()["code"] == "database_unavailable"


def test_a_program_gets_a_problem_outside_of_rest_too(db: None) -> None:
    headers = {"Authorization": f"Bearer tvp_{'0' * 8}.{'A' * 43}"}
    with failing(LOST):
        answer = Client(raise_request_exception=False).get("/metrics", headers=headers)
    assert (answer.status_code, answer["Content-Type"], answer["Retry-After"]) == (503, "application/problem+json", "2")
    assert answer.json()["code"] == "database_unavailable"


def test_a_database_that_became_read_only_is_away(signed_in: Client) -> None:
    error = InternalError("cannot execute INSERT in a read-only transaction")
    error.__cause__ = type("ReadOnlySqlTransaction", (Exception,), {"sqlstate": "25006"})()
    with failing(error):
        assert signed_in.get("/admin/").status_code == 503


@pytest.mark.parametrize("error", [InternalError("current transaction is aborted"), ValueError("a bug")])
def test_a_bug_stays_a_500(signed_in: Client, error: Exception) -> None:
    with failing(error):
        assert signed_in.get("/admin/").status_code == 500
