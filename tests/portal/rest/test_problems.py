"""Problems of REST: every refusal and every failure in one form."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError as ModelError
from django.db import OperationalError, connection
from django.test import Client, RequestFactory
from rest_framework.exceptions import ValidationError

from portal.passwords import TooManyPasswords
from portal.rest.document import document
from portal.rest.problems import Problem, forbidden
from portal.telnyx.errors import TelnyxRefused
from tests.support.notes_api import FAILURES, NOTES, notes
from tests.support.rest import api_for, problem

ACCOUNTS = "/api/v1/accounts/"


@pytest.mark.parametrize(
    "url", ["/api/v1/nothing/", "/api/v1/accounts", "/api/v1//accounts/", "/nothing", "/api/v1/accounts/;x"]
)
def test_an_unknown_address_is_a_problem(api, url):
    problem(api.get(url), 404, "not_found")


def test_an_unknown_account_is_a_problem(api):
    problem(api.get(f"{ACCOUNTS}nobody/"), 404, "not_found")


def test_another_media_type_wanted_is_406(api):
    problem(api.get(ACCOUNTS, headers={"Accept": "text/html"}), 406)


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("/api/schema/", "*/*"),
        ("/api/schema/", "application/vnd.oai.openapi"),
        ("/api/schema/?format=yaml", "*/*"),
        ("/api/docs/try/", "text/html"),
    ],
)
def test_a_problem_is_json_also_where_answers_are_none(api, url, wanted):
    problem(api.put(url, {}, format="json", headers={"Accept": wanted}), 405, "method_not_allowed")
    problem(api.get("/api/schema/", headers={"Accept": "image/png"}), 406, "not_acceptable")


def test_a_database_that_is_away_is_503_with_retry_after(api):
    def away(*_):
        raise OperationalError("no connection to the server at 10.0.0.1")

    with connection.execute_wrapper(away):
        response = api.get(ACCOUNTS)
    body = problem(response, 503, "database_unavailable")
    assert body["title"] == "The database cannot be reached"
    assert response["Retry-After"]
    assert "10.0.0.1" not in str(body)


@notes
@pytest.mark.parametrize(
    ("name", "status", "code", "title"),
    [
        ("refused", 422, "telnyx_refused", "Telnyx refused this"),
        ("field", 400, "telnyx_refused", "The request is not valid"),
        ("unavailable", 503, "telnyx_unavailable", "Telnyx cannot be asked now"),
        ("uncertain", 504, "telnyx_uncertain", "It is uncertain whether Telnyx acted"),
    ],
)
def test_what_telnyx_answered_is_told_apart(api, name, status, code, title):
    response = api.post(NOTES, {"name": name}, format="json")
    body = problem(response, status, code)
    assert body["title"] == title
    assert body.get("errors") == ({"to": ["is not a number"]} if name == "field" else None)
    assert response.get("Retry-After") == ("17" if name == "unavailable" else None)


@notes
@pytest.mark.parametrize(("reason", "code"), [(None, "10010"), ("D13", "D13")])
def test_the_narrower_of_telnyxs_codes_is_told(api, monkeypatch, reason, code):
    monkeypatch.setitem(FAILURES, "refused", TelnyxRefused("no", code="10010", reason=reason, http_status=403))
    assert problem(api.post(NOTES, {"name": "refused"}, format="json"), 422)["telnyx_code"] == code


@notes
def test_what_telnyx_repeats_is_masked(api, user_with, monkeypatch):
    words = "+13125550101 is not yours"
    monkeypatch.setitem(FAILURES, "refused", TelnyxRefused(words, fields={"to": [words]}, http_status=422))
    told = problem(api.post(NOTES, {"name": "refused"}, format="json"), 400, "telnyx_refused")
    assert (told["detail"], told["errors"]) == (words, {"to": [words]})
    told = problem(api_for(user_with("voice.dial")).post(NOTES, {"name": "refused"}, format="json"), 400)
    hidden = "+1312•••0101 is not yours"
    assert (told["detail"], told["errors"]) == (hidden, {"to": [hidden]})


@notes
@pytest.mark.parametrize(
    "error",
    [
        Problem(422, "+13125550101 is taken.", "so"),
        ValidationError({"to": ["+13125550101 is no number."]}),
        ValidationError([{}, {"to": [{"number": ["+13125550101 is no number."]}]}]),
        ModelError({"to": ["+13125550101 is taken."]}),
        ModelError(["+13125550101 is taken."]),
    ],
    ids=["a problem", "a field", "a field of an item", "a field of a row", "a row"],
)
def test_what_the_portal_says_of_a_number_is_masked_as_well(api, user_with, monkeypatch, error):
    monkeypatch.setitem(FAILURES, "odd one", error)
    body, other = {"name": "odd one"}, api_for(user_with("voice.dial"))
    told, hidden = (client.post(NOTES, body, format="json").json() | {"request_id": ""} for client in (api, other))
    assert "+13125550101 is " in str(told)
    assert str(hidden) == str(told).replace("+13125550101", "+1312•••0101")


@notes
def test_what_is_wrong_is_told_by_the_way_to_it(api, monkeypatch):
    wrong = {"legs": [{}, {"to": ["no number"], "sip": {"host": ["no host"]}}], "__all__": ["nothing is chosen"]}
    monkeypatch.setitem(FAILURES, "odd one", ValidationError(wrong))
    told = problem(api.post(NOTES, {"name": "odd one"}, format="json"), 400, "invalid")
    assert told["errors"] == {
        "legs.1.to": ["no number"],
        "legs.1.sip.host": ["no host"],
        "non_field_errors": ["nothing is chosen"],
    }


@notes
@pytest.mark.parametrize(
    ("status", "code", "title"),
    [
        *((400, "so", "The request is not valid"), (401, "so", "Not signed in"), (403, "so", "Not allowed")),
        *((404, "so", "Not found"), (405, "so", "Method not allowed"), (406, "so", "Not acceptable")),
        *((409, "so", "Conflict"), (411, "so", "Length needed"), (412, "so", "Changed by someone else")),
        *((413, "so", "Too large"), (414, "so", "The address is too long"), (415, "so", "Unsupported media type")),
        *((418, "so", "Error"), (422, "so", "Not possible"), (428, "so", "Precondition required")),
        *((429, "so", "Too many requests"), (431, "so", "The headers are too large")),
        *((500, "so", "An error of the portal"), (503, "so", "Telnyx cannot be asked now")),
        *((504, "so", "It is uncertain whether Telnyx acted"), (503, "telnyx_interrupted", "The pull was interrupted")),
        *((422, "telnyx_failed", "Telnyx refused this"), (409, "telnyx_failed", "Conflict")),
    ],
)
def test_a_problem_has_the_title_of_its_status_or_of_its_code(api, monkeypatch, status, code, title):
    monkeypatch.setitem(FAILURES, "odd one", Problem(status, "So it is.", code))
    body = problem(api.post(NOTES, {"name": "odd one"}, format="json"), status, code)
    assert (body["title"], body["detail"], body["type"]) == (title, "So it is.", f"urn:voice-portal:{code}")
    assert body.get("errors") == ({"non_field_errors": ["So it is."]} if status == 400 else None)


@notes
def test_a_bug_is_a_problem_without_its_message(api):
    api.raise_request_exception = False
    response = api.post(NOTES, {"name": "bug"}, format="json")
    assert "secret" not in response.content.decode()
    problem(response, 500)


PERSON = {"Accept": "text/html,application/xhtml+xml"}


def page(response, status):
    text = response.content.decode()
    assert (response.status_code, response["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert response.headers["X-Request-Id"] in text
    assert 'href="/admin/"' in text
    return text


@pytest.mark.parametrize("url", ["/admin/nothing/", "/admin/voice/nothing/", "/nothing"])
def test_a_person_is_shown_a_page_where_there_is_nothing(browser, url):
    assert "There is nothing here" in page(browser.get(url, headers=PERSON), 404)


def test_only_a_browser_is_shown_a_page(browser):
    problem(browser.get("/nothing", headers={"Accept": "*/*"}), 404, "not_found")
    problem(browser.get("/api/v1/nothing/", headers=PERSON), 404, "not_found")
    problem(browser.get("/webhooks/nothing", headers=PERSON), 404)


def test_telnyx_is_shown_no_page_whatever_it_says_it_accepts(client, db):
    for url in ("/webhooks/nothing", "/texml/nothing"):
        problem(client.get(url, headers=PERSON), 404, "not_found")


def test_the_document_describes_every_member_of_a_problem(api):
    told, schemas = document(), {"string": str, "integer": int, "object": dict, "array": list}
    described = told["components"]["schemas"]["Problem"]
    kinds = {name: schemas[one["type"]] for name, one in described["properties"].items()}
    wrong, none = problem(api.get(f"{ACCOUNTS}?page_size=x"), 400), problem(api.get(f"{ACCOUNTS}nobody/"), 404)
    assert {name: type(value) for name, value in wrong.items()} == {name: kinds[name] for name in wrong}
    assert kinds.keys() - wrong.keys() == {"conflicts", "candidates"}
    assert (kinds["conflicts"], kinds["candidates"]) == (dict, list)
    assert none.keys() - described["required"] == {"detail"}
    texts = {"type": "array", "items": {"type": "string"}}
    assert described["properties"]["errors"]["additionalProperties"] == texts
    each = described["properties"]["conflicts"]["additionalProperties"]["properties"]
    assert set(each) == {"base", "theirs", "mine"}
    answer = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for path, operations in told["paths"].items():
        for verb, operation in operations.items():
            content = operation["responses"]["default"]["content"]
            assert content == {"application/problem+json": answer}, f"{verb} {path}"


def test_a_person_is_told_whose_permission_is_lacking(client, user_with):
    client.force_login(user_with("voice.view_call", username="bob"))
    assert "bob lacks a permission" in page(client.get("/admin/voice/call/dial/", headers=PERSON), 403)


def test_a_form_of_another_session_is_told_what_to_do(operator):
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)
    told = page(client.post("/admin/voice/flow/add/", {"name": "x"}, headers=PERSON), 403)
    assert "reload the page" in told


def test_a_bad_address_and_a_bug_have_pages_too(browser, monkeypatch):
    assert "cannot be read" in page(browser.get("/admin/portal/telnyxaccount/?_to_field=api_key_sealed&_popup=1"), 400)

    def fails(*_, **__):
        raise RuntimeError("secret")

    monkeypatch.setattr("voice.flows.admin.FlowAdmin.get_queryset", fails)
    browser.raise_request_exception = False
    assert "secret" not in page(browser.get("/admin/voice/flow/"), 500)


def test_a_page_that_says_to_come_again_leads_there_and_to_the_start_page(browser):
    def away(*_):
        raise OperationalError("no connection to the server")

    again, start = '<a href="">Try again</a>', '<a href="/admin/">To the start page</a>'
    text = page(browser.get("/admin/nothing/", headers=PERSON), 404)
    assert (again in text, start in text) == (False, True)
    browser.raise_request_exception = False
    with connection.execute_wrapper(away):
        answer = browser.get("/admin/", headers=PERSON)
    assert (answer.status_code, f"{again}{start}" in answer.content.decode()) == (503, True)


@notes
def test_only_of_what_is_away_it_is_told_when_to_come_again(api, client):
    api.raise_request_exception = client.raise_request_exception = False
    bug = api.post(NOTES, {"name": "bug"}, format="json")
    problem(bug, 500, "error")
    assert "Retry-After" not in bug

    def away(*_):
        raise OperationalError("no connection to the server")

    with connection.execute_wrapper(away):
        answer = client.get("/metrics", headers={"Authorization": f"Bearer tvp_01234567.{'a' * 43}"})
    problem(answer, 503, "database_unavailable")
    assert answer["Retry-After"] == "2"


@notes
def test_what_is_wrong_with_a_list_is_told_by_the_place_in_it(api, monkeypatch):
    wrong = ValidationError([{}, {"to": [{"number": ["no number"]}], "__all__": ["no leg"]}])
    monkeypatch.setitem(FAILURES, "odd one", wrong)
    told = problem(api.post(NOTES, {"name": "odd one"}, format="json"), 400, "invalid")
    assert told["errors"] == {"1.to.0.number": ["no number"], "1.__all__": ["no leg"]}


@pytest.mark.parametrize(
    ("path", "accept", "is_page"),
    [("/x/", "*/*", False), ("/x/", "text/html", True), ("/admin/x/", "*/*", True), ("/api/x/", "text/html", False)],
)
def test_a_stranger_who_is_refused_is_told_to_sign_in_where_it_is_a_person(path, accept, is_page):
    request = RequestFactory().get(path, headers={"Accept": accept})
    request.user, request.request_id = AnonymousUser(), "one-of-the-tests"
    answer = forbidden(request)
    assert (answer.status_code, "Sign in, and try once more." in answer.content.decode()) == (403, is_page)
    assert "one-of-the-tests" in answer.content.decode()
    assert (answer["Content-Type"] == "application/problem+json") is not is_page


@pytest.mark.parametrize(
    ("error", "seconds"), [(OperationalError("no connection to the server"), "2"), (TooManyPasswords(), "5")]
)
def test_a_page_that_says_to_come_again_says_when(browser, monkeypatch, error, seconds):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr("voice.flows.admin.FlowAdmin.get_queryset", fails)
    browser.raise_request_exception = False
    answer = browser.get("/admin/voice/flow/")
    assert (answer.status_code, answer["Retry-After"]) == (503, seconds)
    assert '<a href="">Try again</a>' in answer.content.decode()
