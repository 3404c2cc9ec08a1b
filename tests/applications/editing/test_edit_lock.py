"""Two people of this portal at once: the second sees what the first made, and nothing is lost."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from applications.editing import edit_lock
from applications.editing.service import update_application
from applications.models import CallControlApplication, EditLock, Intent
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.accounts import make_account
from tests.support.application_pages import drawn, page_url
from tests.support.applications import CALL_CONTROL, remote_of
from tests.support.rest import problem
from tests.support.sandbox_ledger import requests
from tests.support.under_way import Meanwhile

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(api: APIClient, *requests: tuple[str, dict[str, Any], dict[str, str]], method: str = "patch") -> list[int]:
    together = threading.Barrier(len(requests))

    def send(url: str, body: dict[str, Any], headers: dict[str, str]) -> int:
        client = APIClient()
        client.credentials(**api._credentials)
        together.wait()
        try:
            return getattr(client, method)(url, body, format="json", headers=headers).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(requests)) as people:
        return sorted(people.map(lambda one: send(*one), requests))


@pytest.mark.usefixtures("only_account")
def test_of_two_with_the_same_etag_one_is_told(api: APIClient, mirrored: Any) -> None:
    row = mirrored()
    url = f"/api/v1/call-control-applications/{row.telnyx_id}/"
    etag = {"If-Match": api.get(url)["ETag"]}
    names = [(url, {"application_name": name}, etag) for name in ("mine", "yours")]
    assert at_once(api, *names) == [200, 412]
    assert not EditLock.objects.exists()


@pytest.mark.usefixtures("only_account")
def test_two_members_of_one_object_both_arrive(api: APIClient, mirrored: Any) -> None:
    row = mirrored()
    url = f"/api/v1/call-control-applications/{row.telnyx_id}/"
    wishes = [{"inbound": {"channel_limit": 7}}, {"inbound": {"sip_subdomain": "desk"}}]
    assert at_once(api, *((url, wish, {}) for wish in wishes)) == [200, 200]
    inbound = remote_of(row)["inbound"]
    assert (inbound["channel_limit"], inbound["sip_subdomain"]) == (7, "desk")


@pytest.mark.usefixtures("only_account")
def test_of_two_who_create_at_once_none_takes_the_other_s_for_his(
    api: APIClient, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    sandbox.faults.add({"method": "POST", "path": "/call_control_applications", "fault": "act_then_cut"})
    new = {"application_name": "router", "webhook_event_url": "https://portal.example/"}
    wishes = [("/api/v1/call-control-applications/", new, {})] * 2
    assert at_once(api, *wishes, method="post") == [201, 201]
    made = {remote["id"] for remote in sandbox.store.applications("call_control_applications")}
    assert len(made) == 2
    assert made == {row.telnyx_id for row in CallControlApplication.objects.all()}
    assert not Intent.objects.exists()


@pytest.mark.usefixtures("only_account")
def test_a_form_that_is_sent_twice_at_once_makes_one(
    operator: User, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    tabs, together = [Client(), Client()], threading.Barrier(2)
    for tab in tabs:
        tab.force_login(operator)
    form = drawn(tabs[0], page_url("add")) | {"application_name": "router"}

    def press(tab: Client) -> str:
        together.wait()
        try:
            return str(tab.post(page_url("add"), form)["Location"])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as hands:
        assert len(set(hands.map(press, tabs))) == 1
    row = CallControlApplication.objects.get()
    assert [remote["id"] for remote in sandbox.store.applications("call_control_applications")] == [row.telnyx_id]
    page = tabs[0].post(page_url("add"), form, follow=True).content.decode()
    assert "This form had been sent before" in page
    for another in ({"application_name": "second"}, drawn(tabs[0], page_url("add")) | {"application_name": "router"}):
        assert tabs[0].post(page_url("add"), form | another).status_code == 302
    assert sorted(row.name for row in CallControlApplication.objects.all()) == ["router", "router", "second"]


@pytest.mark.usefixtures("only_account")
def test_who_creates_another_waits_for_nobody(
    api: APIClient, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edit_lock, "_PATIENCE_SECONDS", 0.2)
    there = {"webhook_event_url": "https://portal.example/"}
    new = {"application_name": "router", **there}
    texml = {"friendly_name": "router", "voice_url": "https://portal.example/"}
    with edit_lock.create_lock(CALL_CONTROL, sandbox_account, new):
        refused = api.post("/api/v1/call-control-applications/", new, format="json")
        others = [{"application_name": "another", **there}, new | {"webhook_event_url": "https://other.example/"}]
        made = [api.post("/api/v1/call-control-applications/", other, format="json") for other in others]
        made.append(api.post("/api/v1/texml-applications/", texml, format="json"))
        with edit_lock.create_lock(CALL_CONTROL, make_account("another"), new):
            pass
    assert "this name and address is still on its way" in problem(refused, 503, "telnyx_unavailable")["detail"]
    assert [answer.status_code for answer in made] == [201, 201, 201]


@pytest.mark.usefixtures("only_account")
def test_one_that_is_being_changed_is_waited_for_and_a_lock_that_was_left_behind_is_not(
    api: APIClient, mirrored: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edit_lock, "_PATIENCE_SECONDS", 0.2)
    row, other = mirrored(), mirrored(name="other")
    url = f"/api/v1/call-control-applications/{row.telnyx_id}/"
    for one in (row, other):
        until = timezone.now() + timedelta(seconds=30)
        EditLock.objects.create(subject=EditLock.subject_of(one), until=until)
    for refused in (api.patch(url, {"active": False}, format="json"), api.delete(url)):
        assert "change of this application is still on its way" in problem(refused, 503, "telnyx_unavailable")["detail"]
        assert refused["Retry-After"] == "2"
    assert (requests(sandbox, "PATCH", "DELETE"), EditLock.objects.count()) == ([], 2)
    mine = EditLock.objects.filter(subject=EditLock.subject_of(row))
    mine.update(until=timezone.now() - timedelta(seconds=1))
    assert api.patch(url, {"active": False}, format="json").status_code == 200
    assert EditLock.objects.get().subject == EditLock.subject_of(other)


@pytest.mark.usefixtures("only_account")
def test_a_lock_is_held_for_less_than_a_minute_by_whoever_does_not_give_it_back(
    mirrored: Any, meanwhile: Meanwhile
) -> None:
    row, left = mirrored(), list[float]()
    meanwhile.do("PATCH", lambda: left.append((EditLock.objects.get().until - timezone.now()).total_seconds()))
    update_application(row, {"active": False}, PORTAL)
    (seconds,) = left
    assert 10 < seconds <= 45
