"""Ids of calls and sessions that two accounts know: every address below them asks for the account, and takes it."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.factories import make_call
from tests.support.rest import CALLS, of_call, problem, send
from tests.support.rows import NEIGHBOUR, CallCommand
from voice import models

pytestmark = pytest.mark.django_db
CALL, SESSION = "/api/v1/calls/{call_control_id}/", "/api/v1/sessions/{call_session_id}/"
PARTS = {"action_name": "hangup", "id": "428c31b6-abf3-4bc1-b7f4-5013ef9657c1", "name": "lost-order"}
BODIES = {"notes": {"text": "Called back."}, "tags": {"name": "lost-order"}, "contact": {"name": "Ada"}}


@pytest.fixture
def call(account: TelnyxAccount) -> Any:
    """The neighbour has one of the same ids."""
    return make_call(account)


@pytest.fixture(scope="module")
def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """Everything that can be asked of a call or of a session."""
    document = SchemaGenerator(api_version="v1").get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return [
        (verb, path, operation)
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
        if path.startswith((CALL, SESSION)) and isinstance(operation, dict)
    ]


def ask(api: APIClient, verb: str, path: str, call: Any, query: str = "") -> Any:
    known = PARTS | {"call_control_id": call.call_control_id, "call_session_id": call.call_session_id}
    body = BODIES.get(path.rstrip("/").rpartition("/")[2], {})
    options: dict[str, Any] = {} if verb == "get" else {"format": "json"}
    return getattr(api, verb)(path.format(**known) + query, {} if verb == "get" else body, **options)


def test_every_address_of_an_id_that_two_accounts_know_asks_for_the_account(
    api: APIClient, call: Any, operations: Any
) -> None:
    assert len(operations) > 20
    for verb, path, operation in operations:
        errors = problem(ask(api, verb, path, call), 400)["errors"]
        assert set(errors) == {"account"}, f"{verb} {path}"
        assert f"They are main, {NEIGHBOUR}." in errors["account"][0]
        assert "account" in {one["name"] for one in operation["parameters"] if one["in"] == "query"}, f"{verb} {path}"
        problem(ask(api, verb, path, call, "?account=nobody"), 404)
        for odd in ("?account=main&account=main", f"?account=main&account={NEIGHBOUR}", "?account="):
            assert set(problem(ask(api, verb, path, call, odd), 400)["errors"]) == {"account"}, f"{verb} {path}{odd}"
    assert not CallCommand.objects.exists()
    assert not models.CallNote.objects.exists()


def test_every_address_takes_the_account(api: APIClient, call: Any, operations: Any) -> None:
    for verb, path, _ in operations:
        if path.endswith("/telnyx-events/"):  # nobody answers there
            continue
        answer = ask(api, verb, path, call, "?account=main")
        if answer.status_code == 400:  # of the body alone
            assert "account" not in answer.json()["errors"], f"{verb} {path}"
        assert answer.status_code in {200, 201, 202, 204, 400, 404, 503}, f"{verb} {path}: {answer.content!r}"
        assert b'"account":"next-door"' not in answer.content, f"{verb} {path}"
    assert not models.CallCommand.objects.filter(account__name=NEIGHBOUR, action="hangup").exists()


def test_a_command_goes_to_the_account_that_is_named(api: APIClient, call: Any) -> None:
    assert api.get(of_call(call)).json()["account"] == "main"
    made = send(api, of_call(call, "actions", "hangup"))
    assert (made.status_code, made.json()["account"]) == (202, "main")
    theirs = send(api, f"{CALLS}{call.call_control_id}/actions/hangup/?account={NEIGHBOUR}")
    assert (theirs.status_code, theirs.json()["account"]) == (202, NEIGHBOUR)
    assert CallCommand.objects.get().call == call


def test_an_id_that_one_account_knows_needs_no_account(api: APIClient, account: TelnyxAccount) -> None:
    other = make_call(account, "b", call_session_id="only here")
    assert api.get(f"{CALLS}{other.call_control_id}/").json()["account"] == "main"
    problem(api.get(f"{CALLS}{other.call_control_id}/?account={NEIGHBOUR}"), 404)
    assert len(api.get("/api/v1/sessions/only here/").json()["calls"]) == 1


def test_a_session_has_the_legs_of_its_own_account(api: APIClient, account: TelnyxAccount, call: Any) -> None:
    make_call(account, "b")
    at = f"/api/v1/sessions/{call.call_session_id}/"
    legs = api.get(f"{at}?account=main").json()["calls"]
    assert {(leg["account"], leg["call_control_id"]) for leg in legs} == {("main", "v3:a-leg"), ("main", "v3:b-leg")}
    assert [leg["account"] for leg in api.get(f"{at}?account={NEIGHBOUR}").json()["calls"]] == [NEIGHBOUR]


def test_it_takes_as_many_statements_however_many_accounts_there_are(
    api: APIClient, account: TelnyxAccount, django_assert_num_queries: Any
) -> None:
    url = of_call(make_call(account, "b"))
    api.get(url)
    with CaptureQueriesContext(connection) as first:
        assert api.get(url).status_code == 200
    for number in range(5):
        make_call(make_account(f"account-{number}"), "b")
    with django_assert_num_queries(len(first)):
        assert api.get(url).status_code == 200


@pytest.mark.parametrize("path", ["", "recordings/"])
def test_a_texml_call_that_two_accounts_know_asks_for_the_account(api: APIClient, call: Any, path: str) -> None:
    errors = problem(api.get(f"/api/v1/texml/calls/{call.call_control_id}/{path}"), 400)["errors"]
    assert errors["account"] == [f"Several accounts have a call of this id: name one. They are main, {NEIGHBOUR}."]


def test_a_conference_that_two_accounts_know_asks_for_the_account(api: APIClient, call: Any) -> None:
    (theirs,) = models.Conference.objects.filter(account__name=NEIGHBOUR)
    models.Conference.objects.create(
        account=call.account, conference_id=theirs.conference_id, started_at=theirs.started_at
    )
    at = f"/api/v1/conferences/{theirs.conference_id}/"
    errors = problem(api.get(at), 400)["errors"]
    assert errors["account"] == [
        f"Several accounts have a conference of this id: name one. They are main, {NEIGHBOUR}."
    ]
    assert api.get(f"{at}?account=main").json()["account"] == "main"
    made = send(api, f"{at}actions/end_conference/?account=main")
    assert (made.status_code, made.json()["account"]) == (202, "main")
