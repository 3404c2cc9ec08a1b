"""The home page: it shows what a person may see."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.factories import make_call

pytestmark = pytest.mark.django_db


def test_the_home_page_shows_what_a_person_may_see(browser: Client, signed_in: Any, account: TelnyxAccount) -> None:
    make_call(account)
    make_call(account, "b", state="ended", ended_at=timezone.now(), hangup_cause="user_busy")
    html = browser.get("/admin/").content.decode()
    for text in ("Live now", "Busy", "Backlog", "Last pull", "555-0101"):
        assert text in html, text
    html = signed_in().get("/admin/").content.decode()
    for text in ("Live now", "Busy", "Backlog", "Last pull", "0101"):
        assert text not in html, text
    html = signed_in("voice.view_call", username="support").get("/admin/").content.decode()
    assert "Live now" in html
    assert "Backlog" not in html
    assert "555-0101" not in html
