"""What all of REST shares: sign-in, scopes, problems, pages, idempotency, the OpenAPI document."""

import base64
import json
import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import OperationalError, connection, connections
from django.urls import include, path
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.test import APIClient

from portal.errors import TelnyxRefused, TelnyxUnavailable, TelnyxUncertain
from portal.models import ApiToken, Heartbeat, IdempotentReply
from portal.rest.viewsets import PortalViewSet
from tests.support.accounts import make_account
from tests.support.rest import api_for, problem

ACCOUNTS = "/api/v1/accounts/"
NOTES = "/api/v1/notes/"


class Notes(PortalViewSet):
    """A view of the tests' own: its POST leaves a row, and fails as told."""

    scope = "calls"
    permissions = {"create": "voice.dial", "list": "voice.view_call"}
    entered, leave = threading.Event(), threading.Event()

    def create(self, request) -> Response:
        name = str(request.data["name"])
        if name == "slow":
            self.entered.set()
            assert self.leave.wait(10)
        Heartbeat.objects.create(name=f"{name}-{Heartbeat.objects.count()}", at=timezone.now())
        if name in FAILURES:
            raise FAILURES[name]
        return Response(
            {"name": name, "count": Heartbeat.objects.count()}, 201, headers={"Location": f"{NOTES}{name}/"}
        )

    def list(self, request) -> Response:
        return Response([])


FAILURES = {
    "refused": TelnyxRefused("no", code="90018", http_status=422),
    "field": TelnyxRefused("no", fields={"to": ["is not a number"]}, http_status=422),
    "unavailable": TelnyxUnavailable("later", retry_after=17),
    "uncertain": TelnyxUncertain("who knows"),
    "bug": RuntimeError("a bug with a secret in it"),
}
router = SimpleRouter()
router.register("notes", Notes, basename="note")
handler400, handler404 = "portal.rest.problems.bad_request", "portal.rest.problems.not_found"
handler500 = "portal.rest.problems.server_error"
urlpatterns = [path("api/v1/", include(router.urls)), path("", include("portal.urls"))]
notes = pytest.mark.urls("tests.portal.test_rest")


