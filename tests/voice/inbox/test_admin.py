"""Permissions of the inbox: who may open it, see the address and send the probe."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from portal.models import TelnyxAccount
from tests.support.inbox import make_application, words

pytestmark = pytest.mark.django_db
SEE = ("voice.view_rejectedrequest", "voice.view_callevent")


@pytest.mark.parametrize("page", ["voice_inbox", "voice_inbox_verify", "voice_inbox_account", "voice_inbox_probe"])
def test_each_page_takes_both_permissions(
    client: Client, account: TelnyxAccount, user_with: Callable[..., User], page: str
) -> None:
    arguments = [account.pk] if page.endswith(("account", "probe")) else []
    address = reverse(f"admin:{page}", args=arguments)
    for at, permission in enumerate(SEE):
        client.force_login(user_with(permission, username=f"half-{at}"))
        assert client.get(address).status_code == 403
        assert client.post(address).status_code == 403
    client.force_login(user_with(*SEE, username="whole"))
    assert client.get(address).status_code == (403 if page.endswith("probe") else 200)


def test_the_address_is_for_those_who_may_see_the_account(
    client: Client, account: TelnyxAccount, user_with: Callable[..., User]
) -> None:
    make_application(account, application_name="its name")
    client.force_login(user_with(*SEE))
    text = words(client)
    assert account.webhook_token not in text
    assert "its name" not in text
    seeing = user_with(*SEE, "portal.view_telnyxaccount", "applications.view_callcontrolapplication", username="more")
    client.force_login(seeing)
    text = words(client)
    assert f'data-copy="{account.webhook_url}"' in text
    assert "its name" in text


def test_the_sidebar_shows_the_inbox_to_those_who_may(
    client: Client, account: TelnyxAccount, user_with: Callable[..., User]
) -> None:
    client.force_login(user_with(*SEE))
    assert reverse("admin:voice_inbox") in words(client, "/admin/")
    client.force_login(user_with(SEE[0], username="half"))
    assert reverse("admin:voice_inbox") not in words(client, "/admin/")


def test_the_probe_tells_what_answers_and_takes_the_right_to_change(
    client: Client,
    account: TelnyxAccount,
    user_with: Callable[..., User],
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:
    settings.PORTAL_PUBLIC_URL = "http://127.0.0.1:9"
    address = reverse("admin:voice_inbox_probe", args=[account.pk])
    client.force_login(user_with(*SEE))
    assert client.post(address).status_code == 403
    client.force_login(user_with(*SEE, "applications.change_callcontrolapplication", username="more"))
    assert "No connection could be made" in client.post(address).content.decode()
