"""The facts of a call."""

from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.call_pages import page
from tests.support.ending_rows import BY_ID, store
from tests.support.factories import make_call, make_flow
from tests.support.rest import FLOWS
from tests.support.rows import Call, Flow
from tests.support.times import ago

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
    alive = make_call(account, "a")
    assert "not told yet" in facts(browser, page(alive))
    Call.objects.update(state="ended", ended_at=timezone.now())
    assert "not reported: why" in facts(browser, page(alive))
    made(ago(60), account, name="front desk")
    call = make_call(account, "b", cost="0.01250", currency="EUR", step="menu", ended_at=timezone.now(), state="ended")
    told = facts(browser, page(call))
    assert "0.0125 EUR" in told
    assert "front desk</a>" in told
    assert "at step menu" in told
    assert "front desk" not in facts(signed_in("voice.view_call"), page(call))


def made(at: datetime, account: TelnyxAccount, **columns: Any) -> Flow:
    """A flow that was made back then."""
    flow = make_flow(account, **columns)
    flow.history.update(history_date=at)  # type: ignore[attr-defined]
    return flow


def test_the_flow_is_the_one_that_was_in_force_at_the_call(
    browser: Client, api: APIClient, account: TelnyxAccount
) -> None:
    first = made(ago(60), account, name="days")
    before, during = make_call(account, "a", started_at=ago(90)), make_call(account, "b", started_at=ago(30))
    assert api.patch(f"{FLOWS}{first.pk}/", {"name": "old days", "active": False}, format="json").status_code == 200
    make_flow(account, name="nights")
    assert "<dt>Flow" not in facts(browser, page(before))
    told = facts(browser, page(during))
    assert f"/admin/voice/flow/{first.pk}/change/" in told
    assert ">days</a>" in told
    assert "nights" not in told
    assert api.delete(f"{FLOWS}{first.pk}/").status_code == 204
    told = facts(browser, page(during))
    assert "<dd>days</dd>" in told  # it has no page any more


def test_neither_a_flow_of_others_nor_one_that_was_off_was_in_force_at_the_call(
    browser: Client, account: TelnyxAccount
) -> None:
    made(ago(60), make_account("other"))
    made(ago(60), account, connection_id="88")
    made(ago(60), account, active=False)
    assert "<dt>Flow" not in facts(browser, page(make_call(account, started_at=ago(30))))


def test_times_name_their_zone(browser: Client, account: TelnyxAccount) -> None:
    (call,) = store(account, BY_ID["p03-in-caller-hung-up"])
    told = facts(browser, page(call))
    assert ">(UTC)<" in told
    assert ">14:03:07</time>" in told


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({}, ""),
        ({"mos": 2.9}, 'portal-bad" href="#quality">bad'),
        ({"mos": 4.3, "packets_in": 100, "skipped_in": 9}, 'portal-warn" href="#quality">9 % lost'),
        ({"packets_in": 0, "packets_out": 50, "skipped_out": 0}, "no audio towards us"),
        ({"packets_in": 50, "packets_out": 0}, "no audio from us"),
        ({"packets_out": 50, "skipped_out": 0}, "nothing lost"),
        ({"mos": 2.9, "answered_at": None}, ""),  # nobody was there to hear it
    ],
)
def test_how_it_sounded_is_told_where_it_was_measured(
    browser: Client, account: TelnyxAccount, columns: dict[str, Any], words: str
) -> None:
    told = facts(browser, page(make_call(account, **columns)))
    assert words in told if words else "<dt>Sound" not in told


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"attestation": "C"}, ('portal-warn" href="#quality"', ">C</a>")),
        ({"attestation": "A", "attestation_valid": False}, ('portal-bad" href="#quality"', "not in order")),
        ({"screening": "spam_likely"}, ("spam likely",)),
    ],
)
def test_a_badge_tells_whether_the_caller_is_vouched_for(
    browser: Client, account: TelnyxAccount, columns: dict[str, Any], words: tuple[str, ...]
) -> None:
    assert "<dt>Trust" not in facts(browser, page(make_call(account, "a")))
    told = facts(browser, page(make_call(account, "b", **columns)))
    assert all(one in told for one in words), told
