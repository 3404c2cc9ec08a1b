"""Whom a command would call: told from a number, a SIP address, or an assistant's tool."""

from typing import Any

import pytest

from voice.catalogue import actions, members
from voice.dialling.destinations import destinations, names_destination, read


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
        ("sip:4930123@sip.telnyx.com", "+4930123", {"DE"}, False),
        ("sip:9005551234@sip.telnyx.com", "+19005551234", {"US"}, True),
        ("sip:19005551234", "+19005551234", {"US"}, True),
        ("+4918012345", "+4918012345", {"DE"}, True),  # what it costs is shared
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


TARGETS = "assistant.tools.0.transfer.targets"


def tools(targets: Any) -> dict[str, Any]:
    """An assistant that may put the caller through to one of these."""
    return {"assistant": {"id": "a", "tools": [{"type": "transfer", "transfer": {"from": "+1", "targets": targets}}]}}


@pytest.mark.parametrize(
    ("action", "parameters", "numbers", "unreadable", "dials"),
    [
        ("dial", {"to": "+13125550001", "from": "+13125550100"}, ["+13125550001"], [], 1),
        ("dial", {"to": ["+13125550001", "+13125550002"]}, ["+13125550001", "+13125550002"], [], 2),
        ("transfer", {"to": "5550001"}, [], ["to"], 1),
        ("transfer", {"to": "{{ event.payload.from }}"}, [], ["to"], 1),
        ("dial", {"to": ["+13125550001", "{{ targets }}"]}, ["+13125550001"], ["to"], 2),
        ("dial", {"to": []}, [], ["to"], 1),
        ("dial", {"to": ""}, [], ["to"], 1),
        ("dial", {"to": {"number": "+13125550001"}}, [], ["to"], 1),
        ("refer", {"sip_address": "sip:+13125550001@example.com"}, ["+13125550001"], [], 1),
        ("refer", {"sip_address": "+13125550001@example.com"}, ["+13125550001"], [], 1),
        ("refer", {"sip_address": "ada@example.com"}, [""], [], 1),
        ("refer", {"sip_address": " sip:+13125550001@example.com"}, ["+13125550001"], [], 1),
        ("refer", {"sip_address": "ada@example.com\n"}, [""], [], 1),
        ("refer", {"sip_address": "tel:+13125550001"}, [], ["sip_address"], 1),
        ("start_ai_assistant", tools([{"to": "+8816123"}]), ["+8816123"], [], 1),
        ("answer", tools([{"to": "+13125550001"}, {"to": "+13125550002"}]), ["+13125550001", "+13125550002"], [], 1),
        ("answer", tools([{"to": "{{ agent }}"}]), [], [f"{TARGETS}.0.to"], 1),
        ("gather_using_ai", tools("{{ targets }}"), [], [TARGETS], 1),
        ("gather_using_ai", tools("+13125550001"), ["+13125550001"], [], 1),
        ("gather_using_ai", tools([{"name": "Ada"}]), [], [TARGETS], 1),
        (
            "gather_using_ai",
            tools([{"to": "+13125550001"}, "Ada"]),
            ["+13125550001"],
            [TARGETS, TARGETS, f"{TARGETS}.1"],
            1,
        ),
        ("gather_using_ai", tools([]), [], [TARGETS], 1),
        ("dial", {"to": [{"to": "+13125550001"}]}, ["+13125550001"], ["to"], 2),
        ("fly", {"to": "+13125550001"}, ["+13125550001"], [], 1),
        ("texml.calls.create", {"From": "+13125550100", "To": "+13125550001"}, ["+13125550001"], [], 1),
        ("dial", {"to": "+13125550001"} | tools("nobody"), ["+13125550001"], [TARGETS], 2),
        ("answer", {"assistant": {"id": "a", "tools": ["{{ event.payload.x }}"]}}, [], ["assistant.tools.0"], 1),
        ("answer", {"assistant": "{{ event.payload.x }}"}, [], ["assistant"], 1),
        ("gather_using_ai", {"parameters": {"properties": {"to": {"type": "string"}}}}, [], [], 0),
        ("answer", {"assistant": {"id": "a", "dynamic_variables": {"to": "Ada"}}}, [], [], 0),
        (
            "answer",
            {"assistant": {"id": "a", "dynamic_variables": {"to": "+8816123"}}},
            ["+8816123"],
            [],
            1,
        ),
        (
            "answer",
            {"assistant": {"id": "a", "dynamic_variables": {"to": "0049 30 12345"}}},
            [],
            ["assistant.dynamic_variables.to"],
            1,
        ),
        *(
            ("answer", {"assistant": {"id": "a", "dynamic_variables": {"to": text}}}, [], unreadable, len(unreadable))
            for text, unreadable in (
                ("room 1234", []),
                ("desk 12345", ["assistant.dynamic_variables.to"]),
                ("{{ agent }}", ["assistant.dynamic_variables.to"]),
            )
        ),
        *(
            ("answer", {"assistant": {"id": "a", "dynamic_variables": {name: "+8816123"}}}, ["+8816123"], [], 1)
            for name in ("sip_address", "targets", "To")
        ),
        (
            "answer",
            {"assistant": {"id": "a", "dynamic_variables": {"to": ["+8816123", "room 7", 7, "+8816124"]}}},
            ["+8816123", "+8816124"],
            [],
            1,
        ),
        ("answer", {"assistant": {"id": "a", "dynamic_variables": {"from": "+8816123"}}}, [], [], 0),
        *(
            ("texml.calls.redirect", {"Texml": f"<Response>{inside}</Response>"}, *found)
            for inside, *found in (
                ("<Say>+13125550001</Say>", [], [], 0),
                ("<Dial><Number>+13125550001</Number><Sip>ada@b.example</Sip></Dial>", ["+13125550001", ""], [], 2),
                ("<Dial><Sip>sip:ada@b.example</Sip></Dial>", [""], [], 1),
                ("<Dial>{{ To }}</Dial>", [], ["Texml"], 1),
                ("<Dial>", [], ["Texml"], 1),
            )
        ),
        ("speak", {"payload": "Call +13125550001", "voice": "female"}, [], [], 0),
    ],
)
def test_destinations_are_found_where_they_stand(
    action: str, parameters: dict[str, Any], numbers: list[str], unreadable: list[str], dials: int
) -> None:
    named = destinations(action, parameters)
    assert ([one.e164 for one in named.found], named.unreadable) == (numbers, unreadable)
    assert named.dials == dials


