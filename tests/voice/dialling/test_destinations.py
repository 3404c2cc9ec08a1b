"""Whom a command would call: told from a number, a SIP address, or an assistant's tool."""

from typing import Any

import pytest

from voice.dialling.destinations import destinations, read


@pytest.mark.parametrize(
    ("text", "e164", "regions", "premium"),
    [
        ("+13125550001", "+13125550001", {"US"}, False),
        ("+1 (312) 555-0001", "+13125550001", {"US"}, False),
        ("+18765551234", "+18765551234", {"JM"}, False),
        ("+19005551234", "+19005551234", {"US"}, True),
        ("+97912345678", "+97912345678", {"001"}, True),
        ("+80812345678", "+80812345678", {"001"}, True),
        ("sip:+8816123@pbx.example.com", "+8816123", {"001"}, False),
        ("sip:%2B19005551234@pbx.example.com", "+19005551234", {"US"}, True),
        ("sip:TEL%3A+19005551234@pbx.example.com", "+19005551234", {"US"}, True),
        ("sip:0019005551234@pbx.example.com", "+19005551234", {"US"}, True),
        ("SIPS:19005551234@sip.telnyx.com:5061;transport=tls", "+19005551234", {"US"}, True),
        ("sip:19005551234@pbx.example.com", "", set(), False),
        ("sip:ada@example.com", "", set(), False),
    ],
)
def test_a_destination_is_read(text: str, e164: str, regions: set[str], premium: bool) -> None:
    found = read(text)
    assert found is not None
    assert (found.e164, found.regions, found.is_premium) == (e164, regions, premium)


def test_a_number_that_cannot_exist_may_be_in_any_country_of_its_code() -> None:
    found = read("+15550001")
    assert found is not None
    assert {"US", "CA", "JM"} <= found.regions


@pytest.mark.parametrize("text", ["3125550001", "anonymous", "tel:+13125550001", "+999123456", "0049301234567", ""])
def test_what_cannot_be_read_is_no_destination(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize(
    ("parameters", "numbers", "unreadable"),
    [
        ({"to": "+13125550001", "from": "+13125550100"}, ["+13125550001"], []),
        ({"to": ["+13125550001", "+13125550002"]}, ["+13125550001", "+13125550002"], []),
        ({"to": "5550001"}, [], ["to"]),
        ({"sip_address": "sip:+13125550001@example.com"}, ["+13125550001"], []),
        ({"sip_address": "+13125550001@example.com"}, ["+13125550001"], []),
        ({"sip_address": "ada@example.com"}, [""], []),
        ({"sip_address": "tel:+13125550001"}, [], ["sip_address"]),
        ({"assistant": {"tools": [{"transfer": {"targets": [{"to": "+8816123"}]}}]}}, ["+8816123"], []),
        ({"parameters": {"properties": {"to": {"type": "string"}}}}, [], []),
        ({"dynamic_variables": {"to": "Ada"}}, [], []),
    ],
)
def test_destinations_are_found_where_they_stand(
    parameters: dict[str, Any], numbers: list[str], unreadable: list[str]
) -> None:
    found, not_read = destinations(parameters)
    assert ([one.e164 for one in found], not_read) == (numbers, unreadable)
