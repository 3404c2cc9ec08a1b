"""The site opens no page by being staff alone."""

import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.urls import reverse

from portal.models import ApiToken, AuditEvent

ACCOUNTS = "/admin/portal/telnyxaccount/"
TOKENS = "/admin/portal/apitoken/"


# Pages of the site itself, which show a person nothing but what their permissions already let them see.
OPEN = {"index", "login", "logout", "password_change", "password_change_done", "jsi18n", "search"}
# Everybody's own: what they may see is found (tests/portal/finder), how they read times, the handbook.
OPEN |= {"portal_search", "portal_preferences", "portal_handbook_first"}


# The lists that open by another right than the one to view their rows.
OTHER_RIGHTS = {"voice.replay": "voice.replay_event"}
NO_ROW = "00000000-0000-0000-0000-000000000000"


def every_admin_page(rows: dict[str, object]) -> list[str]:
    """The address of every page the admin site serves, with the id of one of ``rows`` wherever a page takes one."""
    known = {"content_type_id": "1", "app_label": "portal", "url": "nowhere"}
    found = []
    for pattern in _flat(admin.site.urls[0]):
        if pattern.name and pattern.name not in OPEN:
            row = next((row for model, row in rows.items() if pattern.name.startswith(model)), NO_ROW)
            key, regex = str(getattr(row, "pk", row)), pattern.pattern.regex
            values = {name: known.get(name, key) for name in regex.groupindex}
            if "[0-9]+" in regex.pattern and row is NO_ROW:  # a row whose key is a number
                values = dict.fromkeys(values, 10**9)
            nameless = [] if values else [key, "1"][: regex.groups]  # the second: a version in the history
            found.append(reverse(f"admin:{pattern.name}", args=nameless, kwargs=values))
    return found


def _flat(patterns):
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from _flat(pattern.url_patterns)
        else:
            yield pattern


@pytest.mark.parametrize("method", ["get", "post"])
def test_no_admin_page_opens_for_staff_without_permissions(client, user_with, account, method):
    person = user_with()
    client.force_login(person)
    note = AuditEvent.objects.create(actor="portal", action="test")
    rows = {
        "portal_telnyxaccount": account,
        "portal_apitoken": ApiToken.make(person, "ci")[0],
        "portal_auditevent": note,
    }
    pages = every_admin_page(rows | {"auth_user": person, "auth_group": Group.objects.create(name="Night shift")})
    answers = {path: getattr(client, method)(path) for path in pages}
    opened = {path: answer.status_code for path, answer in answers.items() if answer.status_code not in {403, 404, 405}}
    # Django sends whoever asks for a row that is not there home, before it looks at permissions
    home = [path for path, status in opened.items() if status == 302 and (NO_ROW in path or str(10**9) in path)]
    assert {path: status for path, status in opened.items() if path not in home} == {}
    assert sum(answer.status_code == 403 for answer in answers.values()) > 25


def test_every_page_that_stays_shut_for_staff_opens_for_an_administrator(browser, operator, account):
    """Else the walk above would pass on pages that are merely missing."""
    for model in admin.site._registry:
        assert browser.get(reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")).status_code == 200


@pytest.mark.parametrize("model", sorted(model._meta.label_lower for model in admin.site._registry))
def test_each_list_opens_by_the_right_to_view_it_alone(client, user_with, account, model):
    app, _, name = model.partition(".")
    listing = reverse(f"admin:{app}_{name}_changelist")
    right = OTHER_RIGHTS.get(model, f"{app}.view_{name}")
    opening = (right.partition(".")[2], f"change_{name}")  # who may change it may look as well
    every = Permission.objects.exclude(content_type__app_label=app, codename__in=opening)
    without = user_with(username="without")
    without.user_permissions.set(every)
    client.force_login(without)
    assert client.get(listing).status_code == 403
    client.force_login(user_with(right, username="viewer"))
    assert client.get(listing).status_code == 200


def test_home_shows_staff_without_permissions_nothing_private(client, user_with, account):
    client.force_login(user_with())
    page = client.get("/admin/")
    assert page.status_code == 200
    text = page.content.decode()
    assert account.name not in re.sub(r"<[^>]*>", " ", text).split()
    assert account.webhook_token not in text
    assert ACCOUNTS not in text
    assert TOKENS not in text


@pytest.mark.parametrize("path", ["/admin/", ACCOUNTS, f"{TOKENS}add/", "/admin/auth/user/"])
def test_a_stranger_is_sent_to_sign_in(client, db, path):
    response = client.get(path)
    assert response.status_code == 302
    assert response.url.startswith("/admin/login/")


def test_someone_signed_in_who_is_not_staff_sees_no_admin_page(client, db):
    client.force_login(User.objects.create_user("guest", password="a long enough password"))
    assert client.get(ACCOUNTS).status_code == 302
