"""Who tries passwords is stopped, and stops nobody else by it."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client, RequestFactory
from django.utils import timezone

from portal.admin import sign_in
from portal.models import AuditEvent, TelnyxAccount
from portal.tasks import clean_up
from tests.support.accounts import make_account
from tests.support.call_pages import LOG
from tests.support.call_pages import page as page_of
from tests.support.factories import make_call
from voice.models import CallNote

PASSWORD = "a long enough password"
LIMIT = settings.AXES_FAILURE_LIMIT
HERE, ELSEWHERE = "203.0.113.7", "198.51.100.9"


def attempt(client: Client, name: str = "operator", password: str = "wrong", address: str = HERE):
    return client.post("/admin/login/", {"username": name, "password": password}, REMOTE_ADDR=address)


def fail(times: int, name: str = "operator", address: str = HERE) -> None:
    for _ in range(times):
        attempt(Client(), name, address=address)


def test_an_account_is_tried_so_often_from_wherever(client, operator):
    for at in range(LIMIT):
        fail(1, address=f"192.0.2.{at}")
    answer = attempt(client, password=PASSWORD, address=ELSEWHERE)
    assert (answer.status_code, answer["Retry-After"]) == (429, "900")
    assert "Too many attempts" in answer.content.decode()
    assert not client.session.get("_auth_user_id")


def test_an_address_tries_so_often_whatever_the_account(client, operator):
    for at in range(LIMIT):
        fail(1, name=f"name{at}")
    assert attempt(client, password=PASSWORD).status_code == 429
    assert attempt(client, password=PASSWORD, address=ELSEWHERE).status_code == 302


def test_of_ipv6_it_is_the_network_that_tries(client, operator):
    for at in range(LIMIT):
        fail(1, name=f"name{at}", address=f"2001:db8:1:2::{at + 1}")
    assert attempt(client, password=PASSWORD, address="2001:db8:1:2:ffff::1").status_code == 429
    assert attempt(client, password=PASSWORD, address="2001:db8:1:3::1").status_code == 302


def test_behind_a_proxy_that_tells_no_address_nobody_stands_for_everybody(client, operator):
    for at in range(LIMIT):
        fail(1, name=f"name{at}", address="127.0.0.1")
    assert attempt(client, password=PASSWORD, address="127.0.0.1").status_code == 302


@pytest.mark.parametrize("others", [ELSEWHERE, HERE])  # and where all come by one address, as behind a proxy
def test_a_browser_that_has_signed_in_is_not_locked_out_by_others(client, operator, others):
    assert attempt(client, password=PASSWORD).status_code == 302
    client.post("/admin/logout/")
    fail(2 * LIMIT, address=others)
    fail(2 * LIMIT, name=" operator", address=others)
    fail(2 * LIMIT, name="somebody else")
    assert attempt(client, password=PASSWORD).status_code == 302
    client.post("/admin/logout/")
    for at in range(LIMIT):  # its own count, all the same, and wherever it is
        attempt(client, address=f"192.0.2.{at}")
    assert attempt(client, password=PASSWORD).status_code == 429


def test_what_a_browser_keeps_is_for_its_own_account_and_cannot_be_made_up(client, operator):
    User.objects.create_superuser("ada", password=PASSWORD)
    assert attempt(client, "ada", PASSWORD).status_code == 302
    cookie = client.cookies["portal_known"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/admin/login/")
    assert "ada" not in cookie.value
    client.post("/admin/logout/")
    fail(LIMIT, address=ELSEWHERE)
    assert attempt(client, password=PASSWORD).status_code == 429
    client.cookies["portal_known"] = "operator"
    assert attempt(client, password=PASSWORD).status_code == 429


def test_the_lock_opens_by_itself_and_trying_on_does_not_prolong_it(client, operator, monkeypatch):
    fail(LIMIT + 5, address=ELSEWHERE)
    assert attempt(client, password=PASSWORD).status_code == 429
    later = timezone.now() + settings.AXES_COOLOFF_TIME
    monkeypatch.setattr("axes.attempts.now", lambda: later)
    monkeypatch.setattr("axes.handlers.proxy.now", lambda: later)
    assert attempt(client, password=PASSWORD).status_code == 302


def test_an_account_that_does_not_exist_is_answered_alike(client, operator):
    told = [attempt(Client(), name).content.decode() for name in ("operator", "nobody")]
    assert told[0].count("Please enter the correct") == told[1].count("Please enter the correct") == 1
    fail(LIMIT, name="nobody", address=ELSEWHERE)
    fail(LIMIT, name="operator", address="192.0.2.1")
    assert [attempt(Client(), name, PASSWORD).status_code for name in ("operator", "nobody")] == [429, 429]


def test_failures_are_in_the_trail_and_in_the_log_with_their_address(client, operator, caplog):
    attempt(client)
    event = AuditEvent.objects.get()
    assert (event.actor, event.action, event.object_label) == ("nobody signed in", "sign-in.failed", "operator")
    assert event.address == HERE
    attempt(client, name="hunter2, typed into the wrong field")
    assert "hunter2" not in str(list(AuditEvent.objects.values()))
    lines = [record.msg for record in caplog.records if record.name == sign_in.__name__]
    assert [(line["address"], line["user"]) for line in lines] == [(HERE, "operator"), (HERE, None)]
    assert "hunter2" not in caplog.text


def test_somebody_signed_in_who_tries_another_account_is_noted_too(browser, operator):
    User.objects.create_superuser("ada", password=PASSWORD)
    assert attempt(browser, "ada").status_code == 200
    event = AuditEvent.objects.get()
    assert (event.action, event.object_label) == ("sign-in.failed", "ada")
    assert "portal_known" not in browser.cookies


def test_a_block_is_noted_once(client, operator):
    fail(LIMIT + 5)
    actions = list(AuditEvent.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["sign-in.failed"] * (LIMIT - 1) + ["sign-in.blocked"]


def test_a_form_without_a_password_is_no_attempt(client, operator):
    for _ in range(LIMIT + 1):
        client.post("/admin/login/", {"username": "operator", "password": ""})
    assert not AuditEvent.objects.exists()
    assert attempt(client, password=PASSWORD).status_code == 302


@pytest.mark.parametrize(("trusted", "address"), [(True, "203.0.113.7"), (False, "127.0.0.1")])
def test_an_address_is_the_proxys_word_only_if_that_is_trusted(rf: RequestFactory, settings, trusted, address):
    settings.TRUST_PROXY = trusted
    request = rf.get("/", headers={"X-Forwarded-For": "192.0.2.1, 203.0.113.7"})
    assert sign_in.counted_address(request) == address


def test_a_socket_of_this_machine_has_this_machines_address(rf: RequestFactory):
    assert sign_in.counted_address(rf.get("/", REMOTE_ADDR="")) == "127.0.0.1"


def test_a_name_that_everybody_tries_is_warned_of_once_there_is_something_to_guard(client, account):
    admin = User.objects.create_superuser("admin", password=PASSWORD)
    assert "Choose another one" not in attempt_and_look(client)
    make_account("live", base_url="https://api.telnyx.com/v2")
    page = attempt_and_look(client)
    assert "Choose another one" in page
    assert f"/admin/auth/user/{admin.pk}/change/" in page


def test_who_may_not_change_a_name_that_everybody_tries_is_led_to_no_page_that_refuses_them(
    client: Client, user_with: Any
) -> None:
    person = user_with("voice.view_call", username="admin")
    make_account("live", base_url="https://api.telnyx.com/v2")
    page = attempt_and_look(client)
    assert "tries the name admin. Ask who manages users for another one." in page
    assert f"/admin/auth/user/{person.pk}/" not in page


def attempt_and_look(client: Client) -> str:
    assert attempt(client, "admin", PASSWORD).status_code == 302
    return str(client.get("/admin/").content.decode())


def test_sessions_that_are_over_are_deleted_in_portions(browser, operator, monkeypatch):
    here = browser.cookies["sessionid"].value
    for _ in range(3):
        elsewhere = Client()
        elsewhere.force_login(operator)
        key = elsewhere.cookies["sessionid"].value
        Session.objects.filter(pk=key).update(expire_date=timezone.now() - timedelta(seconds=1))
    monkeypatch.setattr(sign_in, "_MOST_SESSIONS", 2)
    clean_up()
    assert Session.objects.count() == 2
    clean_up()
    assert [session.pk for session in Session.objects.all()] == [here]
    assert browser.get("/admin/").status_code == 200


def test_who_is_signed_out_while_a_page_is_open_is_led_to_the_sign_in_and_back(browser: Client, operator: User) -> None:
    lines = "/admin/applications/callcontrolapplication/pulls/"
    page = "/admin/applications/callcontrolapplication/?q=desk"
    asked = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{page}"}
    assert "HX-Redirect" not in browser.get(lines, headers=asked)
    Session.objects.all().delete()
    answer = browser.get(lines, headers=asked)
    assert (answer.status_code, answer.content) == (200, b"")
    back = Client().post(answer["HX-Redirect"], {"username": "operator", "password": PASSWORD})
    assert (back.status_code, back["Location"]) == (302, page)
    assert browser.get(lines, headers={"HX-Request": "true"})["HX-Redirect"] == "/admin/login/?next=/admin/"
    assert browser.get(lines).status_code == 302  # who asks for a page is led to it as ever


def test_what_is_sent_after_the_session_has_ended_is_told_to_be_lost_on_the_page_that_it_was_sent_from(
    browser: Client, account: TelnyxAccount
) -> None:
    call = make_call(account)
    page, told = page_of(call), "You were signed out: what you sent was not taken."
    Session.objects.all().delete()
    note = {"text": "Called back."}
    answer = browser.post(page_of(call, "note"), note, headers={"Referer": f"http://testserver{page}"})
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/login/?next={page}&untaken=1")
    form = f'action="/admin/login/?next={page}&amp;untaken=1"'  # the browser's answer says it once more
    assert form in browser.get(answer["Location"]).content.decode()
    back = browser.post(answer["Location"], {"username": "operator", "password": PASSWORD}, follow=True)
    assert (back.status_code, back.redirect_chain) == (200, [(page, 302)])
    assert told in back.content.decode()
    assert told not in browser.get(page).content.decode()
    assert not CallNote.objects.exists()


@pytest.mark.parametrize(
    "page",
    [
        *("", "http://[", "/admin", "//elsewhere.example/admin/", "http://elsewhere.example/admin/"),
        *("http://testserver//elsewhere.example/", "http://testserver/api/docs/", "http://testserver:80@x/admin/"),
    ],
)
def test_who_sent_something_from_no_page_of_the_admin_is_led_to_its_home(client: Client, db: None, page: str) -> None:
    answer = client.post("/admin/password_change/", headers={"Referer": page})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/login/?next=/admin/&untaken=1")


@pytest.mark.parametrize("name", ["many", "ask-telnyx"])
def test_who_signs_in_again_on_a_page_that_a_form_has_opened_comes_to_the_list_that_it_belongs_to(
    browser: Client, account: TelnyxAccount, name: str
) -> None:
    page = f"{LOG}{name}/"
    call = make_call(account)
    assert browser.post(page, {"scope": "picked", "call": [call.pk]}).status_code == 200
    Session.objects.all().delete()
    answer = browser.post(page, {"do": "tag"}, headers={"Referer": f"http://testserver{page}"})
    assert answer["Location"] == f"/admin/login/?next={page}&untaken=1"
    signed_out_at = {"Referer": f"http://testserver{answer['Location']}"}
    person = {"username": "operator", "password": PASSWORD}
    back = browser.post(answer["Location"], person, follow=True, headers=signed_out_at)
    assert (back.status_code, [at for at, _ in back.redirect_chain]) == (200, [page, LOG])
    assert "You were signed out: what you sent was not taken." in back.content.decode()
    assert browser.get(page).status_code == 405  # whoever comes from elsewhere


def test_who_signs_out_twice_or_is_no_staff_has_sent_nothing_that_was_lost(client: Client, db: None) -> None:
    assert client.post("/admin/logout/")["Location"] == "/admin/"
    client.force_login(User.objects.create_user("guest", password=PASSWORD))
    assert client.post("/admin/password_change/")["Location"] == "/admin/login/?next=/admin/password_change/"
