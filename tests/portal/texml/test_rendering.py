"""Templates filled with what callers send: text stays text, wherever it stands."""

import json
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portal.texml import rendering
from portal.texml.rendering import MAX_ITEMS, MAX_OUTPUT, RenderError, render
from portal.texml.templates import read

# every kind of place that a value may stand in, the same value in each
EVERYWHERE = """<Response>
<Say voice="{{ V }}">{{ V }}</Say><Say>before {{ V }} after<![CDATA[ & {{ V }}]]></Say>
<Gather action="https://portal.example/next?from={{ V }}&amp;step=2" hints="{{ V }}">
<Say>{{#V}}{{ . }}{{/V}}</Say></Gather>
<Play>https://media.example/{{ V }}.mp3</Play><Redirect>/again?who={{ V | url }}&amp;safe=yes</Redirect>
<Dial fromDisplayName="{{ V }}" callerId="{{ V }}"><Conference>{{ V }}</Conference></Dial>
<Pay parameters='{"who": "{{ V }}", "list": [{{ V }}, 1]}'/>
<HttpRequest><Request url="https://crm.example/a/{{ V }}">
<Headers><Header><Value>Bearer {{ V }}</Value></Header></Headers>
<Body>{"caller": "{{ V }}", "again": "{{ V | json }}", "bare": {{ V }}}</Body></Request></HttpRequest>
<HttpRequest><Request><Body>who={{ V }}&amp;role=guest</Body></Request></HttpRequest>
</Response>"""
PROGRAM = read(EVERYWHERE)
HARMLESS = ElementTree.fromstring(render(PROGRAM, {"V": "harmless"}).encode())
HOSTILE = (
    "</Say><Dial>+19005550100</Dial>",
    "{{secret}}",
    "{{#secret}}x{{/secret}}",
    "{{{V}}}",
    "&lt;",
    "]]><Hangup/>",
    "nul \x00 in it",
    "half \ud83d a pair \udc00",
    "line\r\nX-Header: 1\nand\ttab",
    '", "admin": true, "x": "',
    "\\",
    "&admin=1#x?y=/../",
    "\u202e0010555 009+\u200f",
    "'\"><!--",
    "\ufffe\uffff￾\x7f\x85\u2028",
    "x" * 10_240,
    "{" * 1_024,
)


def shape(root: ElementTree.Element) -> list[tuple[str, tuple[str, ...]]]:
    return [(element.tag, tuple(element.attrib)) for element in root.iter()]


def legal(text: str) -> str:
    """What XML 1.0 can hold of it."""
    return "".join(
        one
        for one in text
        if one in "\t\n\r" or " " <= one <= "\ud7ff" or "\ue000" <= one <= "\ufffd" or one >= "\U00010000"
    )


def check(value: str) -> None:
    document = render(PROGRAM, {"V": value})
    assert "{{" not in document
    assert "}}" not in document
    root = ElementTree.fromstring(document.encode())
    assert shape(root) == shape(HARMLESS)
    text = legal(value)
    first, second = root.findall("Say")
    assert (first.text or "", first.get("voice")) == (text, text)
    assert second.text == f"before {text} after & {text}"
    gather = root.find("Gather")
    assert gather is not None
    assert (gather.get("hints"), gather.findtext("Say")) == (text, text)
    address = urlsplit(gather.get("action") or "")
    assert (address.netloc, parse_qsl(address.query, keep_blank_values=True)) == (
        "portal.example",
        [("from", text), ("step", "2")],
    )
    assert parse_qsl(urlsplit(root.findtext("Redirect") or "").query, keep_blank_values=True) == [
        ("who", text),
        ("safe", "yes"),
    ]
    assert urlsplit(root.findtext("Play") or "").path.count("/") == 1
    dial, pay = root.find("Dial"), root.find("Pay")
    assert dial is not None
    assert pay is not None
    assert not set("\r\n\t") & set(dial.get("fromDisplayName", "") + dial.get("callerId", ""))
    assert dial.findtext("Conference") == text
    assert json.loads(pay.get("parameters", "")) == {"who": text, "list": [text, 1]}
    header, body = root.findtext(".//Value") or "", root.findtext(".//Headers/../Body") or ""
    assert not set("\r\n") & set(header)
    assert header.startswith("Bearer ")
    assert json.loads(body) == {"caller": text, "again": text, "bare": text}
    form = root.findall(".//Body")[1].text or ""
    assert parse_qsl(form, keep_blank_values=True) == [("who", text), ("role", "guest")]


@pytest.mark.parametrize("value", HOSTILE)
def test_what_a_caller_sends_becomes_text_in_every_place(value: str) -> None:
    check(value)


