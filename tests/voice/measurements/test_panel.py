"""Quality, trust and cost on a call's page, in words."""

import re
from typing import Any

import pytest
from django.test import Client

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from tests.support.call_pages import LOG, page
from tests.support.factories import CONNECTION, make_call
from tests.support.rows import Call
from voice.measurements import wording

pytestmark = pytest.mark.django_db


def section(client: Client, call: Call) -> str:
    text = client.get(page(call)).content.decode()
    found = re.search(r'<section class="portal-card" id="quality".*?</section>', text, re.DOTALL)
    assert found
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({}, "Sound towards us (MOS) not measured"),
        ({"mos": 4.43}, "4.43 good"),
        ({"mos": 3.6}, "3.60 fair"),
        ({"mos": 3.41}, "3.41 poor: many complain"),
        ({"mos": 0.0}, "0 bad"),
        ({"packets_in": 100, "skipped_in": 7}, "towards us 7.0 % from us not measured"),
        (
            {"packets_in": 9000, "skipped_in": 1, "packets_out": 9, "skipped_out": 0},
            "towards us below 0.1 % from us none",
        ),
        ({"packets_in": 30_000, "skipped_in": 1}, "towards us below 0.1 % from us not measured"),
        ({"packets_in": 0, "skipped_in": 0}, "towards us not measured"),
        ({"attestation": "A", "attestation_valid": True}, "the number is theirs"),
        ({"attestation": "A", "attestation_valid": False}, "Its signature was not in order"),
        ({"attestation": "Z"}, "no known level"),
        ({"screening": "no_action"}, "found nothing"),
        ({"screening": "flag_calls"}, "flag calls"),
        ({"cost": "0.00550", "currency": "USD", "billed_seconds": 60}, "0.0055 USD 60 s billed"),
        ({"late_seconds": 30.5}, "after it happened"),
    ],
)
def test_it_is_worded(browser: Client, account: TelnyxAccount, columns: dict[str, Any], words: str) -> None:
    assert words in section(browser, make_call(account, **columns))


def test_the_parts_of_the_price_add_what_it_is_made_of(browser: Client, account: TelnyxAccount) -> None:
    part = {"call_part": "call-control", "cost": "0.0020", "rate": "0.0020", "currency": "USD", "billed_seconds": 60}
    odd = {"call_part": "", "cost": "", "rate": "", "currency": "", "billed_seconds": None}
    told = section(browser, make_call(account, cost="0.0020", cost_parts=[part, odd]))
    assert "Call Control: 0.002 USD (60 s billed, rate 0.002 USD)" in told
    assert "other: 0.00" in told


@pytest.mark.parametrize(
    ("reported", "words"), [(False, "is off there"), (True, "Not told yet"), (None, "Not told yet")]
)
def test_without_a_price_the_reason_is_told_and_where_it_is_changed(
    browser: Client, signed_in: Any, account: TelnyxAccount, reported: bool | None, words: str
) -> None:
    CallControlApplication.objects.create(
        account=account, telnyx_id=CONNECTION, application_name="menu", call_cost_in_webhooks=reported
    )
    alive = make_call(account, "alive")
    assert "after the end" in section(browser, alive)
    call = make_call(account, state="ended", ended_at=alive.answered_at)
    assert words in section(browser, call)
    assert ("Switch it on" in section(browser, call)) is (reported is False)
    assert "Switch it on" not in section(signed_in("voice.view_call"), call)


def test_the_bar_is_never_wider_than_its_scale() -> None:
    assert [wording.mos_share(value) for value in (0.0, 1.0, 4.5, 5.0)] == [1.9, 1.9, 96.0, 96.0]


@pytest.mark.parametrize(
    ("columns", "is_poor"),
    [
        ({}, False),
        ({"mos": 3.6}, False),
        ({"mos": 3.59}, True),
        ({"mos": 4.4, "packets_in": 100, "skipped_in": 3}, True),
        ({"mos": 4.4, "packets_out": 100, "skipped_out": 2}, False),
        ({"packets_in": 149, "skipped_in": 3}, True),
        ({"packets_in": 150, "skipped_in": 3, "packets_out": 10}, False),
        ({"skipped_out": 9}, False),
        ({"mos": 4.4, "packets_out": 0}, True),
        ({"packets_in": 0}, True),
        ({"packets_out": 0, "answered_at": None}, False),
        ({"mos": 2.9, "answered_at": None}, False),
    ],
)
def test_poor_is_what_somebody_on_the_line_notices_and_what_a_search_for_it_finds(
    browser: Client, account: TelnyxAccount, columns: dict[str, Any], is_poor: bool
) -> None:
    call = make_call(account, **columns)
    assert wording.sounds_poor(call) is is_poor
    for text, is_found in (("is:poor", is_poor), ("-is:poor", not is_poor)):
        rows = browser.get(LOG, {"q": text}).context_data["rows"]
        assert (call.pk in {row.found.pk for row, _, _ in rows}) is is_found, text
