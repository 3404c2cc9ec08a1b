"""Phone numbers: shown to those who may see them, masked to all others, checked before they are dialled."""

import re

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from portal.phone_numbers import check_endpoint, mask, pretty


@pytest.mark.parametrize(
    ("number", "seen"),
    [
        ("+13125550001", "+1312•••0001"),
        ("+4420718387501", "+442071•••7501"),
        ("+1234567", "+1•••67"),
        ("13125550001", "•••0001"),
        ("sip:ada@example.com", "sip:•••@example.com"),
        ("sip:+13125550001@10.0.0.1:5060;user=phone", "sip:•••@10.0.0.1:5060"),
        ("call +13125550001 back", "•••"),
        ("Ada Fitzroy", "•••"),
        ("tel:+13125550001", "tel:+1312•••0001"),
        ("+1 (312) 555-0001", "+1312•••0001"),
        ("312 555 0001", "•••0001"),
        ("+123456789012345", "+123456•••2345"),
        ("<sip:+13125550001@8813125550001.example>", "sip:•••@•••"),
        ("911", "911"),
        ("123456", "•••56"),
        ("anonymous", "anonymous"),
        ("", ""),
    ],
)
def test_a_number_is_masked(number: str, seen: str) -> None:
    assert mask(number) == seen


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_no_mask_tells_the_whole_number(number: str) -> None:
    kept = re.sub(r"\D", "", mask(number))
    assert len(kept) <= len(number) - 4
    assert not re.search(r"\d{9}", mask(number))


@pytest.mark.parametrize(
    ("given_as", "dialled"),
    [
        ("+1 312 555 0001", "+13125550001"),
        ("+1 (312) 555-0001", "+13125550001"),
        ("+44.20.7183.8750", "+442071838750"),
        ("sip:ada@example.com", "sip:ada@example.com"),
        ("sips:ada@example.com:5061;transport=tls", "sips:ada@example.com:5061;transport=tls"),
    ],
)
def test_an_endpoint_is_taken_as_people_write_it(given_as: str, dialled: str) -> None:
    assert check_endpoint(given_as) == dialled


@pytest.mark.parametrize(
    "text", ["3125550001", "+0123456789", "+12", "+1312555000112345", "ada", "sip:", "sip:a b@c", ""]
)
def test_what_is_no_endpoint_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValidationError, match="country code"):
        check_endpoint(text)


@pytest.mark.parametrize(
    ("number", "read"),
    [
        ("+13125550001", "+1 312-555-0001"),
        ("+1312•••0001", "+1312•••0001"),
        ("sip:ada@x", "sip:ada@x"),
        ("+999", "+999"),
    ],
)
def test_a_number_is_spaced_for_reading(number: str, read: str) -> None:
    assert pretty(number) == read