def test_ten_kilobytes_of_braces_are_text() -> None:
    root = ElementTree.fromstring(render(read("<Say>{{ V }}</Say>"), {"V": "{" * 10_240}).encode())
    assert root.text == "{" * 10_240


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=200))
@example("")
def test_arbitrary_text_stays_text_in_every_place(value: str) -> None:
    check(value)


@given(st.text(alphabet="{}<>&\"'#/^|secrtifV= \\\n", max_size=60))
def test_text_made_of_marks_stays_text_in_every_place(value: str) -> None:
    check(value)


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("{{ From | spell }}", {"From": "4711"}, "4 7 1 1"),
        ("{{ From | e164 }}", {"From": "001 (312) 555-0100"}, "+13125550100"),
        ("{{ From | e164 }}", {"From": "anonymous"}, ""),
        ("{{ From | e164 | spell }}", {"From": "+1 312 5550100"}, "+ 1 3 1 2 5 5 5 0 1 0 0"),
        ("{{ From | url }}", {"From": "+1 2&3"}, "%2B1%202%263"),
        ("{{ From | json }}", {"From": '"\n'}, '\\"\\n'),
        ('{{ From | allow "a b" c }}', {"From": "a b"}, "a b"),
        ("{{ Nothing }}", {}, ""),
        ("{{ Tags }}", {"Tags": ["a", "b"]}, "a, b"),
        ("{{#if Digits == 1}}one{{#elseif Digits == '2'}}two{{#else}}else{{/if}}", {"Digits": "1"}, "one"),
        ("{{#if Digits == 1}}one{{#elseif Digits == '2'}}two{{#else}}else{{/if}}", {"Digits": "2"}, "two"),
        ("{{#if Digits == 1}}one{{#elseif Digits == '2'}}two{{#else}}else{{/if}}", {}, "else"),
        ('{{#if Digits != ""}}pressed{{/if}}', {"Digits": "1"}, "pressed"),
        ('{{#if Digits != ""}}pressed{{/if}}', {}, ""),
        ("{{#Tags}}<Say>{{ . }}</Say>{{/Tags}}", {"Tags": ["a", "<"]}, "a<"),
        ("{{#Tags}}{{#Name}}{{ . }}{{/Name}}{{ . }}{{/Tags}}", {"Tags": ["a", "b"], "Name": "n"}, "nanb"),
        ("{{#Tags}}some{{/Tags}}{{^Tags}}none{{/Tags}}", {"Tags": []}, "none"),
        ("{{#Tags}}some{{/Tags}}{{^Tags}}none{{/Tags}}", {"Tags": [""]}, "none"),
        ("{{#From}}some{{/From}}{{^From}}none{{/From}}", {"From": "\x00"}, "none"),
    ],
)
def test_a_template_says_what_its_language_says(template: str, values: rendering.Values, text: str) -> None:
    root = ElementTree.fromstring(render(read(f"<Say>{template}</Say>"), values).encode())
    assert "".join(root.itertext()) == text


def test_a_number_that_is_not_allowed_is_never_called() -> None:
    program = read("<Dial>{{ To | allow +13125550100 sip:desk@pbx.example }}</Dial>")
    assert "<Dial>sip:desk@pbx.example</Dial>" in render(program, {"To": "sip:desk@pbx.example"})
    for value in ("+19005550100", "", "+13125550100 ", "allow"):
        with pytest.raises(RenderError) as refused:
            render(program, {"To": value})
        assert "+1900" not in str(refused.value)


def test_a_secret_is_left_to_telnyx() -> None:
    program = read("<HttpRequest><Value>{{#secret}} crm {{/secret}}{{ V }}</Value></HttpRequest>")
    assert "{{#secret}} crm {{/secret}}&#123;" in render(program, {"V": "{"})


def test_lists_within_lists_do_not_cost_more_than_a_document_may() -> None:
    nested = "{{#A}}" * 8 + "x" + "{{/A}}" * 8
    with pytest.raises(RenderError, match="too long"):
        render(read(f"<Say>{nested}</Say>"), {"A": ["a"] * MAX_ITEMS})
    with pytest.raises(RenderError, match="too long"):
        render(read(f"<Say>{nested.replace('x', '')}</Say>"), {"A": ["a"] * MAX_ITEMS})
    with pytest.raises(RenderError, match="too long"):
        render(read("<Say>{{ A }}</Say>"), {"A": "a" * (MAX_OUTPUT + 1)})
    assert render(read("<Say>{{#A}}x{{/A}}</Say>"), {"A": ["a"] * 1000}).count("x") == MAX_ITEMS + 1  # and that of xml
