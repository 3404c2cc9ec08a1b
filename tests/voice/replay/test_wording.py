"""A replay in words, for those who may see numbers and for those who may not."""

from typing import Any

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from tests.support.factories import FROM, make_event, run_owed
from tests.support.replay_pages import look, text
from tests.support.rows import Call
from tests.support.webhooks import post_webhook

pytestmark = pytest.mark.django_db
ONLY = "voice.replay_event"


def test_it_says_clearly_that_nothing_would_change(browser: Client, account: TelnyxAccount) -> None:
    assert post_webhook(Client(), account, make_event()).status_code == 200
    run_owed()
    assert "Nothing would change: every call is already what these events tell." in text(browser.get(look(browser)))
    none = text(browser.get(look(browser, statuses="dead")))
    assert "No event is like that." in none
    assert "Run again" not in none


def test_numbers_are_masked_for_those_who_may_not_see_them(signed_in: Any, wrong_call: Call) -> None:
    masked, whole = signed_in(ONLY, username="a"), signed_in(ONLY, "voice.view_full_number", username="b")
    page = look(masked)
    assert "+1312•••0101" in text(masked.get(page))
    assert FROM not in masked.get(page).content.decode()
    assert FROM[::-1] not in masked.get(page).content.decode()
    assert "+1 312-555-0101" in text(whole.get(page))
