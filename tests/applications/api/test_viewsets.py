from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from applications.mirror.store import digest
from applications.models import CallControlApplication, Pull
from applications.pulls.pulls import begin, run
from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.sandbox.texml import accounts
from tests.support.accounts import make_account
from tests.support.applications import CALL_CONTROL, TEXML, at_telnyx, change_at_telnyx, remote_of
from tests.support.rest import api_for, problem
from tests.support.sandbox_ledger import requests
from tests.support.telnyx_numbers import assigned
from tests.support.times import ago

URL = "/api/v1/call-control-applications/"
TEXML_URL = "/api/v1/texml-applications/"
NEW = {"application_name": "router", "webhook_event_url": "http://127.0.0.1:8000/x/"}


def _send(api: APIClient, method: str, url: str, body: Any = None, **headers: str) -> Any:
    return getattr(api, method)(url, body, format="json", headers=headers)


@pytest.mark.usefixtures("only_account")
def test_create_answers_201_with_telnyxs_names_an_etag_and_an_address(
    api: APIClient, sandbox_account: TelnyxAccount
) -> None:
    answer = _send(api, "post", URL, {**NEW, "inbound": {"channel_limit": 5}, "tags": ["a"]})
    row = CallControlApplication.objects.get()
    body = answer.json()
    assert answer.status_code == 201
    assert answer["ETag"] == f'"{row.remote_digest}"'
    assert (body["id"], body["inbound"]["channel_limit"], body["tags"]) == (row.telnyx_id, 5, ["a"])
    assert (body["webhook_api_version"], body["account"], body["missing_since"]) == ("2", "sandbox", None)
    assert {name: body[name] for name in row.remote} == row.remote
    assert api.get(answer["Location"]).json() == body
    assert AuditEvent.objects.get(action="application.create").actor == "token: tests"


@pytest.mark.usefixtures("only_account")
def test_texml_applications_have_the_same_operations(api: APIClient, sandbox_account: TelnyxAccount) -> None:
    made = _send(api, "post", TEXML_URL, {"friendly_name": "ivr", "voice_url": "https://a.example/x"}).json()
    changed = _send(api, "patch", f"{TEXML_URL}{made['id']}/", {"voice_method": "get"})
    assert (changed.status_code, changed.json()["voice_method"]) == (200, "get")
    assert len(api.get(TEXML_URL).json()["results"]) == 1
    assert api.delete(f"{TEXML_URL}{made['id']}/").status_code == 204
    assert api.get(TEXML_URL).json()["results"] == []


@pytest.mark.usefixtures("only_account")
def test_a_patch_changes_only_what_it_names(api: APIClient, mirrored: Any, sandbox_account: TelnyxAccount) -> None:
    row = mirrored()
    change_at_telnyx(sandbox_account, row.remote, application_name="renamed by others")
    answer = _send(api, "patch", f"{URL}{row.telnyx_id}/", {"outbound": {"channel_limit": 2}})
    there = remote_of(row)
    assert answer.status_code == 200
    assert (there["application_name"], there["outbound"]["channel_limit"]) == ("renamed by others", 2)
    assert answer["ETag"] == f'"{digest(there)}"'


def test_put_is_not_offered(api: APIClient, mirrored: Any) -> None:
    assert _send(api, "put", f"{URL}{mirrored().telnyx_id}/", NEW).status_code == 405


