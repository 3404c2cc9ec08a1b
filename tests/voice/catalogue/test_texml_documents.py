"""What a TeXML document would do: whom it calls, who would hear the call, which addresses it names."""

import pytest

from voice.catalogue.texml_documents import Unreadable, addresses, called, has_assistant, is_heard, may_call


@pytest.mark.parametrize(
    ("inner", "found"),
    [
        ("<Say>+13125550001</Say>", []),
        ("<Dial>+13125550001</Dial>", [("dial", "+13125550001")]),
        (
            "<Dial><Number>\n +13125550001 </Number><Sip>sip:a@b.example</Sip></Dial>",
            [("number", "+13125550001"), ("sip", "sip:a@b.example")],
        ),
        ("<Dial><Conference>+13125550001</Conference></Dial>", []),
        ("<Dial><Queue>support</Queue></Dial>", []),
        ("<Refer><Sip>sip:a@b.example</Sip></Refer>", [("sip", "sip:a@b.example")]),
        ("<dial><![CDATA[+1312]]>555<!-- x -->0001</dial>", [("dial", "+13125550001")]),
        ("<x:Dial>+1&#51;125550001</x:Dial>", [("dial", "+13125550001")]),
        ("<Gather><Dial>+13125550001</Dial></Gather>", [("dial", "+13125550001")]),
        ("<Dial/>", []),
    ],
)
def test_it_finds_everyone_who_would_be_called(inner: str, found: list[tuple[str, str]]) -> None:
    assert called(f"<Response>{inner}</Response>") == found


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("<Response><Dial>", "line 1, column 17"),
        ("<Response>&</Response>", "line 1, column 12"),
        ("no XML", "line 1, column 1"),
        ("<Response>\n\ud800</Response>", "line 2, column 1"),
        ("<Response>" + "<Dial>" * 20_000, "more than the 65,536 bytes"),
        ('<!DOCTYPE r [<!ENTITY n "+881">]><Response><Dial>&n;</Dial></Response>', "declaration is not allowed"),
        ('<?xml version="1.0" encoding="nonsense"?><Response/>', "declares nonsense"),
        ('<?xml version="1.0" encoding="iso-8859-1"?><Response/>', "encoding iso-8859-1 is not allowed"),
        ('<?xml version="1.0" encoding="utf-7"?><Response>+ADw-Dial+AD4-</Response>', "declares utf-7"),
    ],
)
def test_what_cannot_be_read_is_told_by_line_and_column(document: str, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        called(document)


@pytest.mark.parametrize(
    ("inner", "is_so"),
    [
        ("<Say>stream</Say>", False),
        ("<Record/>", True),
        ('<Start><Stream url="wss://media.example.com"/></Start>', True),
        ("<Start><Recording/></Start>", True),
        ('<Start><Siprec connectorName="x"/></Start>', True),
        ('<Stop><Stream name="x"/></Stop>', False),
        ('<Connect><ConversationRelay url="wss://media.example.com"/></Connect>', True),
        ('<Dial record="record-from-answer">+13125550001</Dial>', True),
        ('<Dial record="do-not-record"><Conference record="record-from-start">a</Conference></Dial>', True),
        ('<Dial record="do-not-record">+13125550001</Dial>', False),
        ('<Dial Record="do-not-record" record="record-from-answer">+13125550001</Dial>', True),
    ],
)
def test_it_tells_whether_the_call_would_be_heard(inner: str, is_so: bool) -> None:
    assert is_heard(f"<Response>{inner}</Response>") is is_so


@pytest.mark.parametrize(
    ("inner", "is_so"),
    [
        ("<Say>+13125550001</Say>", False),
        ("<Dial/>", False),
        ("<DIAL>+13125550001</DIAL>", True),
        ("<x:Dial xmlns:x='y'>+13125550001</x:Dial>", True),
        ("<AIGather><Tools><Tool>{}</Tool></Tools></AIGather>", True),
        ("<AIGather><Greeting>Hello.</Greeting></AIGather>", False),
    ],
)
def test_it_tells_whether_somebody_may_be_called(inner: str, is_so: bool) -> None:
    assert may_call(f"<Response>{inner}</Response>") is is_so


@pytest.mark.parametrize(
    ("inner", "found"),
    [
        ("<Say>https://example.com</Say>", []),
        ("<Play>https://example.com/a.mp3</Play>", ["https://example.com/a.mp3"]),
        ("<Play>a.mp3</Play>", []),
        ("<Redirect>//example.com</Redirect>", ["//example.com"]),
        ('<Gather action="/next"/>', []),
        ('<Gather action="HTTPS://example.com"><Say/></Gather>', ["HTTPS://example.com"]),
        ('<HttpRequest><Request url="http://example.com"/></HttpRequest>', ["http://example.com"]),
        ('<Start><Stream URL="wss://example.com"/></Start>', ["wss://example.com"]),
        ('<Start><Stream url="wss:/{{ From }}/a.example"/></Start>', ["wss:/{{ From }}/a.example"]),  # Telnyx fills it
        ("<Play>{{#if A == 1}}https:{{/if}}//a.example</Play>", ["{{#if A == 1}}https:{{/if}}//a.example"]),
        ('<Gather action="/next?a={{ From }}" hints="{{ From }}"/>', []),
    ],
)
def test_it_finds_the_addresses_it_names(inner: str, found: list[str]) -> None:
    assert addresses(f"<Response>{inner}</Response>") == found


@pytest.mark.parametrize(("value", "is_so"), [("", False), ("false", False), ("do-not-record", False), ("true", True)])
def test_a_dial_that_is_not_to_be_recorded_is_not_heard(value: str, is_so: bool) -> None:
    assert is_heard(f'<Response><Dial record="{value}">+13125550001</Dial></Response>') is is_so


@pytest.mark.parametrize("inner", ['<Connect><AIAssistant id="a"/></Connect>', "<Tool/>", "<x:AIAssistant/>"])
def test_whom_an_assistant_calls_nobody_knows(inner: str) -> None:
    assert has_assistant(f"<Response>{inner}</Response>")
    assert may_call(f"<Response>{inner}</Response>")
    assert not called(f"<Response>{inner}</Response>")


@pytest.mark.parametrize("declared", ["", ' encoding="UTF-8"', ' encoding="utf-8"'])
def test_a_document_may_declare_that_it_is_utf_8(declared: str) -> None:
    document = f'<?xml version="1.0"{declared}?><Response><Dial>+13125550001</Dial></Response>'
    assert called(document) == [("dial", "+13125550001")]
