"""Answers of Telnyx that do not hold the same members, and answers that are not Telnyx's."""

import hashlib
from typing import Any

import httpx
import pytest
from rest_framework.test import APIClient

from applications.mirror.answers import digest
from applications.mirror.store import Page, differences, known, news
from applications.models import Pull
from applications.pulls.listing import whole
from applications.pulls.pulls import pull
from portal import sql
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx.errors import UNREAD
from tests.support.applications import CALL_CONTROL, TEXML, at_telnyx, change_at_telnyx
from tests.support.rest import problem
from tests.support.sandbox_ledger import requests
from tests.support.telnyx_edits import edited, reasons
from tests.support.under_way import answers_like_a_proxy, answers_otherwise

pytestmark = pytest.mark.usefixtures("only_account")
KINDS = [CALL_CONTROL, TEXML]


@pytest.mark.usefixtures("differing")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_members_that_only_one_of_two_answers_has_are_no_change(
    api: APIClient, mirrored: Any, sandbox_account: TelnyxAccount, kind: Any
) -> None:
    row = mirrored(kind, anchorsite_override="Chicago, IL")
    url = f"/api/v1/{kind.slug}/{row.telnyx_id}/"
    etag = api.get(url)["ETag"]
    assert api.patch(url, {"dtmf_type": "Inband"}, format="json", headers={"If-Match": etag}).status_code == 200
    assert differences(kind, sandbox_account, whole(kind, sandbox_account)) == []
    record = pull(kind, sandbox_account, PORTAL)
    assert (record.updated, record.unchanged, reasons(row)) == (0, 1, ["changed (token: tests)", "pulled (portal)"])
    newest = api.get(f"{url}history/").json()["results"][0]
    assert set(newest["changes"]) == {"dtmf_type", "updated_at"}
    row.refresh_from_db()
    assert (row.anchorsite_override, row.inbound["shaken_stir_enabled"]) == ("Chicago, IL", False)
    assert row.remote["of_the_list"] == "only there"