@pytest.mark.usefixtures("only_account")
def test_a_stale_if_match_is_412_and_sends_nothing(
    api: APIClient, mirrored: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored()
    url = f"{URL}{row.telnyx_id}/"
    tag = api.get(url)["ETag"]
    change_at_telnyx(sandbox_account, row.remote, application_name="theirs")
    before = len(requests(sandbox, "PATCH", "DELETE"))
    for answer in (_send(api, "patch", url, {"active": False}, **{"If-Match": tag}), _delete(api, url, tag)):
        assert (answer.status_code, answer.json()["code"]) == (412, "stale")
    assert len(requests(sandbox, "PATCH", "DELETE")) == before
    fresh = api.get(url)["ETag"]
    assert fresh != tag
    assert _send(api, "patch", url, {"active": False}, **{"If-Match": f'"other", {fresh}'}).status_code == 200
    assert _send(api, "patch", url, {"active": True}, **{"If-Match": "nonsense"}).status_code == 412
    assert _send(api, "patch", url, {"active": True}, **{"If-Match": "*"}).status_code == 200


@pytest.mark.usefixtures("only_account")
def test_an_etag_that_was_made_weak_on_its_way_names_the_same_state(api: APIClient, mirrored: Any) -> None:
    url = f"{URL}{mirrored().telnyx_id}/"
    before = _weak(api, url)
    assert _send(api, "patch", url, {"active": False}, **{"If-Match": before}).status_code == 200
    assert (_delete(api, url, before).status_code, _delete(api, url, _weak(api, url)).status_code) == (412, 204)


def _weak(api: APIClient, url: str) -> str:
    """The ETag as a client reads it that takes compressed answers, as nearly all do."""
    etag: str = api.get(url, headers={"Accept-Encoding": "gzip"})["ETag"]
    assert etag.startswith('W/"')
    return etag


def _delete(api: APIClient, url: str, tag: str) -> Any:
    return api.delete(url, headers={"If-Match": tag})


@pytest.mark.usefixtures("only_account")
def test_an_outage_is_503_and_an_uncertain_create_504(
    api: APIClient, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    sandbox.faults.add({"method": "POST", "path": "/call_control_applications", "fault": "cut"})
    uncertain = _send(api, "post", URL, NEW)
    assert (uncertain.status_code, uncertain.json()["code"]) == (504, "telnyx_uncertain")
    assert not CallControlApplication.objects.exists()
    sandbox_account.base_url = "http://127.0.0.1:9/v2"
    sandbox_account.save()
    away = _send(api, "post", URL, NEW)
    assert (away.status_code, away["Retry-After"]) == (503, "5")


def test_a_number_in_the_way_is_told_before_telnyx_is_asked_to_delete(
    api: APIClient, mirrored: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored()
    url = f"{URL}{row.telnyx_id}/?account=sandbox"
    assigned(sandbox_account, row)
    refused = api.delete(url)
    assert (refused.status_code, refused.json()["code"]) == (409, "numbers_assigned")
    assert refused.json()["dependents"][0].startswith("1 phone number is assigned to it")
    assert api.delete(f"{url}&anyway=perhaps").status_code == 400
    assert not requests(sandbox, "DELETE")
    answer = api.delete(f"{url}&anyway=true")  # Telnyx is asked, and refuses
    assert (answer.status_code, answer.json()["code"]) == (400, "telnyx_refused")
    assert len(requests(sandbox, "DELETE")) == 1


@pytest.mark.usefixtures("only_account")
def test_delete_keeps_the_row_and_answers_404_from_then_on(api: APIClient, mirrored: Any) -> None:
    row = mirrored()
    url = f"{URL}{row.telnyx_id}/"
    assert api.delete(url).status_code == 204
    assert [api.get(url).status_code, api.delete(url).status_code] == [404, 404]
    assert _send(api, "patch", url, {"active": True}).status_code == 404
    assert api.get(URL).json()["results"] == []
    assert api.get(url, {"missing": "true"}).json()["missing_since"]
    assert len(api.get(URL, {"missing": "true"}).json()["results"]) == 1


@pytest.mark.usefixtures("only_account")
def test_an_update_of_one_that_is_gone_at_telnyx_is_404(api: APIClient, mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored()
    sandbox.store.delete_application(row.telnyx_id)
    assert _send(api, "patch", f"{URL}{row.telnyx_id}/", {"active": False}).status_code == 404
    row.refresh_from_db()
    assert row.missing_since


def test_lists_are_narrowed_by_account_activity_and_name(api: APIClient, mirrored: Any) -> None:
    one, two = mirrored(name="Front desk"), mirrored(name="back office", active=False)
    CallControlApplication.objects.create(account=make_account(name="other"), telnyx_id="9", application_name="front")

    def ids(**query: str) -> set[str]:
        return {row["id"] for row in api.get(URL, query).json()["results"]}

    assert ids(account="other") == {"9"}
    assert ids(active="false") == {two.telnyx_id}
    assert ids(search="FRONT") == {one.telnyx_id, "9"}
    assert ids(search=one.telnyx_id) == {one.telnyx_id}
    assert api.get(URL, {"active": "perhaps"}).status_code == 400
    assert api.get(URL, {"missing": "perhaps"}).status_code == 400


def test_an_id_that_two_accounts_know_asks_for_the_account(api: APIClient, mirrored: Any) -> None:
    row = mirrored()
    other = make_account(name="other")
    CallControlApplication.objects.create(account=other, telnyx_id=row.telnyx_id, application_name="twin")
    url = f"{URL}{row.telnyx_id}/"
    answer = api.get(url)
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"account"})
    assert api.get(url, {"account": "other"}).json()["application_name"] is None
    named = _send(api, "patch", url, {"active": False, "account": "sandbox"})
    assert (named.status_code, named.json()["account"]) == (200, "sandbox")
    assert answer.json()["errors"]["account"] == [
        "Several accounts have an application of this id: name one. They are beside, other, sandbox."
    ]


def test_an_account_is_named_once(api: APIClient, mirrored: Any, sandbox: Sandbox) -> None:
    url, asked = f"{URL}{mirrored().telnyx_id}/", sandbox.store.entries("requests")
    both = problem(_send(api, "patch", f"{url}?account=sandbox", {"active": True, "account": "beside"}), 400)
    assert both["errors"] == {"account": ["The body names another account than the address: name one."]}
    for twice in ("?account=sandbox&account=beside", "?account=sandbox&account=sandbox"):
        for verb in ("get", "patch", "delete"):
            assert problem(_send(api, verb, url + twice, {}), 400)["errors"] == {"account": ["Give it once."]}
    made = _send(api, "post", f"{URL}?account=sandbox", {**NEW, "account": "beside"})
    assert problem(made, 400)["errors"].keys() == {"account"}
    assert sandbox.store.entries("requests") == asked
    assert _send(api, "patch", f"{url}?account=sandbox", {"active": True, "account": "sandbox"}).status_code == 200


def test_a_create_names_its_account_while_there_are_several(api: APIClient, sandbox_account: TelnyxAccount) -> None:
    make_account(name="other")
    assert set(_send(api, "post", URL, NEW).json()["errors"]) == {"account"}
    assert _send(api, "post", URL, {**NEW, "account": "sandbox"}).status_code == 201


@pytest.mark.usefixtures("only_account")
@pytest.mark.django_db(transaction=True)
def test_a_pull_answers_with_counts(api: APIClient, sandbox_account: TelnyxAccount) -> None:
    at_telnyx(sandbox_account)
    answer = _send(api, "post", f"{URL}pull/", {})
    assert (answer.status_code, answer.json()) == (200, {"created": 1, "updated": 0, "missing": 0, "unchanged": 0})


@pytest.mark.usefixtures("only_account")
@pytest.mark.django_db(transaction=True)
def test_a_pull_that_takes_longer_is_202_and_can_be_watched(api: APIClient, sandbox_account: TelnyxAccount) -> None:
    record = Pull.objects.create(account=sandbox_account, kind=CALL_CONTROL.slug, requested_by="user: ada")
    with patch("applications.api.viewsets.PULL_SECONDS", 0.1):
        answer = _send(api, "post", f"{URL}pull/")
    assert (answer.status_code, answer["Location"]) == (202, f"http://testserver/api/v1/pulls/{record.pk}/")
    watched = api.get(answer["Location"]).json()
    assert (watched["state"], watched["progress"], watched["requested_by"]) == ("running", 0, "user: ada")
    assert watched["counts"] == {"created": 0, "updated": 0, "missing": 0, "unchanged": 0}
    assert watched["errors"] == []


def test_a_pull_that_was_killed_is_told_as_failed(api: APIClient, account: TelnyxAccount) -> None:
    record = Pull.objects.create(account=account, kind=CALL_CONTROL.slug, requested_by="user: ada")
    assert api.get(f"/api/v1/pulls/{record.pk}/").json()["state"] == "running"
    Pull.objects.filter(pk=record.pk).update(seen_alive_at=ago(61))
    told = api.get(f"/api/v1/pulls/{record.pk}/").json()
    assert (told["state"], [error["kind"] for error in told["errors"]]) == ("failed", ["interrupted"])


@pytest.mark.usefixtures("only_account")
@pytest.mark.django_db(transaction=True)
def test_a_pull_that_fails_or_is_stopped_says_so(api: APIClient, sandbox: Sandbox, mirrored: Any) -> None:
    for row in [mirrored(name="one"), mirrored(name="two")]:
        sandbox.store.delete_application(row.telnyx_id)
    stopped = _send(api, "post", f"{URL}pull/", {"account": "sandbox"})
    assert (stopped.status_code, stopped.json()["code"]) == (409, "looks_like_mass_delete")
    assert _send(api, "post", f"{URL}pull/", {"accept_missing": True}).json()["missing"] == 2
    make_account(name="dead")
    dead = _send(api, "post", f"{URL}pull/", {"account": "dead"})
    assert (dead.status_code, dead.json()["title"]) == (503, "Telnyx cannot be asked now")
    for _ in range(3):  # with the key of the first, as Retry-After asks for
        again = _send(api, "post", f"{URL}pull/", {"account": "dead"}, **{"Idempotency-Key": "one"})
        assert (again.status_code, again["Retry-After"], "Idempotent-Replayed" in again) == (503, "5", False)


@pytest.mark.usefixtures("only_account")
@pytest.mark.django_db(transaction=True)
def test_what_is_accepted_is_pulled_after_one_under_way_that_is_stopped_for_it(
    api: APIClient, sandbox: Sandbox, sandbox_account: TelnyxAccount, mirrored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for row in [mirrored(name="one"), mirrored(name="two")]:
        sandbox.store.delete_application(row.telnyx_id)
    monkeypatch.setattr("applications.pulls.pulls.wait", lambda record, seconds: run(record, PORTAL))
    first, _ = begin(CALL_CONTROL, sandbox_account, PORTAL)
    told = _send(api, "post", f"{URL}pull/")
    assert (told.status_code, told.json()["code"]) == (409, "looks_like_mass_delete")
    second, _ = begin(CALL_CONTROL, sandbox_account, PORTAL)
    told = _send(api, "post", f"{URL}pull/", {"accept_missing": True})
    assert (told.status_code, told.json().get("missing")) == (200, 2)
    states = dict(Pull.objects.values_list("pk", "state"))
    assert (states[first.pk], states[second.pk]) == ("stopped", "stopped")


@pytest.mark.usefixtures("only_account")
@pytest.mark.django_db(transaction=True)
def test_a_key_that_is_accepted_is_pulled_with_after_one_under_way_that_was_stopped_for_it(
    api: APIClient, sandbox_account: TelnyxAccount, mirrored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrored()
    assert _send(api, "post", f"{URL}pull/").status_code == 200  # whose key it is, is remembered
    monkeypatch.setitem(accounts._IDS, "organization_id", "somebody-else")
    monkeypatch.setattr("applications.pulls.pulls.wait", lambda record, seconds: run(record, PORTAL))
    begin(CALL_CONTROL, sandbox_account, PORTAL)
    told = _send(api, "post", f"{URL}pull/", {"accept_missing": True})
    assert (told.status_code, told.json().get("unchanged")) == (200, 1)


@pytest.mark.usefixtures("only_account")
@pytest.mark.django_db(transaction=True)
def test_a_pull_that_telnyx_refuses_tells_its_code(
    api: APIClient, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    sandbox.faults.add({"method": "GET", "path": "/call_control_applications", "fault": "status", "value": 403})
    told = _send(api, "post", f"{URL}pull/").json()
    assert (told["status"], told["code"], told["title"]) == (422, "telnyx_refused", "Telnyx refused this")
    assert told["telnyx_code"] == "10010"


@pytest.mark.usefixtures("only_account")
@pytest.mark.django_db(transaction=True)
def test_the_key_of_another_organization_is_not_told_as_a_mass_delete(
    api: APIClient, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _send(api, "post", f"{URL}pull/").status_code == 200
    monkeypatch.setitem(accounts._IDS, "organization_id", "somebody-else")
    answer = _send(api, "post", f"{URL}pull/").json()
    assert (answer["status"], answer["code"]) == (409, "another_owner")
    assert "belongs to another Telnyx account" in answer["detail"]
    assert "accept_missing: true" not in answer["detail"]


@pytest.mark.parametrize("body", [{"acount": "x"}, {"account": 5}, {"account": "nobody"}, {"accept_missing": "yes"}])
def test_a_pull_refuses_what_it_does_not_know(api: APIClient, account: TelnyxAccount, body: dict[str, Any]) -> None:
    answer = _send(api, "post", f"{URL}pull/", body)
    assert (answer.status_code, set(answer.json()["errors"])) == (400, set(body))


_RIGHTS = [
    ("get", "", "view", 200),
    ("post", "", "add", 201),
    ("post", "pull/", "change", 200),
    ("get", "{id}/", "view", 200),
    ("patch", "{id}/", "change", 200),
    ("delete", "{id}/", "delete", 204),
]


@pytest.mark.usefixtures("only_account")
@pytest.mark.parametrize("kind", [CALL_CONTROL, TEXML], ids=lambda kind: kind.slug)
@pytest.mark.parametrize(("method", "path", "verb", "success"), _RIGHTS)
def test_each_operation_needs_its_permission_and_its_scope(
    mirrored: Any, user_with: Any, sandbox: Sandbox, kind: Any, method: str, path: str, verb: str, success: int
) -> None:
    row = mirrored(kind)
    url = f"/api/v1/{kind.slug}/{path.format(id=row.telnyx_id)}"
    bodies: dict[str, Any] = {"add": dict.fromkeys(kind.required, "https://a.example/x"), "delete": None}
    body = bodies.get(verb, {} if path.startswith("pull") else {"active": False})
    if method == "get":
        body = None
    verbs = {"view", "add", "change", "delete"}
    without = user_with(*(kind.permission(other) for other in verbs - {verb}), username="without")
    wrong = "applications:write" if method == "get" else "applications:read"
    right = User.objects.create_superuser("scoped")
    before = len(requests(sandbox))
    with patch("applications.api.viewsets.pull_within", return_value=Pull(state="done")) as pulled:
        for client in (api_for(without), api_for(right, wrong), api_for(right, "calls:read", "calls:write")):
            assert _send(client, method, url, body).status_code == 403
        assert _send(APIClient(), method, url, body).status_code == 401
        assert (len(requests(sandbox)), pulled.called) == (before, False)
        allowed = _send(api_for(user_with(kind.permission(verb), username="with")), method, url, body)
    assert allowed.status_code == success, allowed.content


def test_a_pull_is_seen_with_its_permission_only(user_with: Any, account: TelnyxAccount) -> None:
    url = f"/api/v1/pulls/{Pull.objects.create(account=account, kind='x', requested_by='x').pk}/"
    assert api_for(user_with(username="nobody")).get(url).status_code == 403
    assert api_for(user_with("applications.view_pull")).get(url).status_code == 200


@pytest.mark.usefixtures("only_account")
def test_every_write_is_idempotent_by_key(api: APIClient, sandbox_account: TelnyxAccount) -> None:
    first = _send(api, "post", URL, NEW, **{"Idempotency-Key": "one"})
    again = _send(api, "post", URL, NEW, **{"Idempotency-Key": "one"})
    assert (first.json(), again.status_code) == (again.json(), 201)
    assert CallControlApplication.objects.count() == 1
