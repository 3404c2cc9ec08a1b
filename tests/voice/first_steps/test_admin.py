"""The page of the first steps: who may open it, and what it asks for."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from voice.first_steps import steps

pytestmark = pytest.mark.django_db


def addresses(account: TelnyxAccount) -> list[str]:
    return [
        reverse("admin:voice_first_steps_accounts"),
        reverse("admin:voice_first_steps", args=[account.pk]),
        reverse("admin:voice_first_step", args=[account.pk, "colleagues"]),
    ]


def test_each_page_takes_the_right_to_change_accounts(
    client: Client, account: TelnyxAccount, user_with: Callable[..., User]
) -> None:
    make_account("second")
    client.force_login(user_with("portal.view_telnyxaccount"))
    assert [client.post(address).status_code for address in addresses(account)] == [403, 403, 403]
    client.force_login(user_with("portal.change_telnyxaccount", username="administrator"))
    assert [client.post(address).status_code for address in addresses(account)] == [200, 200, 200]
    # nothing is asked of Telnyx because a browser was led here
    assert [client.get(address).status_code for address in addresses(account)] == [200, 200, 405]
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="administrator"))
    assert [strict.post(address).status_code for address in addresses(account)[1:]] == [403, 403]


def test_the_page_asks_for_each_step_and_the_step_can_be_asked_for_again(
    browser: Client, account: TelnyxAccount
) -> None:
    page = browser.get(reverse("admin:voice_first_steps", args=[account.pk])).content.decode()
    for id, title in steps.titles().items():
        address = reverse("admin:voice_first_step", args=[account.pk, id])
        assert f'hx-post="{address}"' in page
        assert title.replace("'", "&#x27;") in page
    step = browser.post(reverse("admin:voice_first_step", args=[account.pk, "application"])).content.decode()
    assert "No application of the account is known here." in step
    assert account.webhook_url in step
    assert f'href="{reverse("admin:applications_callcontrolapplication_changelist")}"' in step


def test_without_scripts_all_steps_are_looked_at_at_once(browser: Client, account: TelnyxAccount) -> None:
    page = browser.post(reverse("admin:voice_first_steps", args=[account.pk])).content.decode()
    assert 'hx-trigger="load"' not in page
    assert "No application of the account is known here." in page


def test_one_account_is_opened_at_once_and_of_several_one_is_chosen(browser: Client) -> None:
    account = TelnyxAccount.objects.create(name="only", base_url="http://127.0.0.1:9/v2")
    answer = browser.get(reverse("admin:voice_first_steps_accounts"))
    assert answer["Location"] == reverse("admin:voice_first_steps", args=[account.pk])
    second = make_account("second")
    page = browser.get(reverse("admin:voice_first_steps_accounts")).content.decode()
    for one in (account, second):
        assert f'href="{reverse("admin:voice_first_steps", args=[one.pk])}"' in page


def test_a_step_or_an_account_that_there_is_not_is_not_found(browser: Client, account: TelnyxAccount) -> None:
    assert browser.post(reverse("admin:voice_first_step", args=[account.pk, "nothing"])).status_code == 404
    nobody = reverse("admin:voice_first_steps", args=["00000000-0000-0000-0000-000000000000"])
    assert browser.get(nobody).status_code == 404