@pytest.mark.usefixtures("differing")
def test_a_change_of_such_a_member_is_one(api: APIClient, mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored(anchorsite_override="Chicago, IL")
    url = f"/api/v1/call-control-applications/{row.telnyx_id}/"
    api.patch(url, {"dtmf_type": "Inband"}, format="json")
    edited(sandbox, row, {"anchorsite_override": "Ashburn, VA"})
    assert api.patch(url, {"anchorsite_override": "San Jose, CA"}, format="json").status_code == 200
    newest, theirs, *_ = api.get(f"{url}history/").json()["results"]
    assert (newest["changes"]["anchorsite_override"], theirs["changes"]["anchorsite_override"]) == (
        {"before": "Ashburn, VA", "after": "San Jose, CA"},
        {"before": "Chicago, IL", "after": "Ashburn, VA"},
    )


@pytest.mark.usefixtures("differing")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_what_only_the_single_answer_tells_outlives_a_change_that_the_list_tells(
    api: APIClient, mirrored: Any, sandbox: Sandbox, kind: Any
) -> None:
    row = mirrored(kind, anchorsite_override="Chicago, IL")
    api.patch(f"/api/v1/{kind.slug}/{row.telnyx_id}/", {"dtmf_type": "Inband"}, format="json")
    edited(sandbox, row, {"inbound": {"channel_limit": 4}}, kind=kind)
    assert pull(kind, row.account, PORTAL).updated == 1
    row.refresh_from_db()
    assert (row.inbound["channel_limit"], row.inbound["shaken_stir_enabled"]) == (4, False)
    assert (row.anchorsite_override, row.remote["inbound"]) == ("Chicago, IL", row.inbound)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_an_answer_to_a_read_without_what_was_asked_for_changed_nothing(
    api: APIClient, mirrored: Any, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    row = mirrored(kind)
    url = f"/api/v1/{kind.slug}/{row.telnyx_id}/"

    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        return httpx.Response(200, json={"data": "odd"}) if request.method == "GET" else None

    answers_otherwise(monkeypatch, change)
    for answer in (
        api.patch(url, {"active": False}, format="json"),
        api.get(f"{url}phone-numbers/"),
        api.post(f"{url}phone-numbers/n1/assign/"),
        api.get("/api/v1/outbound-voice-profiles/"),
        api.post(f"/api/v1/{kind.slug}/plan/", {"applications": []}, format="json"),
    ):
        assert problem(answer, 503, "telnyx_unavailable")["detail"] == UNREAD


@pytest.mark.parametrize("told", [None, [], {"application_name": "router"}, {"id": ""}, {"id": True}])
def test_an_answer_to_a_create_that_names_none_may_have_made_one_which_is_looked_for(
    api: APIClient, sandbox: Sandbox, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, told: Any
) -> None:
    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        return httpx.Response(200, json={"data": told}) if request.method == "POST" else None

    answers_otherwise(monkeypatch, change)
    new = {"application_name": "router", "webhook_event_url": "https://portal.example/"}
    answer = api.post("/api/v1/call-control-applications/", new, format="json")
    (made,) = sandbox.store.applications(CALL_CONTROL.resource)
    assert (answer.status_code, answer.json()["id"]) == (201, made["id"])
    assert "taken over" in answer.json()["warnings"][0]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_a_page_of_a_proxy_makes_nothing_missing(
    api: APIClient, mirrored: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    row = mirrored(kind)
    url = f"/api/v1/{kind.slug}/{row.telnyx_id}/"
    with monkeypatch.context() as proxied:
        answers_like_a_proxy(proxied, "GET")
        assert api.patch(url, {"active": False}, format="json").status_code not in {200, 404}
        assert pull(kind, row.account, PORTAL).state == Pull.State.FAILED
    with monkeypatch.context() as proxied:
        answers_like_a_proxy(proxied, "DELETE")
        assert api.delete(url).status_code not in {204, 404}
    row.refresh_from_db()
    assert (row.missing_since, reasons(row)) == (None, ["pulled (portal)"])


def test_one_that_the_list_leaves_out_is_not_missing_by_a_page_of_a_proxy(
    mirrored: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = mirrored()
    at_telnyx(sandbox_account, name="stays")
    sandbox.store.delete_application(row.telnyx_id)

    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        return httpx.Response(404, content=b"<html>") if row.telnyx_id in request.url.path else None

    with monkeypatch.context() as proxied:
        answers_otherwise(proxied, change)
        record = pull(CALL_CONTROL, sandbox_account, PORTAL)
    row.refresh_from_db()
    assert (record.missing, row.missing_since, record.errors[0]["id"]) == (0, None, row.telnyx_id)
    assert pull(CALL_CONTROL, sandbox_account, PORTAL).missing == 1


def test_one_in_work_is_left_to_who_works_on_it(
    mirrored: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount, api: APIClient, meanwhile: Any
) -> None:
    row = mirrored()
    meanwhile.do("DELETE", lambda: pull(CALL_CONTROL, sandbox_account, PORTAL, accept_missing=True))
    assert api.delete(f"/api/v1/call-control-applications/{row.telnyx_id}/").status_code == 204
    assert reasons(row) == ["deleted (token: tests)", "pulled (portal)"]
    assert [line["method"] for line in requests(sandbox, "DELETE")] == ["DELETE"]


def test_a_change_of_nothing_but_its_time_is_kept(mirrored: Any, sandbox_account: TelnyxAccount) -> None:
    row = mirrored()
    change_at_telnyx(sandbox_account, row.remote)
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    row.refresh_from_db()
    assert len(reasons(row)) == 2
    assert row.remote_digest == row.history.first().remote_digest


def test_an_answer_is_known_by_what_it_tells_in_whatever_order(mirrored: Any) -> None:
    row = mirrored()
    inbound = dict(reversed(row.remote["inbound"].items()))
    remote = dict(reversed((row.remote | {"inbound": inbound}).items()))
    page = Page(sql.clock(), {row.telnyx_id: remote}, [])
    assert news(page, known(CALL_CONTROL, row.account)).remotes == {}
    written = b'{"active":false,"name":"\\u00e4","tags":[0,null]}'
    assert digest({"tags": [0, None], "name": "ä", "active": False}) == hashlib.sha256(written).hexdigest()
