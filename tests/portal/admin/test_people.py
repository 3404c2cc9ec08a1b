"""Users and groups are kept by the portal's own pages, and it is noted what is done to them."""

from typing import Any

import pytest
from django.contrib.admin import ModelAdmin
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import Group, Permission, User
from django.db import DatabaseError, connection
from django.test import Client
from rest_framework.test import APIClient

from portal.actors import Actor
from portal.models import ApiToken, AuditEvent
from voice.models import Limits

ADD = "/admin/auth/user/add/"


def new_user(**more):
    """What the form for a new user posts."""
    password = "a long enough one"
    return {"username": "ada", "usable_password": "true", "password1": password, "password2": password} | more


def test_a_new_user_signs_in_and_may_do_what_the_role_may(browser):
    assert browser.post(ADD, new_user(role=Group.objects.get(name="Support").pk)).status_code == 302
    theirs = Client()
    told = {"username": "ada", "password": "a long enough one", "next": "/admin/"}
    assert theirs.post("/admin/login/", told).status_code == 302
    assert theirs.get("/admin/voice/call/").status_code == 200
    assert theirs.get("/admin/auth/user/").status_code == 403


def test_a_user_without_a_role_is_not_made_and_the_field_says_so(browser):
    page = browser.post(ADD, new_user()).content.decode()
    assert "This field is required." in page
    assert '<select name="role"' in " ".join(page.split())
    assert not User.objects.filter(username="ada").exists()


def test_who_may_add_people_and_not_change_them_is_offered_no_page_that_refuses_them(
    client: Client, user_with: Any
) -> None:
    """Django's page for a new person takes both rights: else one could make a person who may do more."""
    adds = ("auth.view_user", "auth.add_user")
    for person, offered in ((user_with(*adds), False), (user_with(*adds, "auth.change_user", username="boss"), True)):
        client.force_login(person)
        assert client.get(ADD).status_code == (200 if offered else 403)
        for page in ("/admin/auth/user/", "/admin/search/?q=invite"):
            assert (ADD in client.get(page).content.decode()) == offered, page


def test_when_somebody_came_and_was_here_last_is_shown_and_not_edited(browser, user_with):
    ada = user_with("Support", username="ada")
    page = browser.get(f"/admin/auth/user/{ada.pk}/change/").content.decode()
    assert "Last login" in page
    assert 'name="last_login' not in page
    assert 'name="date_joined' not in page
    form = {"username": "ada", "is_active": "on", "is_staff": "on", "groups": [Group.objects.get(name="Support").pk]}
    form |= {"last_login_0": "2020-01-01", "last_login_1": "00:00:00"}
    form |= {"date_joined_0": "2020-01-01", "date_joined_1": "00:00:00"}
    assert browser.post(f"/admin/auth/user/{ada.pk}/change/", form).status_code == 302
    joined = ada.date_joined
    ada.refresh_from_db()
    assert (ada.last_login, ada.date_joined) == (None, joined)


def test_users_and_groups_are_on_unfold_and_what_is_done_to_them_is_audited(browser):
    role = Group.objects.get(name="Operators").pk
    assert browser.post(ADD, new_user(role=role)).status_code == 302
    assert User.objects.get(username="ada").check_password("a long enough one")
    assert browser.post("/admin/auth/group/add/", {"name": "Night shift"}).status_code == 302
    assert Group.objects.filter(name="Night shift").exists()
    assert AuditEvent.objects.filter(action__in=["user.create", "group.create"]).count() == 2
    assert AuditEvent.objects.get(action="user.create").details["now"] == {
        "username": "ada",
        "is_active": True,
        "is_staff": True,
        "is_superuser": False,
        "groups": ["Operators"],
    }
    assert "a long enough one" not in str(list(AuditEvent.objects.values()))


def test_the_trail_says_what_a_new_group_may_do(browser):
    look = Permission.objects.get(codename="view_call")
    form = {"name": "Night shift", "permissions": [look.pk]}
    assert browser.post("/admin/auth/group/add/", form).status_code == 302
    told = AuditEvent.objects.get(action="group.create")
    assert told.details["now"] == {"name": "Night shift", "permissions": ["Voice | call | Can view call"]}
    assert "Can view call" in browser.get(f"/admin/portal/auditevent/{told.pk}/change/").content.decode()


def test_signing_in_is_audited_and_a_wrong_password_is_no_sign_in(client, operator):
    client.post("/admin/login/", {"username": "operator", "password": "wrong"})
    assert not AuditEvent.objects.filter(action="sign-in").exists()
    client.post("/admin/login/", {"username": "operator", "password": "a long enough password"})
    event = AuditEvent.objects.get(action="sign-in")
    assert (event.actor, event.user, event.address) == ("user: operator", operator, "127.0.0.1")
    client.get("/admin/login/")
    assert AuditEvent.objects.filter(action__startswith="sign-in").count() == 2


