"""The pages of accounts keep the keys to themselves."""

import base64
import re

import pytest
from django.contrib.messages import get_messages
from nacl.signing import SigningKey

from portal.models import AuditEvent, TelnyxAccount
from tests.support.accounts import make_account
from tests.support.sandbox_ledger import requests

ACCOUNTS = "/admin/portal/telnyxaccount/"


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


def new_account(base_url: str, **more: str) -> dict[str, str]:
    """What the form for a new account posts."""
    return {"name": "new", "base_url": base_url, "api_key": "KEY-very-secret", "public_key": ""} | more


def test_an_account_is_made_with_its_key_sealed_and_audited_without_it(browser, sandbox):
    response = browser.post(f"{ACCOUNTS}add/", new_account(sandbox.base_url))
    assert response.status_code == 302
    assert f"{sandbox.base_url} accepts the API key that ends in cret." in told(response)
    account = TelnyxAccount.objects.get()
    assert account.api_key == "KEY-very-secret"
    assert "KEY-very-secret" not in account.api_key_sealed
    event = AuditEvent.objects.get(action="account.create")
    assert event.object_id == str(account.pk)
    assert event.details == {"changed": ["api_key", "base_url", "name"]}


def test_an_account_with_a_key_that_telnyx_does_not_know_is_not_made(browser, sandbox):
    for more in ({}, {"unchecked": "on"}):
        response = browser.post(f"{ACCOUNTS}add/", new_account(sandbox.base_url, api_key="a-wrong-one") | more)
        page = response.content.decode()
        assert "Nothing was saved. Telnyx was reached and refused the API key that ends in -one" in page
        assert list(response.context["adminform"].form.errors) == ["api_key"]
        assert 'name="unchecked"' not in page
    assert not TelnyxAccount.objects.exists()
    assert "LIVE" not in browser.get("/admin/").content.decode()


def test_a_new_key_that_telnyx_does_not_know_leaves_the_old_one(browser, sandbox_account):
    page = browser.post(page_of(sandbox_account), form_of(sandbox_account, name="other", api_key="wrong"))
    assert "refused the API key that ends in rong" in page.content.decode()
    sandbox_account.refresh_from_db()
    assert (sandbox_account.name, sandbox_account.api_key) == ("sandbox", "KEY-of-the-tests")


def test_an_account_whose_key_cannot_be_tried_is_saved_only_when_that_is_wanted(browser):
    nowhere = new_account("http://127.0.0.1:9/v2")
    response = browser.post(f"{ACCOUNTS}add/", nowhere)
    assert "Nothing was saved. http://127.0.0.1:9/v2 cannot be reached" in response.content.decode()
    assert list(response.context["adminform"].form.errors) == ["base_url"]
    assert 'name="unchecked"' in response.content.decode()
    assert not TelnyxAccount.objects.exists()
    response = browser.post(f"{ACCOUNTS}add/", nowhere | {"unchecked": "on"})
    assert any(sentence.startswith("The key was saved unchecked. http://127.0.0.1:9/v2") for sentence in told(response))
    assert TelnyxAccount.objects.get().api_key == "KEY-very-secret"
    assert AuditEvent.objects.get().details == {"changed": ["api_key", "base_url", "name"]}


def test_a_save_without_a_new_key_asks_telnyx_nothing(browser, sandbox, sandbox_account):
    assert browser.post(page_of(sandbox_account), form_of(sandbox_account, name="renamed")).status_code == 302
    assert requests(sandbox) == []


def test_nobody_tries_keys_who_may_not_save_them(client, user_with, sandbox, sandbox_account):
    client.force_login(user_with("portal.view_telnyxaccount"))
    assert client.post(page_of(sandbox_account), form_of(sandbox_account, api_key="KEY-1")).status_code == 403
    assert client.post(f"{ACCOUNTS}add/", new_account(sandbox.base_url)).status_code == 403
    assert requests(sandbox) == []


def test_an_account_sid_is_entered_and_what_telnyx_told_is_shown(browser, account):
    TelnyxAccount.objects.filter(pk=account.pk).update(found_account_sid="org-1")
    assert "org-1" in browser.get(page_of(account)).content.decode()
    refused = browser.post(page_of(account), form_of(account, account_sid="../x"))
    assert "It must be an id of up to 64 letters" in refused.content.decode()
    assert browser.post(page_of(account), form_of(account, account_sid="61bf-923e")).status_code == 302
    account.refresh_from_db()
    assert (account.account_sid, account.found_account_sid) == ("61bf-923e", "org-1")


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


