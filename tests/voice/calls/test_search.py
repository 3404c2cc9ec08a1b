"""A call is found by whatever the customer on the phone can tell."""

from typing import Any

import pytest

from portal.models import TelnyxAccount
from tests.support.factories import CONNECTION, make_call
from tests.support.rows import Call
from voice.calls import search

pytestmark = pytest.mark.django_db
LEG, SESSION = "0ccc7b54-4df3-4bca-a65a-3da1ecc777f0", "1ccc7b54-4df3-4bca-a65a-3da1ecc777f1"


@pytest.fixture(autouse=True)
def log(account: TelnyxAccount) -> None:
    make_call(account, "a", from_number="+13125550143", to_number="+442071838750", call_leg_id=LEG)
    make_call(account, "b", from_number="+442071838750", to_number="+13125550199", call_session_id=SESSION)
    make_call(account, "c", from_number="sip:ada@example.com", to_number="+15125550143", connection_id="88")


def found(text: str) -> str:
    rows = search.by_text(Call.objects.order_by("call_control_id"), text)
    return "".join(row.call_control_id.removeprefix("v3:")[0] for row in rows)


@pytest.mark.parametrize(
    ("text", "legs"),
    [
        ("+13125550143", "a"),
        ("+1 312 555 0143", "a"),
        (" +1 (312) 555-0143 ", "a"),
        ("+1.312.555.0143", "a"),
        ("13125550143", "a"),
        ("+3125550143", ""),  # with + it is a whole number
        ("3125550143", "a"),
        ("555-0143", "ac"),
        ("0143", "ac"),
        ("143", "ac"),
        ("442071838750", "ab"),
        ("+442071838750", "ab"),
        ("sip:ada@example.com", "c"),
        ("sip:ada", "c"),
        ("sip:bob", ""),
        (LEG, "a"),
        (LEG.upper(), "a"),
        (SESSION, "b"),
        ("v3:b-leg", "b"),
        ("v3:b", ""),
        (CONNECTION, "ab"),
        ("nobody", ""),
        ("%", ""),
        ("5%5", ""),
        ("12", ""),
    ],
)
def test_a_text_finds(text: str, legs: str) -> None:
    assert found(text) == legs


def test_one_side_can_be_asked_for() -> None:
    def by(*sides: str) -> set[str]:
        return set(Call.objects.filter(search.number("+442071838750", sides)).values_list("call_control_id", flat=True))

    assert by("from") == {"v3:b-leg"}
    assert by("to") == {"v3:a-leg"}


def test_the_last_digits_are_a_prefix_search() -> None:
    query = str(search.by_text(Call.objects.order_by(), "555-0143").query)
    assert "LIKE 3410555%" in query


def test_names_of_applications_cost_two_statements(account: TelnyxAccount, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):
        assert search.application_names({(account.pk, CONNECTION), (account.pk, "88")}) == {}