def test_a_wrong_password_and_a_sign_out_are_in_the_trail_with_their_address(client, operator):
    client.post("/admin/login/", {"username": "operator", "password": "wrong"}, REMOTE_ADDR="192.0.2.7")
    client.post("/admin/login/", {"username": "a password, typed too early", "password": "wrong"})
    client.force_login(operator)
    assert client.post("/admin/logout/").status_code in {200, 302}
    told = AuditEvent.objects.order_by("id").values_list("action", "actor", "object_label", "address")
    assert list(told) == [
        ("sign-in.failed", "nobody signed in", "operator", "192.0.2.7"),
        ("sign-in.failed", "nobody signed in", "", "127.0.0.1"),
        ("sign-out", "user: operator", "", "127.0.0.1"),
    ]


def test_deleting_people_is_audited_and_takes_nothing_out_of_the_trail(browser, user_with):
    ada = user_with("voice.dial", username="ada")
    AuditEvent.note(Actor("user: ada", user=ada), "call.dial", ada)
    group = Group.objects.create(name="Night shift")
    for kind, row in (("user", ada), ("group", group)):
        url = f"/admin/auth/{kind}/{row.pk}/delete/"
        assert browser.get(url).status_code == 200
        assert browser.post(url, {"post": "yes"}).status_code == 302
    assert not User.objects.filter(username="ada").exists()
    assert not Group.objects.filter(name="Night shift").exists()
    noted = AuditEvent.objects.filter(action__endswith=".delete").values_list("action", "actor", "object_label")
    assert set(noted) == {
        ("user.delete", "user: operator", "ada"),
        ("group.delete", "user: operator", "Night shift"),
    }
    former = AuditEvent.objects.get(action="call.dial")
    assert (former.actor, former.user, former.object_label) == ("user: ada", None, "ada")