def test_a_new_key_replaces_the_old_and_the_audit_names_only_the_field(browser, sandbox_account):
    account = sandbox_account
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


def test_the_stored_key_is_not_sent_to_another_host_by_changing_the_address(browser, account, sandbox):
    response = browser.post(page_of(account), form_of(account, base_url="https://elsewhere.example/v2"))
    assert "enter the key again" in response.content.decode()
    account.refresh_from_db()
    assert account.base_url == "http://127.0.0.1:9/v2"
    form = form_of(account, base_url=sandbox.base_url, api_key="KEY-of-elsewhere")
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
    TelnyxAccount.objects.update(from_environment=False)
    assert browser.post(page_of(account), form_of(account, name="other")).status_code == 302
    assert browser.post(f"{ACCOUNTS}{account.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not TelnyxAccount.objects.exists()


CHECK = {"_form_submitted": "True"}


def test_a_link_does_not_check_a_connection(browser, sandbox, sandbox_account):
    page = browser.get(f"{ACCOUNTS}{sandbox_account.pk}/check-connection/").content.decode()
    assert "Check the connection?" in page
    assert requests(sandbox, "GET") == []


def test_check_connection_says_that_all_is_well(browser, sandbox, sandbox_account):
    response = browser.post(f"{ACCOUNTS}{sandbox_account.pk}/check-connection/", CHECK)
    assert response.status_code == 302
    assert response.url == page_of(sandbox_account)
    assert any("accepts the API key" in sentence for sentence in told(response))
    assert requests(sandbox, "GET")


def test_check_connection_tells_a_person_of_an_unreachable_host(browser, account):
    response = browser.post(f"{ACCOUNTS}{account.pk}/check-connection/", CHECK)
    assert any("cannot be reached" in sentence for sentence in told(response))


def test_check_connection_needs_the_right_to_change_accounts(client, user_with, account):
    client.force_login(user_with("portal.view_telnyxaccount"))
    assert client.get(page_of(account)).status_code == 200
    assert client.post(f"{ACCOUNTS}{account.pk}/check-connection/", CHECK).status_code == 403
    client.force_login(user_with("portal.change_telnyxaccount", username="changer"))
    assert client.post(f"{ACCOUNTS}{account.pk}/check-connection/", CHECK).status_code == 302


def test_an_unused_account_is_deleted_with_an_audit_event(browser, account):
    assert browser.post(f"{ACCOUNTS}{account.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not TelnyxAccount.objects.exists()
    assert AuditEvent.objects.get(action="account.delete").object_label == "main"


def test_an_account_in_use_is_not_deleted_and_the_page_names_what_hangs_on_it(browser, account):
    a_flow_of(account)
    response = browser.post(f"{ACCOUNTS}{account.pk}/delete/", {"post": "yes"})
    assert response.status_code == 200
    assert "flows" in response.content.decode()
    assert TelnyxAccount.objects.exists()


def test_an_account_that_comes_into_use_while_it_is_deleted_is_told_to_be_in_use(browser, account, monkeypatch):
    note = AuditEvent.note

    def meanwhile(actor, action, *args, **details):
        if action == "account.delete":  # the page was asked what hangs on it, and it is about to go
            a_flow_of(account)
        return note(actor, action, *args, **details)

    monkeypatch.setattr(AuditEvent, "note", meanwhile)
    address = f"{ACCOUNTS}{account.pk}/delete/"
    response = browser.post(address, {"post": "yes"}, follow=True)
    assert response.redirect_chain == [(address, 302)]
    assert "came in meanwhile" in response.content.decode()
    assert TelnyxAccount.objects.exists()
    assert not AuditEvent.objects.filter(action="account.delete").exists()


def a_flow_of(account):
    related = [
        relation
        for relation in account._meta.get_fields(include_hidden=True)
        if relation.auto_created and relation.related_model._meta.label == "voice.Flow"
    ]
    related[0].related_model.objects.get_or_create(account=account, name="menu", connection_id="1")
