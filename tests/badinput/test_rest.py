"""The API: every operation with bodies, values and credentials that it must refuse, and none of it changes anything."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from applications.editing.service import create_application
from applications.kinds import KINDS
from portal.actors import PORTAL
from portal.models import ApiToken, TelnyxAccount
from tests.badinput import rows
from tests.corpus import rest
from tests.corpus.cases import CANARIES, Case
from tests.support.rest import api_for
from voice.models import Call, Flow

pytestmark = pytest.mark.django_db
_WRITES = ("post", "put", "patch", "delete")
LISTS = {  # of Telnyx, which nothing but the view pages
    "/api/v1/active-calls/",
    "/api/v1/calls/{call_control_id}/telnyx-events/",
    "/api/v1/conferences/",
    "/api/v1/outbound-voice-profiles/",
    "/api/v1/queues/",
    "/api/v1/texml/calls/",
}
DIFF = "/api/v1/texml/documents/{id}/diff/"
Operation = tuple[str, str, dict[str, Any]]  # verb, path, what the document says of it


@pytest.fixture(scope="module")
def operations() -> list[Operation]:
    """Every operation of the OpenAPI document."""
    document = SchemaGenerator(api_version="v1").get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return [
        (verb, path, operation)
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
        if verb in {"get", *_WRITES}
    ]


@pytest.fixture
def made(sandbox_account: TelnyxAccount, operator: User) -> dict[Any, Any]:
    """A row of each, the applications at the sandbox too: there a change is judged by what it says."""
    for kind in KINDS:
        body = {kind.model.name_field: "line", kind.model.url_field: "https://portal.example/hook"}
        _, problem = create_application(kind, sandbox_account, body, PORTAL)
        assert not problem
    return rows.one_of_each(sandbox_account, operator)


def complaint(case: Case, answer: Any, statuses: frozenset[int]) -> str:
    """What is wrong with ``answer``; empty when nothing is."""
    if answer.status_code not in statuses:
        return f"answered {answer.status_code}: {answer.content[:200]!r}"
    if answer.status_code >= 400 and answer["Content-Type"] != "application/problem+json":
        return f"is {answer['Content-Type']}: {answer.content[:200]!r}"
    text = answer.content.decode()
    if answer.status_code >= 400 and not {"type", "title", "status", "code", "request_id"} <= json.loads(text).keys():
        return f"lacks members: {text}"
    if answer.status_code == 400 and not json.loads(text).get("errors"):
        return f"tells no errors: {text}"
    found = [canary for canary in CANARIES if canary in text and answer.status_code >= 400]
    return f"echoes {found}" if found else ""


def wrongs(told: Iterator[tuple[str, str]]) -> str:
    return "\n".join(f"{where}: {said}" for where, said in told if said)


def test_no_write_takes_a_body_that_cannot_be_read(api: APIClient, operations: Any, made: Any) -> None:
    before = rows.contents()

    bodies = list(rest.malformed())

    def tried() -> Iterator[tuple[str, str]]:
        for at, (verb, path, _) in enumerate(operations):
            # the actions of calls and of conferences are one view each: it gets a few of the bodies with each action
            for case in bodies[at % 9 :: 9] if "/actions/" in path else bodies:
                if verb in _WRITES:
                    answer = getattr(api, verb)(rows.address(path, made), case.body, content_type=case.content_type)
                    yield f"{verb} {path} {case.slug}", complaint(case, answer, case.statuses)

    assert not (said := wrongs(tried())), said
    assert rows.contents() == before


def test_no_parameter_takes_what_is_no_text(api: APIClient, operations: Any, made: Any) -> None:
    before = rows.contents()

    def tried() -> Iterator[tuple[str, str]]:
        for verb, path, operation in operations:
            if verb != "get":
                continue
            names = {one["name"]: one["in"] for one in operation.get("parameters", [])} | {"search": "query"}
            for name, place in names.items():
                for case in rest.values():
                    target = rows.address(path, made, **({name: case.text} if place == "path" else {}))
                    query = f"?{name}={case.text}" if place == "query" else ""
                    yield f"{path} {name} {case.slug}", complaint(case, api.get(target + query), case.statuses)

    assert not (said := wrongs(tried())), said
    assert rows.contents() == before


def test_no_list_takes_a_page_or_a_filter_that_there_is_not(api: APIClient, operations: Any, made: Any) -> None:
    before = rows.contents()

    def tried() -> Iterator[tuple[str, str]]:
        for verb, path, operation in operations:
            paged = any(one["name"] == "cursor" for one in operation.get("parameters", []))
            for case in (*rest.pages(), *rest.unlisted()) if verb == "get" and paged else ():
                answer = api.get(f"{rows.address(path, made)}?{case.text}")
                yield f"{path} {case.slug}", complaint(case, answer, case.statuses)

    assert not (said := wrongs(tried())), said
    assert rows.contents() == before


def test_every_list_refuses_what_it_does_not_know_and_has_pages(api: APIClient, operations: Any, made: Any) -> None:
    """A list is what answers with ``results``, or with rows alone: a new one is here by itself."""
    connection_id = made[KINDS[0].model].telnyx_id
    required = {"/api/v1/active-calls/": f"connection_id={connection_id}", DIFF: "from=draft"}
    lists = set()
    for verb, path, operation in operations:
        if verb != "get":
            continue
        target = f"{rows.address(path, made)}?{required.get(path, '')}"
        whole = api.get(target)
        if whole["Content-Type"] != "application/json" or not _is_list(whole.json()):
            continue
        lists.add(path)
        unknown = api.get(f"{target}&unknown=1")
        assert unknown.status_code == 400, f"{path}: {unknown.content[:200]!r}"
        assert unknown.json()["errors"] == {"unknown": ["There is no such filter."]}, path
        if isinstance(whole.json(), dict):
            names = {one["name"] for one in operation["parameters"] if one["in"] == "query"}
            assert {"cursor", "page_size"} <= names, path
            assert api.get(f"{target}&page_size=1").status_code == 200, path
            for odd in ("page_size=0", "page_size=251", "cursor=no"):
                assert list(api.get(f"{target}&{odd}").json()["errors"]) == [odd.partition("=")[0]], f"{path} {odd}"
    assert lists >= LISTS, LISTS - lists


def test_every_operation_refuses_a_parameter_that_it_does_not_know(api: APIClient, operations: Any, made: Any) -> None:
    """A mistyped one would be taken for none: ``anyway`` of a deletion, the account of an id that several have."""
    before = rows.contents()

    def tried() -> Iterator[tuple[str, str]]:
        for verb, path, _ in operations:
            answer = getattr(api, verb)(f"{rows.address(path, made)}?unknown=1")
            is_right = answer.status_code == 400 and answer.json()["errors"] == {
                "unknown": ["There is no such filter."]
            }
            yield f"{verb} {path}", "" if is_right else f"answered {answer.status_code}"

    assert not (said := wrongs(tried())), said
    assert rows.contents() == before


def test_the_document_names_an_account_wherever_one_is_read_and_elsewhere_it_is_refused(
    api: APIClient, operations: Any, made: Any, sandbox_account: TelnyxAccount
) -> None:
    """What acts is asked of an account that there is not, so that nothing is done."""
    refused = {"account": ["There is no such filter."]}

    def tried() -> Iterator[tuple[str, str]]:
        for verb, path, operation in operations:
            name = sandbox_account.name if verb == "get" else "nobody"
            answer = getattr(api, verb)(f"{rows.address(path, made)}?account={name}")
            is_refused = answer.status_code == 400 and answer.json()["errors"] == refused
            is_told = any(one["name"] == "account" and one["in"] == "query" for one in operation.get("parameters", []))
            yield f"{verb} {path}", "" if is_told is not is_refused else f"told {is_told}, {answer.status_code}"

    assert not (said := wrongs(tried())), said


def test_what_takes_no_body_refuses_each_member_of_one(api: APIClient, operations: Any, made: Any) -> None:
    """It would be left out in silence: the account that it names, what shall become of a batch."""
    before, tried = rows.contents(), []
    for verb, path, operation in operations:
        if verb not in _WRITES or "requestBody" in operation:
            continue
        tried.append(path)
        answer = getattr(api, verb)(rows.address(path, made), {"unknown": 1}, format="json")
        assert answer.status_code == 400, f"{verb} {path}: answered {answer.status_code}"
        assert answer.json()["errors"] == {"unknown": ["Unknown member."]}, f"{verb} {path}"
    assert len(tried) > 20
    assert rows.contents() == before


def _is_list(body: Any) -> bool:
    return isinstance(body, list) or (isinstance(body, dict) and "results" in body)


def test_nobody_is_let_in_without_a_token_of_the_portal(
    client: Client, operator: User, operations: Any, made: Any
) -> None:
    _, token = ApiToken.make(operator, "good")
    before = rows.contents()

    def tried() -> Iterator[tuple[str, str]]:
        for verb, path, _ in operations:
            cases = list(rest.credentials(token))
            for case in cases if path == "/api/v1/calls/" else cases[:2]:
                headers = {f"HTTP_{name.upper()}": value for name, value in case.headers}
                answer = client.generic(verb.upper(), f"{rows.address(path, made)}?{case.query}", **headers)
                yield f"{verb} {path} {case.slug}", complaint(case, answer, frozenset({401}))

    assert not (said := wrongs(tried())), said
    assert rows.contents() == before


def test_a_scope_and_a_permission_are_asked_for_everywhere(user_with: Any, operations: Any, made: Any) -> None:
    """R01: a token of another scope, and one whose user may nothing."""
    scoped = api_for(User.objects.get(username="operator"), "flows:read")
    nobody = api_for(user_with(username="nobody"))
    before = rows.contents()
    for verb, path, _ in operations:
        for client in (scoped, nobody):
            if client is scoped and verb == "get" and "/flows/" in path:
                continue
            assert getattr(client, verb)(rows.address(path, made)).status_code == 403, f"{verb} {path}"
    assert rows.contents() == before


def test_a_body_of_another_type_is_refused_by_name(api: APIClient, operations: Any, made: Any) -> None:
    """R16, R20, R21: each member that the document names, given what it is not; and members nobody may set."""
    before = rows.contents()
    hidden = ("created_at", "webhook_token", "is_staff", "facts", "requested_by", "id", "remote")

    def tried() -> Iterator[tuple[str, str]]:
        for path in ("/api/v1/flows/", "/api/v1/dial-batches/", "/api/v1/calls/", "/api/v1/call-control-applications/"):
            for name in hidden:
                answer = api.post(path, rest.as_json({name: "a"}), content_type="application/json")
                yield f"{path} {name}", complaint(Case(number="R16", name=name), answer, frozenset({400}))
        for verb, path, operation in operations:
            if verb not in _WRITES or "requestBody" not in operation:
                continue
            for odd in rest.WRONG_TYPES if "/actions/" not in path else rest.WRONG_TYPES[:2]:
                body = dict.fromkeys(
                    ("connection_id", "from", "to", "name", "rules", "account", "payload", "verdict"), odd
                )
                answer = getattr(api, verb)(
                    rows.address(path, made), rest.as_json(body), content_type="application/json"
                )
                # an account of that name has no such application
                at_none = path.endswith("-applications/{id}/") and isinstance(odd, str)
                yield (
                    f"{verb} {path} {odd!r}",
                    complaint(Case(number="R21", name="type"), answer, frozenset({404 if at_none else 400})),
                )

    assert not (said := wrongs(tried())), said
    assert rows.contents() == before


def test_no_application_is_given_an_address_that_is_none(api: APIClient, sandbox: Any, made: Any) -> None:
    """R22."""
    before, asked = rows.contents(), sandbox.store.entries("requests")
    for kind, path in zip(KINDS, ("call-control-applications", "texml-applications"), strict=True):
        for url in rest.ADDRESSES:
            body = {kind.model.name_field: "odd", kind.model.url_field: url}
            answer = api.post(f"/api/v1/{path}/", rest.as_json(body), content_type="application/json")
            assert answer.status_code == 400, url
            assert kind.model.url_field in answer.json()["errors"]
    assert sandbox.store.entries("requests") == asked
    assert rows.contents() == before


def test_nobody_is_dialled_who_is_no_number(api: APIClient, sandbox: Any, made: Any) -> None:
    """R20."""
    before = rows.contents()
    for number in rest.DIALLED:
        body = {"to": number, "from": "+13125550100", "connection_id": made[Call].connection_id}
        answer = api.post("/api/v1/calls/", rest.as_json(body), content_type="application/json")
        # "+1 900 …" is a number, and one that nobody may dial
        assert answer.status_code == (403 if number.startswith("+1 900") else 400), number
    assert rows.contents() == before
    body["to"] = "+13125550199"
    assert api.post("/api/v1/calls/", body, format="json").status_code == 202


def test_ids_of_others_are_404_and_names_of_none_400(api: APIClient, operations: Any, made: Any) -> None:
    """R17."""
    unknown = "00000000-0000-4000-8000-000000000000"
    answers, before = set(), rows.contents()
    for verb, path, operation in operations:
        names = [one["name"] for one in operation.get("parameters", []) if one["in"] == "path"]
        # what lives at Telnyx alone is its own to judge: a command is made, and refused there
        elsewhere = verb != "get" and ("/queues/" in path or ("/texml/" in path and "/documents/" not in path))
        if names and not elsewhere:
            target = rows.address(path, made, **dict.fromkeys(names[:1], unknown))
            answer = api.generic(verb.upper(), target, b"{}", content_type="application/json")
            assert answer.status_code == 404, f"{verb} {path}: {answer.content[:200]!r}"
            answers.add(json.loads(answer.content)["code"])
    assert answers == {"not_found"}
    assert api.post("/api/v1/calls/", {"account": "nobody"}, format="json").status_code == 400
    assert rows.contents() == before


def test_a_stale_version_changes_nothing(api: APIClient, made: Any) -> None:
    """R18. Without ``If-Match`` the fresh state is the base."""
    target, body = rows.address("/api/v1/call-control-applications/{id}/", made), {"application_name": "x"}
    before = rows.contents()
    for stale in ('"stale"', 'W/"stale"', "stale", '"' + "a" * 5000 + '"', '"\x00"'):
        answer = api.patch(target, body, format="json", HTTP_IF_MATCH=stale)
        assert answer.status_code == 412, answer.content
    assert rows.contents() == before
    fresh = api.get(target)["ETag"]
    assert api.patch(target, body, format="json", HTTP_IF_MATCH=fresh).status_code == 200
    assert rows.contents() != before


def test_a_repeated_key_is_replayed_or_refused(api: APIClient, made: Any) -> None:
    """R19; two at once: ``tests/portal/rest/test_idempotency.py``."""
    body = {"name": "second", "connection_id": "1", "rules": [], "active": False}
    headers = {"HTTP_IDEMPOTENCY_KEY": "a key"}
    answers = [api.post("/api/v1/flows/", {**body, "name": name}, format="json", **headers) for name in ("a", "a", "b")]
    assert [answer.status_code for answer in answers] == [201, 201, 422]
    assert Flow.objects.filter(name__in="ab").count() == 1
    for odd in ("", "a" * 256, "line\x85break"):
        assert api.post("/api/v1/flows/", body, format="json", HTTP_IDEMPOTENCY_KEY=odd).status_code == 400


def test_whatever_is_answered_under_a_key_is_answered_again(api: APIClient, operations: Any, made: Any) -> None:
    """R19: every operation that takes a key, with the least that it may be given."""

    def tried() -> Iterator[tuple[str, str]]:
        for verb, path, _ in operations:
            if verb != "post" or "pull" in path:  # a pull goes on in a thread, which would not see these rows
                continue
            target, body = rows.address(path, made), {"verdict": "send_again"} if "/settle/" in path else {}
            first, again = (api.post(target, body, format="json", HTTP_IDEMPOTENCY_KEY=path[-255:]) for _ in range(2))
            done, told = first.status_code < 300, [(one.status_code, one.json()) for one in (first, again)]
            yield path, "" if first.status_code < 500 and (told[0] == told[1] or not done) else str(told)

    assert not (said := wrongs(tried())), said


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*;q=2", "\x00"])
def test_an_answer_in_another_format_is_406(api: APIClient, made: Any, accept: str) -> None:
    """R09."""
    answer = api.get("/api/v1/calls/", HTTP_ACCEPT=accept)
    assert not complaint(Case(number="R09", name=accept), answer, frozenset({406}))


def test_a_method_by_another_name_is_not_listened_to(api: APIClient, made: Any) -> None:
    """R23."""
    target = rows.address("/api/v1/flows/{id}/", made)
    assert (
        api.post(target, b"{}", content_type="application/json", HTTP_X_HTTP_METHOD_OVERRIDE="DELETE").status_code
        == 405
    )
    assert api.get(f"{target}?_method=DELETE").status_code == 400
    assert Flow.objects.filter(pk=made[Flow].pk).exists()
