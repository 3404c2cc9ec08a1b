"""What callers would get of a draft, and a call of it in words."""

from typing import Any

import pytest

from portal.texml.rendering import Values
from portal.texml.templates import TemplateError
from portal.texml.tree import parse
from voice.texml_editor.draft import SAMPLES, Draft, previews, talk, values_of

MENU = """<Response>
  <Gather action="https://portal.example/texml/sales/" numDigits="1">
    <Say>{{ Company }}: hello {{ From }}.</Say>
  </Gather>
  <Say>Nothing was pressed.</Say>
</Response>"""
APOLOGY = "<Response><Say>We are sorry.</Say></Response>"


def test_each_sample_caller_gets_the_document_as_it_would_be_served():
    first, second, hostile = previews(Draft(MENU, {"Company": "Acme"}))
    assert [one.caller for one in (first, second, hostile)] == list(SAMPLES)
    assert "<Say>Acme: hello +13125550123.</Say>" in first.document
    assert first.values == {"Company": "Acme", "From": "+13125550123"}
    assert "hello anonymous." in second.document
    elements = [element.name for element in parse(hostile.document).walk()]
    assert elements == ["Response", "Gather", "Say", "Say"]
    assert "</Say><Dial>+19005550100</Dial>" in hostile.values["From"]


def test_an_own_caller_is_added_and_goes_before_what_is_declared():
    own = previews(Draft(MENU, {"Company": "Acme"}), " Company = Other \nFrom=+4930123\nno value\n= x\n")[-1]
    assert "<Say>Other: hello +4930123.</Say>" in own.document
    assert values_of("A=1\n\nB = 2=3\n9=4") == {"A": "1", "B": "2=3"}


def test_a_caller_who_gets_none_is_told_why():
    draft = Draft('<Response><Dial>{{ Digits | allow "1" }}</Dial></Response>', apology=APOLOGY)
    first, second, _ = previews(draft)
    assert "<Dial>1</Dial>" in first.document
    assert (second.document, second.values) == ("", {"Digits": ""})
    assert "none of those allowed" in second.error
    told = talk(draft, [], {})
    assert 'Caller hears: "We are sorry."' in told["steps"][0]["lines"]
    assert told["problem"].startswith("The apology was served: ")


def test_a_template_that_cannot_be_read_says_where():
    draft = Draft("<Response>\n<Say>{{ From </Say></Response>", apology=APOLOGY)
    with pytest.raises(TemplateError) as raised:
        previews(draft)
    assert (raised.value.line, raised.value.rule) == (2, "T01")
    assert 'Caller hears: "We are sorry."' in talk(draft, [], {})["steps"][0]["lines"]


def test_a_call_goes_on_into_other_documents_and_back():
    asked: list[tuple[str, Any]] = []

    def others(url: str, values: Values) -> str | None:
        asked.append((url, values.get("Digits", "")))
        return "<Response><Say>Sales.</Say><Redirect>https://portal.example/texml/menu/</Redirect></Response>"

    draft = Draft(MENU, {"Company": "Acme"}, APOLOGY, "https://portal.example/texml/menu/", others)
    told = talk(draft, ["press 1", "press 7 8", "wait"], {"From": "anonymous"})
    assert asked == [("https://portal.example/texml/sales/", "1")]
    assert [step["do"] for step in told["steps"]] == ["call", "press 1"]
    assert 'Caller hears: "Acme: hello anonymous."' in told["steps"][0]["lines"]
    assert 'Caller hears: "Sales."' in told["steps"][1]["lines"]
    assert told["problem"] == "Keys are 0 to 9, * and #."
    assert told["choices"] == ["press …", "wait", "hang up"]


def test_a_query_is_read_as_where_documents_are_served():
    again = "?Greeting=&amp;Step[]=a&amp;Step[]=b#end"
    menu = f"""<Response><Gather action="{again}" numDigits="1">
      <Say>{{{{ Greeting }}}}:{{{{#Step}}}} {{{{ . }}}}{{{{/Step}}}}</Say></Gather></Response>"""
    told = talk(Draft(menu, {"Greeting": "Hello"}, url="https://portal.example/texml/menu/"), ["press 1"], {})
    first, then = ([line for line in step["lines"] if line.startswith("Caller")] for step in told["steps"])
    assert first == ['Caller hears: "Hello:"']
    assert then == ['Caller hears: ": a b"']  # what is sent empty is no default, and a list has each value
