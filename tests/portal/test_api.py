"""The OpenAPI document of REST, and its page; TeXML's grammar and its linter over REST."""

import json

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from rest_framework.test import APIClient

from portal.texml.findings import RULES
from portal.texml.grammar import GRAMMAR
from tests.support.rest import api_for, problem, send

ACCOUNTS = "/api/v1/accounts/"


def test_the_openapi_document_is_valid_without_warnings_and_has_paths(db, tmp_path):
    file = tmp_path / "schema.json"
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", "--file", str(file))
    document = json.loads(file.read_text())
    assert ACCOUNTS in document["paths"]
    assert "default" in document["paths"][ACCOUNTS]["get"]["responses"]


def test_the_document_is_served_and_its_page_asks_no_other_host(client, db):
    assert "/api/v1/accounts/" in client.get("/api/schema/", headers={"Accept": "application/json"}).content.decode()
    page = client.get("/api/docs/try/").content.decode()
    assert "https://" not in page


LINT = "/api/v1/texml/lint/"


def judged(api, **body):
    return send(api, LINT, body)


def test_a_document_is_judged_and_nothing_of_it_is_kept(api):
    answer = judged(api, document='<Response>\n  <Gather numdigits="1" action="/a"/><Hangup/>\n</Response>')
    assert answer.status_code == 200
    assert answer.json() == {
        "findings": [
            {
                "line": 2,
                "column": 11,
                "rule": "A02",
                "level": "error",
                "message": "Telnyx ignores numdigits: write numDigits.",
            }
        ]
    }


def test_a_document_without_a_fault_has_no_findings(api):
    assert judged(api, document="<Response><Say>Hi</Say></Response>").json() == {"findings": []}


def test_what_is_not_well_formed_or_too_large_is_a_finding(api):
    assert [one["rule"] for one in judged(api, document="").json()["findings"]] == ["X01"]
    assert [one["rule"] for one in judged(api, document=" <Response/>" * 10_000).json()["findings"]] == ["X03"]


def test_what_is_known_around_a_document_counts(api):
    document = '<Response><Record action="/a" timeout="{{ Silence }}"/></Response>'
    assert [one["rule"] for one in judged(api, document=document).json()["findings"]] == ["T07"]
    answer = judged(api, document=document, variables=["Silence"], imported=True, role="wait")
    assert [one["rule"] for one in answer.json()["findings"]] == ["D01", "D01", "F11"]


def test_what_is_not_published_since_nobody_can_tell_whom_it_calls_is_an_error(api):
    listed = judged(api, document="<Response><Dial>+1312555{{#Digits}}0100{{/Digits}}</Dial></Response>").json()
    assert ("T04", "error", 11) in [(one["rule"], one["level"], one["column"]) for one in listed["findings"]]
    unclosed = judged(api, document="<Response><Say>{{#if Digits == 1}}Hi</Say></Response>").json()
    assert [one["rule"] for one in unclosed["findings"]].count("T01") == 1  # told once, though both find it


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "document"),
        ({"document": ["a"]}, "document"),
        ({"document": "a", "role": "nobody"}, "role"),
        ({"document": "a", "variables": "x"}, "variables"),
        ({"document": "a", "variables": ["x" * 65]}, "variables.0"),
        ({"document": "a", "documents": "b"}, "documents"),
    ],
)
def test_a_member_that_cannot_be_is_refused_by_name(api, body, field):
    assert list(problem(send(api, LINT, body), 400)["errors"]) == [field]


def test_the_rules_and_the_grammar_are_data(api):
    body = api.get(LINT).json()
    assert {one["id"]: one["level"] for one in body["rules"]} == {name: rule.level for name, rule in RULES.items()}
    assert [one["key"] for one in body["elements"]] == list(GRAMMAR.elements)
    gather = next(one for one in body["elements"] if one["key"] == "Gather")
    assert (gather["parents"], gather["children"]) == (["Response"], ["Say", "Play"])
    timeout = next(one for one in gather["attributes"] if one["name"] == "timeout")
    assert (timeout["min"], timeout["max"], timeout["default"], timeout["unit"]) == (1, 120, "5", "s")
    assert {one["source"] for one in body["elements"]} <= set(body["sources"])
    assert list(problem(api.get(f"{LINT}?a=1"), 400)["errors"]) == ["a"]


def test_it_takes_the_scope_and_the_permission(operator, django_user_model):
    problem(api_for(operator, "calls:read", "calls:write").get(LINT), 403)
    problem(judged(api_for(operator, "texml:read"), document="<a/>"), 403)
    assert api_for(operator, "texml:read").get(LINT).status_code == 200
    nobody = django_user_model.objects.create_user("nobody")
    problem(api_for(nobody).get(LINT), 403)
    problem(judged(api_for(nobody), document="<a/>"), 403)
    problem(APIClient().get(LINT), 401)
    nobody.user_permissions.add(Permission.objects.get(codename="view_call"))
    nobody = django_user_model.objects.get(username="nobody")  # its permissions are kept as they were first asked for
    assert api_for(nobody).get(LINT).status_code == 200
    assert judged(api_for(nobody), document="<a/>").status_code == 200
    assert send(api_for(nobody), FROM_TWIML, {"document": "<Response/>"}).status_code == 200


def test_the_same_key_answers_the_same(api):
    first = send(api, LINT, {"document": "<a/>"}, **{"Idempotency-Key": "one"})
    again = send(api, LINT, {"document": "<a/>"}, **{"Idempotency-Key": "one"})
    assert (first.status_code, again.status_code, again.json()) == (200, 200, first.json())
    problem(send(api, LINT, {"document": "<b/>"}, **{"Idempotency-Key": "one"}), 422)


FROM_TWIML = "/api/v1/texml/from-twiml/"


def test_twiml_is_made_texml_and_what_changes_is_told(api):
    answer = send(api, FROM_TWIML, {"document": '<Response><Record action="/a" transcribe="true"/></Response>'})
    assert answer.status_code == 200
    assert '<Record action="/a" transcription="true"/>' in answer.json()["document"]
    changes = answer.json()["changes"]
    assert changes[-1] == {
        "line": 1,
        "column": 31,
        "what": "renamed",
        "message": "transcribe is transcription in TeXML.",
    }
    assert [one["what"] for one in changes] == ["differs", "differs", "differs", "renamed"]


def test_twiml_that_cannot_be_read_is_refused_by_line_and_column(api):
    errors = problem(send(api, FROM_TWIML, {"document": "<Response>\n<Say>"}), 400)["errors"]
    assert "line 2, column 6" in errors["document"][0]
    assert list(problem(send(api, FROM_TWIML, {}), 400)["errors"]) == ["document"]
    assert list(problem(send(api, FROM_TWIML, {"document": "a", "b": 1}), 400)["errors"]) == ["b"]


def test_twiml_takes_the_scope_and_the_permission(operator, django_user_model):
    body = {"document": "<Response/>"}
    problem(send(api_for(operator, "texml:read"), FROM_TWIML, body), 403)
    problem(send(api_for(django_user_model.objects.create_user("nobody")), FROM_TWIML, body), 403)
    problem(send(APIClient(), FROM_TWIML, body), 401)
