"""People make tokens of their own, which can do no more than they."""

import re
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from portal.admin.my_tokens import PERMISSION, scopes_of
from portal.models import SCOPES, ApiToken, AuditEvent
from portal.view_times import TimePreference
from tests.support.rest import api_for

MINE = "/admin/portal/apitoken/mine/"


@pytest.fixture
def ada(client: Client, user_with) -> User:
    """May see calls and make tokens; signed in."""
    ada = user_with(PERMISSION, "voice.view_call", username="ada")
    client.force_login(ada)
    return ada


def make(client: Client, **changed):
    return client.post(MINE, {"name": "ci", "scopes": ["calls:read"], "days": "30"} | changed)


def test_a_token_of_ones_own_is_shown_once_has_an_end_and_works(client, ada):
    page = make(client).content.decode()
    text = re.search(r"tvp_[0-9a-f]{8}\.[A-Za-z0-9_\-]+", page).group()
    token = ApiToken.find(text)
    assert (token.user, token.scopes, token.name) == (ada, ["calls:read"], "ci")
    assert round((token.expires_at - token.created_at).total_seconds() / 86_400) == 30
    assert text.partition(".")[2] not in client.get(MINE).content.decode()
    assert "tvp_" + token.prefix in client.get(MINE).content.decode()
    event = AuditEvent.objects.get(action="token.make")
    assert (event.actor, event.details) == ("user: ada", {"user": "ada", "scopes": ["calls:read"]})
    assert client.get("/api/v1/calls/", headers={"Authorization": f"Bearer {text}"}).status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"scopes": ["flows:write"]},
        {"scopes": ["calls:read", "metrics:read"]},
        {"scopes": []},
        {"scopes": ["everything"]},
        {"days": "36500"},
        {"name": ""},
        {"user": "1", "scopes": ["flows:read"]},
    ],
)
def test_nobody_makes_one_that_is_wider_than_they_are_or_without_an_end(client, ada, changed):
    assert make(client, **changed).status_code == 200
    assert not ApiToken.objects.exists()


def test_a_person_is_offered_what_opens_anything_to_them(ada, operator, user_with):
    assert scopes_of(ada) == [
        "calls:read",
        "calls:write",
        "texml:read",
        "texml:write",
        "reports:read",
        "reports:write",
    ]  # to refresh a call, or to have a document checked, is to write, and takes no more
    assert set(SCOPES) - set(scopes_of(operator)) == {"events:write"}  # nothing asks for it yet
    assert scopes_of(user_with("portal.view_heartbeat", username="monitor")) == ["metrics:read"]
    assert "calls:write" in scopes_of(user_with("voice.dial", username="dialler"))


def test_what_somebody_may_do_no_longer_their_token_does_no_longer(ada):
    api = api_for(ada)
    assert api.get("/api/v1/calls/").status_code == 200
    ada.user_permissions.remove(Permission.objects.get(codename="view_call"))
    assert api.get("/api/v1/calls/").status_code == 403
    ada.is_active = False
    ada.save()
    assert api.get("/api/v1/calls/").status_code == 401


def test_ones_own_is_revoked_and_nobody_elses_is_seen(client, ada, operator):
    own, text = ApiToken.make(ada, "mine", ["calls:read"])
    other, others_text = ApiToken.make(operator, "somebody else's")
    page = client.get(MINE).content.decode()
    assert "Revoke mine" in page
    assert "somebody else" not in page
    assert client.get(f"{MINE}{own.pk}/revoke/").status_code == 403
    assert client.post(f"{MINE}{other.pk}/revoke/").status_code == 404
    assert client.post(f"{MINE}{own.pk}/revoke/").status_code == 302
    assert client.post(f"{MINE}{own.pk}/revoke/").status_code == 302
    assert ApiToken.find(text) is None
    assert ApiToken.find(others_text)
    assert AuditEvent.objects.get(action="token.revoke").object_label == "mine"
    assert "Revoke mine" not in client.get(MINE).content.decode()


def test_the_page_takes_a_permission_that_groups_have_who_build_and_operate(client, user_with):
    client.force_login(user_with("voice.view_call"))
    assert [client.get(MINE).status_code, make(client).status_code] == [403, 403]
    for group in Group.objects.filter(name__in=("Administrators", "Operators", "Developers")):
        member = user_with(group.name, username=group.name.lower())
        assert member.has_perm(PERMISSION)
        client.force_login(member)
        assert "My tokens" in client.get("/admin/").content.decode()


def test_times_are_written_as_their_owner_reads_times(client: Client, ada: User) -> None:
    TimePreference.objects.create(user=ada, time_zone="America/New_York", order="american")
    ApiToken.make(ada, "mine", ["calls:read"], datetime(2098, 7, 4, 1, 30, tzinfo=UTC))
    assert ">07/03/2098 9:30:00 PM</time>" in client.get(MINE).content.decode()
