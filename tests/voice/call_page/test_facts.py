"""The facts of a call."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.call_pages import page
from tests.support.ending_rows import BY_ID, store
from tests.support.factories import make_call, make_flow

pytestmark = pytest.mark.django_db


def facts(client: Client, url: str) -> str:
    text = client.get(url).content.decode()
    return text[text.index('id="call-facts"') : text.index('id="call-picture"')]


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("p30-out-machine-we-hung-up", "A machine"),
        ("p31-out-fax", "A fax machine"),
        ("p32-out-not-sure", "Not sure"),
        ("p03-in-caller-hung-up", "not asked"),
    ],
)
def test_who_answered_is_told(browser: Client, account: TelnyxAccount, case: str, words: str) -> None:
    assert words in facts(browser, page(store(account, BY_ID[case])[0]))


def test_cost_and_step_are_told_or_that_there_is_none(browser: Client, signed_in: Any, account: TelnyxAccount) -> None:
    assert "not reported" in facts(browser, page(make_call(account, "a")))
    make_flow(account, name="front desk")
    call = make_call(account, "b", cost="0.0125", step="menu", ended_at=timezone.now(), state="ended")
    told = facts(browser, page(call))
    assert "0.0125" in told
    assert "front desk</a>" in told
    assert "at step menu" in told
    assert "front desk" not in facts(signed_in("voice.view_call"), page(call))


def test_times_name_their_zone(browser: Client, account: TelnyxAccount) -> None:
    (call,) = store(account, BY_ID["p03-in-caller-hung-up"])
    told = facts(browser, page(call))
    assert ">(UTC)<" in told
    assert "14:03:07" in told
