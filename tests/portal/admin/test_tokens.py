"""The pages of tokens show a token once."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from portal.models import ApiToken, AuditEvent
from portal.view_times import TimePreference

TOKENS = "/admin/portal/apitoken/"


AUDIT = "/admin/portal/auditevent/"


def make_token_in(browser: Client, user: User, **more):
    return browser.post(f"{TOKENS}add/", {"user": user.pk, "name": "ci", "scopes": ["calls:read"]} | more)


def test_a_token_is_shown_once_and_kept_nowhere(browser, operator):
    page = make_token_in(browser, operator).content.decode()
    text = re.search(r"tvp_[0-9a-f]{8}\.[A-Za-z0-9_\-]+", page).group()
    token = ApiToken.objects.get()
    assert (token.name, token.scopes, token.user) == ("ci", ["calls:read"], operator)
    assert ApiToken.find(text) == token
    secret = text.partition(".")[2]
    for path in (TOKENS, f"{TOKENS}{token.pk}/change/", AUDIT, "/admin/"):
        assert secret not in browser.get(path).content.decode()
    assert secret not in str(browser.cookies)
    assert not any(secret in str(session.get_decoded()) for session in Session.objects.all())
    event = AuditEvent.objects.get(action="token.make")
    assert event.details == {"user": "operator", "scopes": ["calls:read"]}


def test_a_token_is_for_what_was_ticked_and_never_for_everything_because_nothing_was(browser, operator):
    page = make_token_in(browser, operator, scopes=[]).content.decode()
    assert "Tick what the token is for." in page
    assert not ApiToken.objects.exists()


def test_a_token_ends_after_90_days_unless_another_end_is_chosen(browser, operator):
    form = browser.get(f"{TOKENS}add/").context["adminform"].form
    ends = form["expires_at"].initial
    assert timedelta(days=89) < ends - timezone.now() < timedelta(days=91)
    day, time = form["expires_at"].field.widget.decompress(ends)
    assert f'value="{day}"' in str(form["expires_at"])
    make_token_in(browser, operator, expires_at_0=str(day), expires_at_1=f"{time:%H:%M:%S}")
    assert ApiToken.objects.get().expires_at == ends.replace(microsecond=0)
    make_token_in(browser, operator, name="for ever", expires_at_0="", expires_at_1="")
    assert ApiToken.objects.get(name="for ever").expires_at is None


def test_a_token_with_an_expiry_in_the_past_is_not_made(browser, operator):
    response = make_token_in(browser, operator, expires_at_0="2020-01-01", expires_at_1="00:00:00")
    assert "This time has passed" in response.content.decode()
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize("year", [101, None])
def test_a_token_ends_within_a_hundred_years(browser, operator, zone, year):
    TimePreference.objects.create(user=operator, time_zone=zone)
    day = timezone.now().replace(year=timezone.now().year + year, day=1) if year else datetime(9999, 12, 31)
    response = make_token_in(browser, operator, expires_at_0=f"{day:%Y-%m-%d}", expires_at_1="23:59:59")
    assert response.status_code == 200
    assert response.context["adminform"].errors["expires_at"] == ["A token ends within 100 years, or never."]
    assert not ApiToken.objects.exists()
    assert browser.get(TOKENS).status_code == 200


def test_a_token_that_ends_with_the_calendar_is_listed_everywhere(browser, operator):
    ApiToken.make(operator, "old", expires_at=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    TimePreference.objects.create(user=operator, time_zone="Asia/Tokyo")
    assert "9999-12-31 23:59:59" in browser.get(TOKENS).content.decode()


def test_a_token_for_somebody_else_needs_the_right_to_change_users(client, operator, user_with):
    person = user_with("portal.add_apitoken", "portal.view_apitoken")
    client.force_login(person)
    assert make_token_in(client, operator).status_code == 200
    assert not ApiToken.objects.exists()
    make_token_in(client, person)
    assert ApiToken.objects.get().user == person


def test_a_revoked_token_is_refused_and_the_revocation_audited(browser, operator):
    token, text = ApiToken.make(operator, "ci")
    url = f"{TOKENS}{token.pk}/revoke/"
    assert "Revoke this token?" in browser.get(url).content.decode()
    assert ApiToken.find(text)
    response = browser.post(url, {"_form_submitted": "True"}, headers={"HX-Request": "true"})
    assert response["HX-Redirect"] == TOKENS
    assert ApiToken.find(text) is None
    assert AuditEvent.objects.get(action="token.revoke").object_id == str(token.pk)
    assert "/revoke/" not in browser.get(f"{TOKENS}{token.pk}/change/").content.decode()


def test_revoking_needs_its_permission(client, operator, user_with):
    token, text = ApiToken.make(operator, "ci")
    client.force_login(user_with("portal.view_apitoken"))
    assert client.get(f"{TOKENS}{token.pk}/change/").status_code == 200
    assert client.post(f"{TOKENS}{token.pk}/revoke/", {"_form_submitted": "True"}).status_code == 403
    assert ApiToken.find(text)
    client.force_login(user_with("portal.change_apitoken", username="revoker"))
    assert client.post(f"{TOKENS}{token.pk}/revoke/", {"_form_submitted": "True"}).status_code == 302
    assert ApiToken.find(text) is None


def test_a_token_is_found_by_its_beginning_as_it_is_written_elsewhere(browser: Client, operator: User) -> None:
    token, _ = ApiToken.make(operator, "ci")
    ApiToken.make(operator, "other")
    for typed in (token.prefix, f"tvp_{token.prefix}", f"tvp_{token.prefix}…", "ci"):
        assert list(browser.get(TOKENS, {"q": typed}).context["cl"].result_list) == [token], typed


def test_a_token_leads_to_its_user_those_alone_who_may_see_people(
    client: Client, operator: User, user_with: Any
) -> None:
    token, _ = ApiToken.make(operator, "ci")
    for rights in ((), ("auth.view_user",)):
        client.force_login(user_with("portal.view_apitoken", *rights, username=f"person{len(rights)}"))
        page = client.get(f"{TOKENS}{token.pk}/change/").content.decode()
        assert "operator" in page
        assert (f"/admin/auth/user/{operator.pk}/change/" in page) == bool(rights)


def test_a_token_is_neither_changed_nor_deleted(browser, operator):
    token, text = ApiToken.make(operator, "ci", ["calls:read"])
    assert browser.post(f"{TOKENS}{token.pk}/change/", {"name": "x", "scopes": []}).status_code == 403
    assert browser.post(f"{TOKENS}{token.pk}/delete/", {"post": "yes"}).status_code == 403
    assert ApiToken.find(text).scopes == ["calls:read"]
