"""The core's admin pages, through the front door."""

import base64
import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.contrib.messages import get_messages
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from nacl.signing import SigningKey

from portal.models import ApiToken, AuditEvent, TelnyxAccount
from tests.support.accounts import make_account

ACCOUNTS = "/admin/portal/telnyxaccount/"
TOKENS = "/admin/portal/apitoken/"
AUDIT = "/admin/portal/auditevent/"


def new_public_key() -> str:
    return base64.b64encode(bytes(SigningKey.generate().verify_key)).decode()


def form_of(account: TelnyxAccount, **changed: str) -> dict[str, str]:
    """What the browser posts when a person changes just ``changed`` on the account's page."""
    names = ("name", "base_url", "public_key", "previous_public_key")
    return {name: getattr(account, name) for name in names} | {"api_key": ""} | changed


def page_of(account: TelnyxAccount) -> str:
    return f"{ACCOUNTS}{account.pk}/change/"


def told(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


# --- Accounts --------------------------------------------------------------------------------------------------------


def test_an_account_is_made_with_its_key_sealed_and_audited_without_it(browser):
    form = {"name": "new", "base_url": "https://api.telnyx.com/v2", "api_key": "KEY-very-secret", "public_key": ""}
    assert browser.post(f"{ACCOUNTS}add/", form | {"previous_public_key": ""}).status_code == 302
    account = TelnyxAccount.objects.get()
    assert account.api_key == "KEY-very-secret"
    assert "KEY-very-secret" not in account.api_key_sealed
    event = AuditEvent.objects.get(action="account.create")
    assert event.object_id == str(account.pk)
    assert event.details == {"changed": ["api_key", "name"]}


def test_an_account_without_a_key_is_not_made(browser):
    form = {"name": "new", "base_url": "https://api.telnyx.com/v2", "api_key": "", "public_key": ""}
    response = browser.post(f"{ACCOUNTS}add/", form)
    assert "Enter the API key" in response.content.decode()
    assert not TelnyxAccount.objects.exists()


def test_a_key_is_never_on_a_page_and_an_empty_field_keeps_it(browser, account):
    assert browser.post(page_of(account), form_of(account, name="renamed")).status_code == 302
    account.refresh_from_db()
    assert (account.name, account.api_key) == ("renamed", "KEY-of-the-tests")
    page = browser.get(page_of(account)).content.decode()
    assert "KEY-of-the-tests" not in page
    assert account.api_key_sealed not in page
    assert "ests" in page  # its last four


def test_a_refused_form_does_not_echo_the_key(browser, account):
    response = browser.post(page_of(account), form_of(account, name="not a slug", api_key="KEY-typed-just-now"))
    assert response.status_code == 200
    assert "KEY-typed-just-now" not in response.content.decode()


def test_a_new_key_replaces_the_old_and_the_audit_names_only_the_field(browser, account):
    browser.post(page_of(account), form_of(account, api_key="KEY-rotated-9876"))
    account.refresh_from_db()
    assert (account.api_key, account.api_key_last4) == ("KEY-rotated-9876", "9876")
    event = AuditEvent.objects.get(action="account.update")
    assert event.details == {"changed": ["api_key"]}


@pytest.mark.parametrize("key", ["KEY with spaces", "KEY-é", "KEY\r\nX-Injected: 1"])
def test_a_key_that_no_header_can_carry_is_refused(browser, account, key):
    assert browser.post(page_of(account), form_of(account, api_key=key)).status_code == 200
    account.refresh_from_db()
    assert account.api_key == "KEY-of-the-tests"


def test_the_stored_key_is_not_sent_to_another_host_by_changing_the_address(browser, account):
    response = browser.post(page_of(account), form_of(account, base_url="https://elsewhere.example/v2"))
    assert "enter the key again" in response.content.decode()
    account.refresh_from_db()
    assert account.base_url == "http://127.0.0.1:9/v2"
    form = form_of(account, base_url="https://elsewhere.example/v2", api_key="KEY-of-elsewhere")
    assert browser.post(page_of(account), form).status_code == 302


def test_a_new_public_key_moves_the_old_one_aside(browser, account):
    old, new = account.public_key, new_public_key()
    browser.post(page_of(account), form_of(account, public_key=new))
    account.refresh_from_db()
    assert account.public_keys == [new, old]


def test_a_typed_previous_public_key_is_kept(browser, account):
    typed, new = new_public_key(), new_public_key()
    browser.post(page_of(account), form_of(account, public_key=new, previous_public_key=typed))
    account.refresh_from_db()
    assert account.public_keys == [new, typed]


def test_a_public_key_of_another_length_is_refused_in_words(browser, account):
    response = browser.post(page_of(account), form_of(account, public_key=base64.b64encode(b"short").decode()))
    assert "has 5 bytes, not 32" in response.content.decode()


def test_the_page_has_the_webhook_url_ready_to_copy(browser, account):
    page = browser.get(page_of(account)).content.decode()
    assert f'portal-copy portal-button" data-copy="{account.webhook_url}"' in page


def test_the_list_tells_live_from_sandbox(browser, account):
    make_account("real", "https://api.telnyx.com/v2")
    page = browser.get(ACCOUNTS).content.decode()
    rows = re.findall(r"<tr.*?</tr>", page, re.DOTALL)
    assert any(
        "LIVE" in row and ">real<" in " ".join(row.split()).replace("> ", ">").replace(" <", "<") for row in rows
    )
    assert any("SANDBOX" in row and "127.0.0.1:9" in row for row in rows)


def test_an_account_of_the_environment_is_read_only_and_says_why(browser, account):
    TelnyxAccount.objects.update(from_environment=True)
    page = browser.get(page_of(account)).content.decode()
    assert "comes from the environment" in page
    assert 'name="api_key"' not in page
    assert browser.post(page_of(account), form_of(account, name="other")).status_code == 403
    assert browser.post(f"{ACCOUNTS}{account.pk}/delete/", {"post": "yes"}).status_code == 403
    assert TelnyxAccount.objects.get().name == "main"


def test_check_connection_says_that_all_is_well(browser, sandbox_account):
    response = browser.get(f"{ACCOUNTS}{sandbox_account.pk}/check-connection/")
    assert response.status_code == 302
    assert response.url == page_of(sandbox_account)
    assert any("accepts the API key" in sentence for sentence in told(response))


def test_check_connection_tells_a_person_of_an_unreachable_host(browser, account):
    response = browser.get(f"{ACCOUNTS}{account.pk}/check-connection/")
    assert any("cannot be reached" in sentence for sentence in told(response))


def test_check_connection_needs_the_right_to_change_accounts(client, user_with, account):
    client.force_login(user_with("portal.view_telnyxaccount"))
    assert client.get(page_of(account)).status_code == 200
    assert client.get(f"{ACCOUNTS}{account.pk}/check-connection/").status_code == 403


def test_an_unused_account_is_deleted_with_an_audit_event(browser, account):
    assert browser.post(f"{ACCOUNTS}{account.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not TelnyxAccount.objects.exists()
    assert AuditEvent.objects.get(action="account.delete").object_label == "main"


def test_an_account_in_use_is_not_deleted_and_the_page_names_what_hangs_on_it(browser, account):
    related = [
        relation
        for relation in account._meta.get_fields(include_hidden=True)
        if relation.auto_created and relation.related_model._meta.label == "voice.Flow"
    ]
    related[0].related_model.objects.create(account=account, name="menu", connection_id="1")
    response = browser.post(f"{ACCOUNTS}{account.pk}/delete/", {"post": "yes"})
    assert response.status_code == 200
    assert "flows" in response.content.decode()
    assert TelnyxAccount.objects.exists()


# --- Tokens ----------------------------------------------------------------------------------------------------------


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


def test_a_token_with_an_expiry_in_the_past_is_not_made(browser, operator):
    response = make_token_in(browser, operator, expires_at_0="2020-01-01", expires_at_1="00:00:00")
    assert "This time has passed" in response.content.decode()
    assert not ApiToken.objects.exists()


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


def test_a_token_is_neither_changed_nor_deleted(browser, operator):
    token, text = ApiToken.make(operator, "ci", ["calls:read"])
    assert browser.post(f"{TOKENS}{token.pk}/change/", {"name": "x", "scopes": []}).status_code == 403
    assert browser.post(f"{TOKENS}{token.pk}/delete/", {"post": "yes"}).status_code == 403
    assert ApiToken.find(text).scopes == ["calls:read"]


# --- Audit, users, groups --------------------------------------------------------------------------------------------


def test_the_audit_trail_is_read_only_even_for_an_administrator(browser, operator):
    AuditEvent.objects.create(actor="user: ada", action="call.dial", object_id="v3:1", details={"to": "<b>"})
    event = AuditEvent.objects.get()
    page = browser.get(f"{AUDIT}{event.pk}/change/").content.decode()
    assert "&quot;to&quot;: &quot;&lt;b&gt;&quot;" in page
    assert browser.get(f"{AUDIT}add/").status_code == 403
    assert browser.post(f"{AUDIT}{event.pk}/change/", {"actor": "x"}).status_code == 403
    assert browser.post(f"{AUDIT}{event.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("words", ["ada", "call.d", "v3:one"])
def test_the_audit_trail_is_searched_by_actor_action_and_object(browser, words):
    AuditEvent.objects.create(actor="user: ada", action="call.dial", object_id="v3:one", object_label="the wanted")
    AuditEvent.objects.create(actor="user: bob", action="token.make", object_id="2", object_label="the other")
    page = browser.get(AUDIT, {"q": words}).content.decode()
    assert "the wanted" in page
    assert "the other" not in page


def test_the_audit_trail_is_filtered_by_action_and_date(browser):
    AuditEvent.objects.create(actor="a", action="call.dial", object_label="the wanted")
    AuditEvent.objects.create(actor="a", action="token.make", object_label="the other")
    page = browser.get(AUDIT, {"action": "call.dial"}).content.decode()
    assert "the wanted" in page
    assert "the other" not in page
    today, before = timezone.now().date(), {"at_from": "2001-01-01", "at_to": "2001-01-02"}
    assert (
        "the wanted" in browser.get(AUDIT, {"at_from": today.isoformat(), "at_to": today.isoformat()}).content.decode()
    )
    assert "the wanted" not in browser.get(AUDIT, before).content.decode()


@pytest.mark.parametrize("day", ["nonsense", "2024-02-31", "9999-12-31", "0001-01-01", ""])
def test_a_day_that_is_none_filters_nothing(browser, day):
    assert browser.get(AUDIT, {"at_from": day, "at_to": day}).status_code == 200


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


# --- Nothing by is_staff alone ---------------------------------------------------------------------------------------

# Pages of the site itself, which show a person nothing but what their permissions already let them see.
OPEN = {"index", "login", "logout", "password_change", "password_change_done", "jsi18n", "search"}


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


def test_home_shows_staff_without_permissions_nothing_private(client, user_with, account):
    client.force_login(user_with())
    page = client.get("/admin/")
    assert page.status_code == 200
    text = page.content.decode()
    assert account.name not in re.sub(r"<[^>]*>", " ", text).split()
    assert account.webhook_token not in text
    assert ACCOUNTS not in text
    assert TOKENS not in text


def test_signing_in_is_audited_and_a_wrong_password_is_no_sign_in(client, operator):
    client.post("/admin/login/", {"username": "operator", "password": "wrong"})
    assert not AuditEvent.objects.exists()
    client.post("/admin/login/", {"username": "operator", "password": "a long enough password"})
    event = AuditEvent.objects.get()
    assert (event.actor, event.action, event.user) == ("user: operator", "sign-in", operator)
    client.get("/admin/login/")
    assert AuditEvent.objects.count() == 1


@pytest.mark.parametrize("path", ["/admin/", ACCOUNTS, f"{TOKENS}add/", "/admin/auth/user/"])
def test_a_stranger_is_sent_to_sign_in(client, db, path):
    response = client.get(path)
    assert response.status_code == 302
    assert response.url.startswith("/admin/login/")


def test_someone_signed_in_who_is_not_staff_sees_no_admin_page(client, db):
    client.force_login(User.objects.create_user("guest", password="a long enough password"))
    assert client.get(ACCOUNTS).status_code == 302