def bearer(text: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


# --- Sign-in ---------------------------------------------------------------------------------------------------------


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


def test_a_token_without_the_scope_is_403(operator):
    body = problem(api_for(operator, "calls:read", "applications:write").get(ACCOUNTS), 403)
    assert "applications:read" in body["detail"]


def test_a_scope_does_not_replace_a_permission(user_with):
    body = problem(api_for(user_with("voice.view_call"), "applications:read").get(ACCOUNTS), 403)
    assert "portal.view_telnyxaccount" in body["detail"]


@notes
def test_writing_needs_the_write_scope(operator):
    problem(api_for(operator, "calls:read").post(NOTES, {"name": "a"}, format="json"), 403)
    assert api_for(operator, "calls:write").post(NOTES, {"name": "a"}, format="json").status_code == 201


@notes
def test_a_view_that_names_no_permission_refuses_even_a_superuser(operator, monkeypatch):
    monkeypatch.setattr(Notes, "permissions", {})
    problem(api_for(operator).get(NOTES), 403)


def test_a_tokens_last_use_is_noted(operator):
    token, text = ApiToken.make(operator, "ci")
    bearer(text).get(ACCOUNTS)
    token.refresh_from_db()
    assert token.last_used_at is not None


# --- Problems --------------------------------------------------------------------------------------------------------


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


# --- Pages -----------------------------------------------------------------------------------------------------------


def test_lists_are_paged_by_cursor(api, account):
    for name in ("a", "b", "c"):
        make_account(name)
    first = api.get(ACCOUNTS, {"page_size": 2}).json()
    assert set(first) == {"next", "previous", "results"}
    assert [row["name"] for row in first["results"]] == ["a", "b"]
    second = api.get(first["next"]).json()
    assert [row["name"] for row in second["results"]] == ["c", "main"]
    assert second["next"] is None
    assert [row["name"] for row in api.get(second["previous"]).json()["results"]] == ["a", "b"]


@pytest.mark.parametrize("size", ["0", "-1", "251", "1e2", "x", "", "9" * 20, "٣"])
def test_a_page_size_out_of_bounds_is_400(api, size):
    assert set(problem(api.get(ACCOUNTS, {"page_size": size}), 400)["errors"]) == {"page_size"}


@pytest.mark.parametrize("cursor", ["x", "cD0=", "§", "A" * 5000, base64.b64encode(b"o=99999999999&p=1").decode()])
def test_a_cursor_that_is_not_ours_is_400_or_harmless(api, account, cursor):
    response = api.get(ACCOUNTS, {"cursor": cursor})
    assert response.status_code in {200, 400}
    if response.status_code == 400:
        problem(response, 400)


# --- Idempotency -----------------------------------------------------------------------------------------------------


def post_note(client: APIClient, key: str, name: str = "a"):
    return client.post(NOTES, {"name": name}, format="json", headers={"Idempotency-Key": key})


@notes
def test_the_same_request_again_replays_the_answer_and_does_nothing(api):
    first, again = post_note(api, "one"), post_note(api, "one")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again["Location"] == first["Location"] == f"{NOTES}a/"
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert Heartbeat.objects.count() == 1


@notes
def test_without_a_key_it_is_done_again(api):
    for _ in range(2):
        api.post(NOTES, {"name": "a"}, format="json")
    assert Heartbeat.objects.count() == 2


@notes
def test_another_body_under_the_same_key_is_422(api):
    post_note(api, "one")
    problem(post_note(api, "one", "b"), 422, "idempotency_key_reused")
    assert Heartbeat.objects.count() == 1


@notes
def test_another_tokens_key_is_another_key(api, operator):
    post_note(api, "one")
    post_note(api_for(operator), "one")
    assert Heartbeat.objects.count() == 2


@notes
@pytest.mark.parametrize(("name", "status"), [("refused", 422), ("uncertain", 504)])
def test_an_answer_after_which_something_may_have_happened_is_kept(api, name, status):
    assert post_note(api, "one", name).status_code == status
    again = post_note(api, "one", name)
    assert again.status_code == status
    assert again["Content-Type"] == "application/problem+json"
    assert Heartbeat.objects.count() == 1


@notes
@pytest.mark.parametrize("name", ["unavailable", "field", "bug"])
def test_an_answer_that_invites_another_try_gives_the_key_back(api, name):
    api.raise_request_exception = False
    post_note(api, "one", name)
    assert not IdempotentReply.objects.exists()
    post_note(api, "one", name)
    assert Heartbeat.objects.count() == 2


@notes
@pytest.mark.parametrize("key", ["", "x" * 256, "ü\x07"])
def test_a_key_that_is_none_is_400(api, key):
    problem(post_note(api, key), 400, "invalid_idempotency_key")


@notes
def test_a_key_is_not_taken_by_someone_who_may_not_post(user_with, operator):
    problem(post_note(api_for(user_with()), "one"), 403)
    assert not IdempotentReply.objects.exists()


@notes
@pytest.mark.django_db(transaction=True)
def test_a_second_request_while_the_first_runs_is_409():
    client = api_for(User.objects.create_superuser("operator", password="a long enough password"))
    Notes.entered.clear()
    Notes.leave.clear()
    answers = []

    def first() -> None:
        answers.append(post_note(client, "one", "slow"))
        connections.close_all()

    thread = threading.Thread(target=first)
    thread.start()
    try:
        assert Notes.entered.wait(10)
        problem(post_note(client, "one", "slow"), 409, "idempotency_key_in_use")
    finally:
        Notes.leave.set()
        thread.join(10)
    assert answers[0].status_code == 201
    assert post_note(client, "one", "slow")["Idempotent-Replayed"] == "true"
    assert Heartbeat.objects.count() == 1


@notes
def test_a_first_request_that_was_cut_off_is_told_as_unknown_and_not_done_again(api):
    post_note(api, "one")
    IdempotentReply.objects.update(status=None, created_at=timezone.now() - timedelta(minutes=3))
    told = problem(post_note(api, "one"), 409, "idempotency_outcome_unknown")
    assert "with another key" in told["detail"]
    assert Heartbeat.objects.count() == 1


# --- OpenAPI ---------------------------------------------------------------------------------------------------------


def test_the_openapi_document_is_valid_without_warnings_and_has_paths(db, tmp_path):
    file = tmp_path / "schema.json"
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", "--file", str(file))
    document = json.loads(file.read_text())
    assert ACCOUNTS in document["paths"]
    assert "default" in document["paths"][ACCOUNTS]["get"]["responses"]


def test_the_document_is_served_and_its_page_asks_no_other_host(client, db):
    assert "/api/v1/accounts/" in client.get("/api/schema/", headers={"Accept": "application/json"}).content.decode()
    page = client.get("/api/docs/").content.decode()
    assert "https://" not in page
