"""Users and groups are kept by the portal's own pages, and it is noted what is done to them."""

from django.contrib.auth.models import Group, User

from portal.actors import Actor
from portal.models import AuditEvent


def test_users_and_groups_are_on_unfold_and_what_is_done_to_them_is_audited(browser):
    form = {
        "username": "ada",
        "usable_password": "true",
        "password1": "a long enough one",
        "password2": "a long enough one",
    }
    assert browser.post("/admin/auth/user/add/", form).status_code == 302
    assert User.objects.get(username="ada").check_password("a long enough one")
    assert browser.post("/admin/auth/group/add/", {"name": "Night shift"}).status_code == 302
    assert Group.objects.filter(name="Night shift").exists()
    assert AuditEvent.objects.filter(action__in=["user.create", "group.create"]).count() == 2
    assert "a long enough one" not in str(list(AuditEvent.objects.values()))


def test_signing_in_is_audited_and_a_wrong_password_is_no_sign_in(client, operator):
    client.post("/admin/login/", {"username": "operator", "password": "wrong"})
    assert not AuditEvent.objects.filter(action="sign-in").exists()
    client.post("/admin/login/", {"username": "operator", "password": "a long enough password"})
    event = AuditEvent.objects.get(action="sign-in")
    assert (event.actor, event.action, event.user) == ("user: operator", "sign-in", operator)
    client.get("/admin/login/")
    assert AuditEvent.objects.filter(action__startswith="sign-in").count() == 2


def test_a_wrong_password_and_a_sign_out_are_in_the_trail_with_their_address(client, operator):
    client.post("/admin/login/", {"username": "operator", "password": "wrong"}, REMOTE_ADDR="192.0.2.7")
    client.post("/admin/login/", {"username": "\0x", "password": "wrong"})
    client.force_login(operator)
    assert client.post("/admin/logout/").status_code in {200, 302}
    told = AuditEvent.objects.order_by("id").values_list("action", "actor", "object_label", "address")
    assert list(told) == [
        ("sign-in.failed", "nobody signed in", "operator", "192.0.2.7"),
        ("sign-in.failed", "nobody signed in", "x", "127.0.0.1"),
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


def test_whoever_deletes_himself_is_still_in_the_trail(browser, operator):
    User.objects.create_superuser("second")
    assert browser.post(f"/admin/auth/user/{operator.pk}/delete/", {"post": "yes"}).status_code == 302
    note = AuditEvent.objects.get(action="user.delete")
    assert (note.actor, note.object_label, note.user) == ("user: operator", "operator", None)