def test_of_a_document_a_number_is_no_sip_address() -> None:
    """An account that calls no SIP address calls it."""
    document = "<Response><Dial><Number>+13125550001</Number><Sip>ada@b.example</Sip></Dial></Response>"
    assert [one.is_sip for one in destinations("texml.calls.redirect", {"Texml": document}).found] == [False, True]


@pytest.mark.parametrize(
    ("document", "is_open"),
    [
        ('<Response><Connect><AIAssistant id="a"/></Connect></Response>', True),
        ("<Response><Say>a</Say></Response>", False),
        ("", False),
    ],
)
def test_an_assistant_of_a_document_may_call_whom_nobody_here_knows(document: str, is_open: bool) -> None:
    assert destinations("texml.calls.redirect", {"Texml": document}).is_open is is_open


@pytest.mark.parametrize(
    ("action", "given", "is_open"),
    [
        ("start_ai_assistant", {"assistant": {"id": "a"}}, True),
        ("answer", {"assistant": {"id": "a", "tools": []}}, True),
        ("answer", {"assistant": {"id": "a", "tools": [{"type": "hangup", "hangup": {"description": "x"}}]}}, False),
        ("gather_using_ai", {"assistant": {"model": "a"}}, False),
        ("answer", {"webhook_urls": {"call.hangup": ["https://a.example"]}}, False),
        ("dial", {"conference_config": {"id": "a"}}, False),
    ],
)
def test_an_assistant_that_is_kept_at_telnyx_has_tools_that_nobody_here_knows(
    action: str, given: dict[str, Any], is_open: bool
) -> None:
    assert destinations(action, given).is_open is is_open


