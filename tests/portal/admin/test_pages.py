"""Pages of rows: who may open one, and what is not there."""

from typing import Any

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from tests.support.factories import make_call

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed_in(user_with: Any) -> Any:
    def make(*permissions: str) -> Client:
        client = Client()
        client.force_login(user_with(*permissions))
        return client

    return make


def test_a_row_is_shown_to_who_may_see_it_and_to_nobody_else(account: TelnyxAccount, signed_in: Any) -> None:
    page = f"/admin/voice/call/{make_call(account).pk}/change/"
    client = signed_in("voice.view_call")
    answer = client.get(page)
    assert (answer.status_code, answer.context["title"], answer.context["opts"].model_name) == (200, "Call", "call")
    client.logout()
    assert client.get(page).status_code == 302


def test_without_the_permission_it_is_refused(account: TelnyxAccount, signed_in: Any) -> None:
    page = f"/admin/voice/call/{make_call(account).pk}/change/"
    assert signed_in("voice.view_callevent").get(page).status_code == 403


@pytest.mark.parametrize("key", ["0ccc7b54-4df3-4bca-a65a-3da1ecc777f0", "no-id", "0", "_27"])
def test_what_is_not_there_is_404(account: TelnyxAccount, signed_in: Any, key: str) -> None:
    assert signed_in("voice.view_call").get(f"/admin/voice/call/{key}/change/").status_code == 404
