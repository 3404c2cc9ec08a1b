"""Only one of two ids names the account in a path; a secret is never told again."""

import pytest

from portal.sandbox.resources.audit import ORGANIZATION, OWNER
from portal.sandbox.server.server import Sandbox
from tests.support.sandbox_http import Http, refusal
from tests.support.sandbox_texml import FORM, Account


def test_the_public_key_is_told(http: Http, sandbox: Sandbox) -> None:
    told = {"public": sandbox.public_key, "record_type": "public_key", "organization_id": ORGANIZATION}
    assert http("GET", "/v2/public_key") == (200, {"data": told})


def test_whoami_tells_both_ids(http: Http) -> None:
    assert http("GET", "/v2/whoami") == (200, {"data": {"organization_id": ORGANIZATION, "user_id": OWNER.id}})
    assert OWNER.id != ORGANIZATION


def test_the_organization_names_the_account_unless_told_otherwise(http: Http, account: Account) -> None:
    assert account("GET", "Queues")[0] == 200
    for stranger in (OWNER.id, "me", account.application.id):
        account.sid = stranger
        assert refusal(account("GET", "Queues"))[:2] == (404, "10005")
        assert account("POST", "Calls", {})[0] == 404


def test_the_user_names_the_account_when_told_so_until_a_reset(http: Http, account: Account) -> None:
    status, answer = http("POST", "/sandbox/account", {"account_sid": "user_id"})
    assert (status, answer["account_sid"], answer["user_id"]) == (200, "user_id", OWNER.id)
    assert account("GET", "Queues")[0] == 404
    account.sid = OWNER.id
    assert account("GET", "Queues")[0] == 200
    http("POST", "/sandbox/reset", {})
    assert account("GET", "Queues")[0] == 404


@pytest.mark.parametrize("body", [{}, {"account_sid": "me"}, {"account_sid": ["user_id"]}])
def test_another_choice_is_refused(http: Http, body: dict[str, object]) -> None:
    assert refusal(http("POST", "/sandbox/account", body)) == (422, "10015", "/account_sid")


def test_more_than_a_choice_is_refused(http: Http) -> None:
    assert refusal(http("POST", "/sandbox/account", {"account_sid": "user_id", "more": 1})) == (422, "10015", "/more")


def test_a_secret_is_answered_without_its_value(http: Http) -> None:
    told = (201, {"data": {"name": "crm", "value": "REDACTED"}})
    assert http("POST", "/v2/texml/secrets", {"name": "crm", "value": "hush"}) == told
    assert http("POST", "/v2/texml/secrets", b"name=crm&value=other", **{"Content-Type": FORM}) == told


def test_a_secret_needs_a_name_and_a_value(http: Http) -> None:
    status, answer = http("POST", "/v2/texml/secrets", {})
    assert status == 422
    assert [error["detail"] for error in answer["errors"]] == ["Can't be blank: name", "Can't be blank: value"]


def test_an_account_needs_a_key(http: Http, account: Account) -> None:
    assert refusal(http("GET", account.path("Queues"), Authorization="Bearer nothing"))[:2] == (401, "10009")
