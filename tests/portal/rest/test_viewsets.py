"""A view asks for the scope and the permission that it names."""

from rest_framework.test import APIClient

from tests.support.notes_api import NOTES, Notes, notes
from tests.support.rest import api_for, problem

ACCOUNTS = "/api/v1/accounts/"


def test_a_token_without_the_scope_is_403(operator):
    body = problem(api_for(operator, "calls:read", "applications:write").get(ACCOUNTS), 403)
    assert "applications:read" in body["detail"]
    assert api_for(operator, "applications:read").get(ACCOUNTS).status_code == 200


def test_a_scope_does_not_replace_a_permission(user_with):
    body = problem(api_for(user_with("voice.view_call"), "applications:read").get(ACCOUNTS), 403)
    assert "portal.view_telnyxaccount" in body["detail"]
    allowed = api_for(user_with("portal.view_telnyxaccount", username="viewer"), "applications:read")
    assert allowed.get(ACCOUNTS).status_code == 200


@notes
def test_writing_needs_the_write_scope(operator):
    problem(api_for(operator, "calls:read").post(NOTES, {"name": "a"}, format="json"), 403)
    assert api_for(operator, "calls:write").post(NOTES, {"name": "a"}, format="json").status_code == 201


@notes
def test_a_view_that_names_no_permission_refuses_even_a_superuser(operator, monkeypatch):
    assert api_for(operator).get(NOTES).status_code == 200
    monkeypatch.setattr(Notes, "permissions", {})
    problem(api_for(operator).get(NOTES), 403)


def test_options_tells_who_has_the_scope_what_the_document_tells_everybody(user_with):
    nobody = user_with()
    answer = api_for(nobody, "applications:read").options(ACCOUNTS)
    assert (answer.status_code, set(answer.json())) == (200, {"name", "description", "renders", "parses"})
    problem(api_for(nobody, "calls:read").options(ACCOUNTS), 403)
    problem(APIClient().options(ACCOUNTS), 401)
