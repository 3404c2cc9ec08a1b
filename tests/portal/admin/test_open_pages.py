"""A page of the admin that was opened a while ago undoes nothing that others did since."""

import base64

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from nacl.signing import SigningKey

from portal.models import AuditEvent, TelnyxAccount
from tests.support.open_pages import OpenPage
from tests.support.sandbox_ledger import requests


def new_public_key() -> str:
    return base64.b64encode(bytes(SigningKey.generate().verify_key)).decode()


def page_of(browser: Client, row: TelnyxAccount | User | Group) -> OpenPage:
    return OpenPage(browser, f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/")


def error(answer, name: str) -> str:
    assert answer.status_code == 200
    return " ".join(answer.context["adminform"].errors.get(name, []))


def noted() -> dict:
    return AuditEvent.objects.latest("id").details


@pytest.fixture
def colleague(operator) -> Client:
    User.objects.create_superuser("colleague")
    client = Client()
    client.force_login(User.objects.get(username="colleague"))
    return client


# --- Accounts --------------------------------------------------------------------------------------------------------


def test_an_open_page_does_not_put_a_rotated_public_key_back(browser, colleague, account):
    old, new = account.public_key, new_public_key()
    page = page_of(browser, account)
    assert page_of(colleague, account).save(public_key=new).status_code == 302
    assert page.save(account_sid="61bf923e").status_code == 302
    account.refresh_from_db()
    assert (account.account_sid, account.public_keys) == ("61bf923e", [new, old])
    assert noted() == {"changed": ["account_sid"], "was": {"account_sid": ""}, "now": {"account_sid": "61bf923e"}}


def test_an_open_page_does_not_empty_a_public_key_that_first_steps_stored(browser, sandbox, sandbox_account):
    TelnyxAccount.objects.update(public_key="")
    page = page_of(browser, sandbox_account)
    browser.post(f"/admin/first-steps/{sandbox_account.pk}/store-public-key/")
    assert requests(sandbox, "GET")
    assert page.save(name="renamed").status_code == 302
    sandbox_account.refresh_from_db()
    assert (sandbox_account.name, sandbox_account.public_key) == ("renamed", sandbox.public_key)


def test_what_both_changed_is_refused_at_its_field_and_saved_when_it_is_wanted(browser, colleague, account):
    old, theirs, mine = account.public_key, new_public_key(), new_public_key()
    page = page_of(browser, account)
    page_of(colleague, account).save(public_key=theirs)
    said = error(page.save(public_key=mine, account_sid="61bf923e"), "public_key")
    assert said == f"Somebody else has changed this meanwhile, to “{theirs}”. Save again to have yours."
    account.refresh_from_db()
    assert (account.account_sid, account.public_keys) == ("", [theirs, old])
    assert page.save().status_code == 302
    account.refresh_from_db()
    assert (account.account_sid, account.public_keys) == ("61bf923e", [mine, theirs])
    assert noted()["was"] == {"account_sid": "", "public_key": theirs}


def test_what_both_changed_alike_is_saved(browser, colleague, account):
    page = page_of(browser, account)
    page_of(colleague, account).save(account_sid="61bf923e")
    assert page.save(account_sid="61bf923e", name="renamed").status_code == 302
    assert noted()["changed"] == ["name"]


def test_what_somebody_else_has_emptied_is_told_so(browser, colleague, account):
    TelnyxAccount.objects.update(account_sid="61bf923e")
    page = page_of(browser, account)
    page_of(colleague, account).save(account_sid="")
    said = error(page.save(account_sid="other"), "account_sid")
    assert said == "Somebody else has emptied this meanwhile. Save again to have yours."


def test_a_refused_page_shows_what_is_stored_where_it_was_left_alone(browser, colleague, account):
    page, new = page_of(browser, account), new_public_key()
    page_of(colleague, account).save(public_key=new)
    assert error(page.save(name="not a slug"), "name")
    assert page.fields["public_key"] == [new]
    assert page.save(name="a-slug").status_code == 302
    account.refresh_from_db()
    assert (account.name, account.public_key) == ("a-slug", new)


def test_a_key_is_not_sent_where_somebody_else_has_led_the_account_meanwhile(browser, account, sandbox):
    page = page_of(browser, account)
    TelnyxAccount.objects.update(base_url=sandbox.base_url)
    said = error(page.save(api_key="KEY-of-the-tests-2"), "api_key")
    assert "Somebody else has changed the address or the key meanwhile" in said
    assert requests(sandbox) == []
    assert page.save(api_key="KEY-of-the-tests-2").status_code == 302
    account.refresh_from_db()
    assert (account.api_key, account.base_url) == ("KEY-of-the-tests-2", sandbox.base_url)


def test_a_key_that_somebody_else_has_entered_is_not_replaced_unseen(browser, colleague, sandbox_account):
    page = page_of(browser, sandbox_account)
    assert page_of(colleague, sandbox_account).save(api_key="KEY-of-a-colleague").status_code == 302
    answer = page.save(api_key="KEY-of-my-own")
    assert "enter the key again to have yours" in error(answer, "api_key")
    assert "KEY-of-" not in answer.content.decode()
    sandbox_account.refresh_from_db()
    assert sandbox_account.api_key == "KEY-of-a-colleague"
    assert page.save(api_key="KEY-of-my-own").status_code == 302


# --- People ----------------------------------------------------------------------------------------------------------


def test_an_open_page_of_a_person_gives_no_right_back_that_somebody_else_took(browser, colleague, user_with):
    ada = user_with("Support", "voice.dial", username="ada")
    page = page_of(browser, ada)
    page_of(colleague, ada).save(groups=[], user_permissions=[], is_staff=[])
    assert page.save(email="ada@example.com").status_code == 302
    ada = User.objects.get(username="ada")
    assert (ada.email, ada.is_staff) == ("ada@example.com", False)
    assert not ada.groups.exists()
    assert not ada.user_permissions.exists()
    assert (noted()["was"], noted()["now"]) == ({"email": ""}, {"email": "ada@example.com"})


def test_an_open_page_of_a_person_takes_no_right_that_somebody_else_gave(browser, colleague, user_with):
    ada, support = user_with(username="ada"), Group.objects.get(name="Support")
    page = page_of(browser, ada)
    page_of(colleague, ada).save(groups=[str(support.pk)])
    assert page.save(first_name="Ada").status_code == 302
    assert list(ada.groups.all()) == [support]


def test_roles_that_both_changed_are_told_by_name(browser, colleague, user_with):
    ada = user_with("Support", username="ada")
    viewers, operators = (Group.objects.create(name=name) for name in ("Viewers", "Night shift"))
    page = page_of(browser, ada)
    page_of(colleague, ada).save(groups=[str(viewers.pk)])
    said = error(page.save(groups=[str(operators.pk)]), "groups")
    assert said == "Somebody else has changed this meanwhile, to “Viewers”. Save again to have yours."
    assert list(ada.groups.all()) == [viewers]
    assert page.save().status_code == 302
    assert list(ada.groups.all()) == [operators]
    assert (noted()["was"]["groups"], noted()["now"]["groups"]) == (["Viewers"], ["Night shift"])


def test_a_group_that_was_deleted_meanwhile_keeps_nobody_from_saving(browser, user_with):
    ada = user_with("Support", username="ada")
    page = page_of(browser, ada)
    Group.objects.filter(name="Support").delete()
    assert page.save(first_name="Ada").status_code == 302


def test_an_open_page_of_a_group_gives_no_right_back(browser, colleague):
    group = Group.objects.create(name="Viewers")
    dial, look = (Permission.objects.get(codename=name) for name in ("dial", "view_call"))
    group.permissions.set([dial, look])
    page = page_of(browser, group)
    page_of(colleague, group).save(permissions=[str(look.pk)])
    assert page.save(name="Lookers").status_code == 302
    assert list(group.permissions.all()) == [look]
    assert noted()["now"] == {"name": "Lookers"}


def test_a_post_that_does_not_say_what_it_was_drawn_with_is_taken_as_it_is(browser, account):
    names = ("name", "base_url", "previous_public_key")
    posted = {name: getattr(account, name) for name in names} | {"api_key": "", "public_key": ""}
    assert browser.post(f"/admin/portal/telnyxaccount/{account.pk}/change/", posted).status_code == 302
    account.refresh_from_db()
    assert account.public_keys == []


def test_no_page_tells_a_hash_or_a_key_beside_what_it_shows(browser, account, operator):
    for page in (page_of(browser, account), page_of(browser, operator)):
        drawn = {name for name in page.fields if name.startswith("initial-")}
        assert drawn
        assert not drawn & {"initial-password", "initial-api_key", "initial-api_key_sealed"}


@pytest.mark.parametrize("odd", ["\0", "9" * 5000, "x", "é" * 300])
def test_an_odd_initial_value_is_no_error_of_ours(browser, account, operator, odd):
    for page in (page_of(browser, account), page_of(browser, operator)):
        page.fields |= {name: [odd] for name in page.fields if name.startswith("initial-")}
        assert page.save().status_code in {200, 302}
