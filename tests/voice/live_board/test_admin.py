"""The live board's pages: where they stand, who sees what of them, and what a second look costs."""

from typing import Any

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from tests.support.factories import make_call
from tests.support.live_board import ASK, PAGE, TABLE, text
from tests.support.rows import Call
from tests.support.telnyx_answers import telnyx_says

pytestmark = pytest.mark.django_db


def test_it_stands_in_the_sidebar(browser: Client) -> None:
    assert f'href="{PAGE}"' in text(browser, "/admin/")


def test_numbers_and_controls_go_by_permission(account: TelnyxAccount, signed_in: Any) -> None:
    make_call(account)
    page = text(signed_in("voice.view_call", username="looks"))
    assert "0101" in page
    for hidden in ("5550101", "555-0101", "/do/hangup/", "/do/transfer/"):
        assert hidden not in page
    page = text(signed_in("voice.view_call", "voice.control_call", username="controls"))
    assert "/do/hangup/" in page
    assert "/do/transfer/" not in page


@pytest.mark.parametrize(
    ("url", "status"),
    [(PAGE, 200), (TABLE, 200), (ASK, 204), (f"{PAGE}refresh/00000000-0000-0000-0000-000000000000/", 404)],
)
def test_it_is_for_who_may_see_calls(signed_in: Any, url: str, status: int) -> None:
    assert signed_in("voice.view_flow").get(url).status_code == 403
    assert signed_in("voice.view_call", username="sees").get(url).status_code == status


def test_a_look_that_shows_nothing_new_is_empty(account: TelnyxAccount, browser: Client) -> None:
    make_call(account)
    page = text(browser)
    have = page.split("have=")[1].split('"')[0]
    assert browser.get(f"{TABLE}?have={have}").status_code == 204
    make_call(account, "b")
    changed = browser.get(f"{TABLE}?have={have}")
    assert changed.status_code == 200
    assert have not in changed.content.decode()


def test_a_refresh_says_when_telnyx_does_not_know_the_call(account: TelnyxAccount, browser: Client) -> None:
    call = make_call(account)
    with telnyx_says(account):
        answer = browser.post(f"{PAGE}refresh/{call.pk}/", follow=True)
    assert "does not know this call any more" in answer.content.decode()
    assert Call.objects.get().state == "answered"