@pytest.mark.parametrize(
    "user",
    [
        *("*67+13125550001", "*6713125550001", "#31#13125550001", '"13125550001"', "%2A6713125550001", "911"),
        "493012",
        *("13125550001;maddr=192.0.2.1", "+13125550001;ext=1", "13125550001;phone-context=+44", "%252B13125550001"),
        *("%25252B13125550001", "13125550001:secret", "a b", "{{ who }}", "<13125550001>", "13125550001,200"),
        *("+1312%0A5550001", "+1312 5550001", "+1/312/5550001", "1312555%00"),
    ],
)
@pytest.mark.parametrize("host", ["sip.telnyx.com", "SIP.TELNYX.EU:5061", "sip.telnyx.com.", "192.0.2.1"])
def test_a_user_at_a_carrier_is_plainly_a_number_or_a_name(user: str, host: str) -> None:
    assert read(f"sip:{user}@{host}") is None


@pytest.mark.parametrize(
    "address",
    [
        *("sip:13125550001@sip.telnyx.com;maddr=192.0.2.1", "sip:ada@pbx.example.com;maddr=sip.telnyx.com"),
        *("sip:ada@pbx.example.com?Route=%3Csip:192.0.2.1%3E", "sip:ada@sip.telnyx.com@pbx.example.com"),
        *("sip:%2542@pbx.example.com", "sip:ada@%73ip.telnyx.com", "sip:ada@pbx.example.com;transport", "sip:911"),
        *("sip:ada:secret@pbx.example.com", "sip:@pbx.example.com", "sip:192.0.2.1", "sips:", "sip:ada@"),
        "sip:[2001:db8::1]",
        *("sip:+999123456@pbx.example.com", "sip:00999123456@pbx.example.com"),  # a phone's, and nobody knows which
    ],
)
def test_a_sip_address_that_may_lead_elsewhere_is_none(address: str) -> None:
    assert read(address) is None


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("sip:gencred4711@sip.telnyx.com", ""),
        ("sip:+13125550001@sip.telnyx.com;secure=srtp", ""),
        ("sip:+13125550001", ""),
        ("sip:ada@PBX.example.com:5070;transport=tls;secure=true", "pbx.example.com"),
        ("sip:*98@pbx.example.com", "pbx.example.com"),
        ("sip:ada@telnyx.example.com", "telnyx.example.com"),
        ("sip:ada@sip.telnyx.com.example.org", "sip.telnyx.com.example.org"),
        ("sip:ada@nottelnyx.com", "nottelnyx.com"),
        ("sip:ada@[2001:db8::1]", "[2001:db8::1]"),
    ],
)
def test_a_host_is_told_unless_it_is_telnyxs_own(address: str, host: str) -> None:
    found = read(address)
    assert found is not None
    assert (found.host, found.is_sip) == (host, True)


# --- The SDK names them ----------------------------------------------------------------------------------------------

# a new SDK that adds one, or changes its words, shows here: look whether the sandbox and the limits know it
KNOWN = {
    "dial": ["to", "assistant.tools.*.transfer.targets", "assistant.tools.*.transfer.targets.*.to"],
    "transfer": ["to"],
    "refer": ["sip_address"],
}
KNOWN |= dict.fromkeys(("answer", "gather_using_ai", "start_ai_assistant"), KNOWN["dial"][1:])


def test_the_members_that_name_a_destination_are_known() -> None:
    every = (actions.DIAL, *actions.names(), *actions.conference_names(), "conferences.create", "queues.create")
    found = {action: list(members.paths(action, names_destination)) for action in every}
    assert {action: places for action, places in found.items() if places} == KNOWN


def test_whoever_is_spoken_of_in_the_help_is_a_destination() -> None:
    """Names and help agree: what is called by either is called by both."""
    for action in KNOWN:
        for place in members.paths(action, lambda parameter: "SIP URI" in parameter.help.split("\n\n")[0]):
            assert place in KNOWN[action]
