import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from applications.editing.service import delete_application
from applications.models import ApplyRun
from applications.pulls.pulls import pull
from portal.actors import PORTAL, Actor
from portal.models import ApiToken, TelnyxAccount
from tests.support.applications import CALL_CONTROL, change_at_telnyx
from tests.support.rest import api_for

pytestmark = pytest.mark.django_db


def _history(api: Any, row: Any, slug: str = "call-control-applications", **query: Any) -> Any:
    answer = api.get(f"/api/v1/{slug}/{row.telnyx_id}/history/", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.usefixtures("only_account")
def test_a_change_over_rest_is_told_with_token_request_id_and_values(api: Any, mirrored: Any) -> None:
    row, _ = mirrored(), mirrored(name="another")
    address = f"/api/v1/call-control-applications/{row.telnyx_id}/"
    changed = api.patch(address, {"application_name": "desk", "inbound": {"channel_limit": 3}}, format="json")
    newest, first = _history(api, row)["results"]
    assert (newest["type"], newest["actor"], newest["user"]) == ("changed", "token: tests", "operator")
    assert (newest["token"], newest["request_id"]) == ("tests", changed.headers["X-Request-ID"])
    assert newest["reason"] == "changed (token: tests)"
    assert newest["changes"]["application_name"] == {"before": "router", "after": "desk"}
    assert newest["changes"]["inbound.channel_limit"] == {"before": None, "after": 3}
    assert (first["type"], first["actor"], first["changes"]) == ("created", "portal", {})


@pytest.mark.usefixtures("only_account")
def test_a_change_in_the_browser_is_told_with_the_person(browser: Client, api: Any, mirrored: Any) -> None:
    row = mirrored()
    url = reverse("admin:applications_callcontrolapplication_change", args=[row.pk])
    form = browser.get(url).context["adminform"].form
    values = {name: form[name].value() or "" for name in form.fields}
    answer = browser.post(url, values | {"application_name": "by hand"})
    newest = _history(api, row)["results"][0]
    assert (newest["actor"], newest["user"], newest["token"]) == ("user: operator", "operator", None)
    assert newest["request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.usefixtures("only_account")
def test_the_pages_hang_together(api: Any, mirrored: Any, sandbox_account: TelnyxAccount) -> None:
    row, other = mirrored(), mirrored(name="other")
    for name in ("one", "two"):
        change_at_telnyx(sandbox_account, row.remote, application_name=name)
        change_at_telnyx(sandbox_account, other.remote, application_name=f"other {name}")
        pull(CALL_CONTROL, sandbox_account, PORTAL)
    page, seen = _history(api, row, page_size=1), []
    while True:
        seen += [entry["changes"].get("application_name") for entry in page["results"]]
        if page["next"] is None:
            break
        page = api.get(page["next"]).json()
    assert seen == [{"before": "one", "after": "two"}, {"before": "router", "after": "one"}, None]
    assert _back(api, page) == [{"before": "router", "after": "one"}]


def _back(api: Any, page: Any) -> list[Any]:
    return [entry["changes"].get("application_name") for entry in api.get(page["previous"]).json()["results"]]


@pytest.mark.usefixtures("only_account")
def test_the_history_of_a_deleted_one_is_asked_for_with_missing(api: Any, mirrored: Any) -> None:
    row = mirrored()
    delete_application(row, PORTAL)
    assert api.get(f"/api/v1/call-control-applications/{row.telnyx_id}/history/").status_code == 404
    newest = _history(api, row, missing="true")["results"][0]
    assert newest["reason"] == "deleted (portal)"
    assert newest["changes"]["missing_since"]["before"] is None


@pytest.mark.usefixtures("only_account")
def test_history_needs_scope_and_permission(user_with: Any, mirrored: Any) -> None:
    row = mirrored()
    address = f"/api/v1/call-control-applications/{row.telnyx_id}/history/"
    viewer = user_with("applications.view_callcontrolapplication")
    assert api_for(viewer, "applications:read").get(address).status_code == 200
    assert api_for(viewer, "calls:read").get(address).status_code == 403
    assert api_for(user_with(username="nobody"), "applications:read").get(address).status_code == 403


@pytest.mark.usefixtures("only_account")
def test_a_token_that_is_gone_leaves_its_name_in_the_history(api: Any, operator: Any, mirrored: Any) -> None:
    row = mirrored()
    address = f"/api/v1/call-control-applications/{row.telnyx_id}/"
    assert api.patch(address, {"application_name": "desk"}, format="json").status_code == 200
    ApiToken.objects.filter(user=operator).delete()
    newest = _history(api_for(operator), row)["results"][0]
    assert (newest["actor"], newest["token"]) == ("token: tests", None)


def test_the_schema_tells_what_an_entry_holds(api: Any) -> None:
    schema = json.loads(api.get("/api/schema/?format=json").content)
    operation = schema["paths"]["/api/v1/texml-applications/{id}/history/"]["get"]
    body = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    assert body == "#/components/schemas/PaginatedHistoryEntryList"
    told = {"id", "at", "type", "actor", "user", "token", "request_id", "reason", "changes"}
    assert set(schema["components"]["schemas"]["HistoryEntry"]["properties"]) == told


@pytest.mark.usefixtures("only_account")
def test_a_token_that_is_called_by_a_number_is_told_without_it(
    client: Client, operator: Any, user_with: Any, mirrored: Any
) -> None:
    row, (token, text) = mirrored(), ApiToken.make(operator, "+13125550123")
    answer = APIClient().patch(
        f"/api/v1/call-control-applications/{row.telnyx_id}/",
        {"application_name": "desk"},
        format="json",
        headers={"Authorization": f"Bearer {text}"},
    )
    assert answer.status_code == 200
    record = pull(CALL_CONTROL, row.account, Actor(f"token: {token}"))
    run = ApplyRun.objects.create(account=row.account, kind=CALL_CONTROL.slug, requested_by=f"token: {token}")
    looks = user_with(CALL_CONTROL.permission("view"), "applications.view_pull", "applications.view_applyrun")
    client.force_login(looks)
    history = reverse("admin:applications_callcontrolapplication_history", args=[row.pk])
    lists = [reverse(f"admin:applications_{name}_changelist") for name in ("pull", "applyrun")]
    pages = [history, *lists, reverse("admin:applications_pull_change", args=[record.pk])]
    answers = [client.get(address) for address in pages]
    rest = api_for(looks)
    answers += [rest.get(f"/api/v1/pulls/{record.pk}/"), rest.get(f"/api/v1/applies/{run.pk}/")]
    answers.append(rest.get(f"/api/v1/call-control-applications/{row.telnyx_id}/history/"))
    for shown in answers:
        told = shown.content.decode()
        assert ("token: +1312•••0123" in told, "5550123" in told) == (True, False), shown.request["PATH_INFO"]
