"""Sign-in to REST: tokens, scopes and permissions."""

import base64
from datetime import timedelta

import pytest
import structlog
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from portal.models import ApiToken
from portal.rest.document import document
from tests.support.rest import api_for, problem

ACCOUNTS = "/api/v1/accounts/"


def bearer(text: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def test_a_token_opens_what_its_user_may_see(api, account):
    found = api.get(ACCOUNTS).json()
    assert [row["name"] for row in found["results"]] == ["main"]


def test_accounts_are_shown_without_secrets(api, account):
    text = api.get(f"{ACCOUNTS}main/").content.decode()
    for secret in ("KEY-of-the-tests", account.api_key_sealed, account.webhook_token, account.public_key):
        assert secret not in text


def test_accounts_are_read_only(api, account):
    for method in ("post", "put", "patch", "delete"):
        problem(getattr(api, method)(f"{ACCOUNTS}main/", {}, format="json"), 405, "method_not_allowed")
    problem(api.post(ACCOUNTS, {"name": "x"}, format="json"), 405)


def test_without_a_token_the_answer_is_401(db):
    response = APIClient().get(ACCOUNTS)
    problem(response, 401)
    assert response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer x", "Bearer tvp_x.y", "Bearer a b", "Bearer " + "x" * 10_000, "Bearer \xff", "Token x", "x"],
)
def test_an_unusable_header_is_401(operator, header):
    ApiToken.make(operator, "ci")
    problem(APIClient().get(ACCOUNTS, HTTP_AUTHORIZATION=header), 401)


@pytest.mark.parametrize(
    ("header", "status"),
    [
        *(("Bearer {}", 200), ("bearer {}", 200), ("BEARER   {} ", 200)),
        *(("Bearer {} more", 401), ("Bearer more {}", 401), ("Bearer {0} {0}", 401), ("Bearer {}x", 401)),
        *(("Token {}", 401), ("Basic {}", 401), ("{}", 401), ("Bearer{}", 401)),
    ],
)
def test_a_token_opens_by_its_word_and_alone(operator, header, status):
    _, text = ApiToken.make(operator, "ci")
    assert APIClient().get(ACCOUNTS, HTTP_AUTHORIZATION=header.format(text)).status_code == status


def test_basic_sign_in_and_a_browser_session_do_not_open_rest(browser, operator):
    problem(browser.get(ACCOUNTS), 401)
    basic = base64.b64encode(b"operator:a long enough password").decode()
    problem(APIClient().get(ACCOUNTS, HTTP_AUTHORIZATION=f"Basic {basic}"), 401)


def test_a_token_in_the_query_is_401(operator):
    _, text = ApiToken.make(operator, "ci")
    for name in ("token", "access_token", "api_key", "authorization"):
        problem(APIClient().get(ACCOUNTS, {name: text}), 401)


def test_an_expired_token_is_401(operator):
    _, text = ApiToken.make(operator, "ci", expires_at=timezone.now() - timedelta(seconds=1))
    problem(bearer(text).get(ACCOUNTS), 401)


def test_a_revoked_token_is_401(operator):
    token, text = ApiToken.make(operator, "ci")
    assert bearer(text).get(ACCOUNTS).status_code == 200
    ApiToken.objects.filter(pk=token.pk).update(revoked_at=timezone.now())
    problem(bearer(text).get(ACCOUNTS), 401)


def test_a_token_of_someone_who_left_is_401(operator):
    client = api_for(operator)
    User.objects.update(is_active=False)
    problem(client.get(ACCOUNTS), 401)


def test_a_tokens_last_use_is_noted(operator):
    token, text = ApiToken.make(operator, "ci")
    bearer(text).get(ACCOUNTS)
    token.refresh_from_db()
    assert token.last_used_at is not None


def test_what_is_logged_of_a_request_names_the_token_that_it_brought(operator):
    token, text = ApiToken.make(operator, "ci")
    ApiToken.make(operator, "another")
    assert bearer(text).get(ACCOUNTS).status_code == 200
    assert structlog.contextvars.get_contextvars()["token"] == token.prefix


def test_the_document_tells_how_a_token_is_brought(db):
    told = document()["components"]["securitySchemes"]["token"]
    assert told == {"type": "http", "scheme": "bearer", "bearerFormat": "tvp_<prefix>.<secret>"}