@pytest.mark.parametrize("kind", ["user", "group", "account", "limits"])
def test_what_somebody_else_deletes_meanwhile_is_not_noted_twice(browser, user_with, account, monkeypatch, kind):
    row, address = {
        "user": lambda: (user_with(username="ada"), "auth/user"),
        "group": lambda: (Group.objects.create(name="Night shift"), "auth/group"),
        "account": lambda: (account, "portal/telnyxaccount"),
        "limits": lambda: (Limits.objects.create(token=ApiToken.make(user_with(), "ci")[0]), "voice/limits"),
    }[kind]()
    # the last thing that is done before
    monkeypatch.setattr(
        ModelAdmin, "log_deletions", lambda admin, request, rows: type(row).objects.get(pk=row.pk).delete()
    )
    assert browser.post(f"/admin/{address}/{row.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not type(row).objects.filter(pk=row.pk).exists()
    assert not AuditEvent.objects.filter(action__endswith=".delete").exists()


def test_with_a_person_go_their_tokens_which_work_no_more(client, user_with):
    ada = user_with("voice.view_call", username="ada")
    _, text = ApiToken.make(ada, "script", [])
    url = f"/admin/auth/user/{ada.pk}/delete/"
    client.force_login(user_with("auth.view_user", username="reader"))
    assert client.post(url, {"post": "yes"}).status_code == 403
    client.force_login(user_with("auth.view_user", "auth.delete_user", username="boss"))
    assert "script" in client.get(url).content.decode()
    assert client.post(url, {"post": "yes"}).status_code == 302
    assert not ApiToken.objects.exists()
    assert APIClient().get("/api/v1/calls/", headers={"Authorization": f"Bearer {text}"}).status_code == 401


def test_whoever_deletes_himself_is_still_in_the_trail(browser, operator):
    User.objects.create_superuser("second")
    assert browser.post(f"/admin/auth/user/{operator.pk}/delete/", {"post": "yes"}).status_code == 302
    note = AuditEvent.objects.get(action="user.delete")
    assert (note.actor, note.object_label, note.user) == ("user: operator", "operator", None)


def test_a_new_password_ends_every_session_but_the_one_that_set_it(browser, operator):
    elsewhere = Client()
    elsewhere.force_login(operator)
    new = {
        "old_password": "a long enough password",
        "new_password1": "an even better one",
        "new_password2": "an even better one",
    }
    assert browser.post("/admin/password_change/", new).status_code == 302
    assert browser.get("/admin/").status_code == 200
    assert elsewhere.get("/admin/").status_code == 302


OWN = {
    "old_password": "a long enough password",
    "new_password1": "an even better one",
    "new_password2": "an even better one",
}
OF_ADA = {"usable_password": "true", "password1": "an even better one", "password2": "an even better one"}


def password_page(whose, ada):
    """Where one's own password is changed, or ada's, and what is posted there."""
    return ("/admin/password_change/", OWN) if whose == "own" else (f"/admin/auth/user/{ada.pk}/password/", OF_ADA)


def test_a_new_password_is_in_the_trail_whoever_set_it(browser, operator, user_with):
    ada = user_with(username="ada")
    assert browser.post("/admin/password_change/", OWN | {"old_password": "wrong"}).status_code == 200
    assert browser.get("/admin/password_change/").status_code == 200
    assert not AuditEvent.objects.exists()
    assert browser.post("/admin/password_change/", OWN).status_code == 302
    assert browser.post(f"/admin/auth/user/{ada.pk}/password/", OF_ADA).status_code == 302
    own, others = AuditEvent.objects.order_by("id")
    assert (own.action, own.actor, own.object_label) == ("password.change", "user: operator", "operator")
    assert (others.action, others.actor, others.object_label) == ("user.update", "user: operator", "ada")
    assert "better" not in str(list(AuditEvent.objects.values()))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("whose", ["own", "ada's"])
def test_a_password_of_which_the_trail_cannot_tell_stays_as_it_was(browser, operator, user_with, whose):
    ada = user_with(username="ada")
    url, new = password_page(whose, ada)

    def no_trail(execute, sql, *rest):
        if 'INSERT INTO "portal_auditevent"' in sql:
            raise DatabaseError("the disk is full")
        return execute(sql, *rest)

    with connection.execute_wrapper(no_trail), pytest.raises(DatabaseError, match="disk is full"):
        browser.post(url, new)
    assert all(one.check_password("a long enough password") for one in User.objects.all())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("whose", ["own", "ada's", "a new person's"])
def test_no_password_is_hashed_within_a_transaction_which_on_sqlite_all_others_wait_for(
    browser, user_with, monkeypatch, whose
):
    (url, new), hashed = password_page(whose, user_with(username="ada")), []
    if whose == "a new person's":
        url, new = ADD, new_user(username="eve", role=Group.objects.create(name="Crew").pk)
    encode = MD5PasswordHasher.encode

    def noted(*args):
        hashed.append(connection.in_atomic_block)
        return encode(*args)

    monkeypatch.setattr(MD5PasswordHasher, "encode", noted)
    assert browser.post(url, new).status_code == 302
    assert hashed == ([False, False] if whose == "own" else [False])


@pytest.mark.parametrize(("whose", "name", "status"), [("own", "operator", 302), ("ada's", "ada", 404)])
def test_who_is_deleted_while_their_password_is_hashed_has_none(browser, user_with, monkeypatch, whose, name, status):
    url, new = password_page(whose, user_with(username="ada"))
    encode = MD5PasswordHasher.encode

    def meanwhile(hasher, password, *args):
        if password == "an even better one":
            User.objects.filter(username=name).delete()
        return encode(hasher, password, *args)

    monkeypatch.setattr(MD5PasswordHasher, "encode", meanwhile)
    answer = browser.post(url, new)
    assert (answer.status_code, answer.get("Location")) == (status, "/admin/login/" if status == 302 else None)
    assert not User.objects.filter(username=name).exists()
    assert not AuditEvent.objects.exists()


def test_a_password_that_somebody_else_sets_ends_every_session(browser, user_with):
    ada, elsewhere = user_with(username="ada"), Client()
    elsewhere.force_login(ada)
    new = {"usable_password": "true", "password1": "an even better one", "password2": "an even better one"}
    assert browser.post(f"/admin/auth/user/{ada.pk}/password/", new).status_code == 302
    assert elsewhere.get("/admin/").status_code == 302


@pytest.mark.parametrize("password", ["elevenchars", "password1234", "Dragon!dragon!", "123456789012"])
@pytest.mark.parametrize("url", ["/admin/auth/user/{}/password/", "/admin/auth/user/add/", "/admin/password_change/"])
def test_a_password_is_long_not_common_and_not_the_name(browser, operator, url, password):
    typed = dict.fromkeys(("password1", "password2", "new_password1", "new_password2"), password)
    typed |= {"usable_password": "true", "username": "operator2", "old_password": "a long enough password"}
    answer = browser.post(url.format(operator.pk), typed)
    assert answer.status_code == 200
    assert User.objects.get().check_password("a long enough password")


def test_signing_out_ends_the_session_and_so_does_taking_the_account_away(browser, operator, user_with):
    session = browser.cookies["sessionid"].value
    assert browser.post("/admin/logout/").status_code in {200, 302}
    browser.cookies["sessionid"] = session
    assert browser.get("/admin/").status_code == 302
    browser.force_login(operator)
    User.objects.update(is_active=False)
    assert browser.get("/admin/").status_code == 302
