"""Whom a template can call and ask: nobody is served who was not judged."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.texml.judging.destinations import judged
from portal.texml.rendering import RenderError, render
from portal.texml.templates import TemplateError, read


def judged_in(source: str, element: str) -> set[str]:
    """What the template can say in the elements of that name."""
    trees = [ElementTree.fromstring(one) for one in judged(f"<Response>{source}</Response>")]
    return {found.text or "" for tree in trees for found in tree.iter(element)}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("+{{#if From == z}}1{{/if}}2673555010", {"+12673555010", "+2673555010"}),
        ("{{#if A == 1}}+1312{{#elseif A == 2}}+44{{#else}}+49{{/if}}", {"+1312", "+44", "+49"}),
        ("{{#if A == 1}}+1312{{/if}}{{#if A == 2}}+44{{/if}}", {"", "+1312", "+44"}),
        ("{{#if A != 1}}+1{{/if}}{{#if B == 2}}2{{#if A == 1}}3{{/if}}{{/if}}", {"", "+1", "23", "+12"}),
        ("{{^A}}+1{{/A}}2", {"+12", "2"}),
        ("{{ A | allow +1312 +44 }}{{ B | allow 5 '' }}", {"+13125", "+1312", "+445", "+44"}),
        ("{{ A | allow 0013125550100 7 | e164 }}", {"+13125550100", ""}),
        ("{{ A | allow 1 2 | allow 2 3 }}", {"2"}),
        ("+1<!-- 3 -->{<![CDATA[{#if A == 1}}]]>2&#123;{/if}}", {"+1", "+12"}),
        ("\n{{#if A == 1}}\n<b/>{{/if}}{{#A}}<b/>\n{{/A}}", {""}),
    ],
)
def test_each_number_that_may_be_called_is_judged(source: str, said: set[str]) -> None:
    assert judged_in(f"<Number>{source}</Number>", "number") == said


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("https:/{{#if A == 1}}{{/if}}/a.example/b", {"https://a.example/"}),
        ("https:{{ V }}//a.example/b", {"https://a.example/", r"\\/"}),
        ("https://{{#if A == 1}}a{{#else}}b{{/if}}.example/{{#if A == 1}}x{{/if}}{{ V }}", {"https://a.example/", "https://b.example/"}),
        ("https://{{ A | allow a.example b.example }}/x?b={{ B }}&amp;c={{ C }}", {"https://a.example/", "https://b.example/"}),
        ("/next?to=https://a.example/&amp;b={{ B }}", {"-"}),
        ("https://a.example\\@b.example", {"https://a.example\\"}),
        ("https://a.example/{{#A}}a\\b{{/A}}", {"https://a.example/", "https://a.example/\\"}),
        ("\n https://a.example/x\n", {"\n https://a.example/\n"}),
    ],
)  # fmt: skip
def test_each_host_that_may_be_asked_is_judged(source: str, said: set[str]) -> None:
    assert judged_in(f"<Play>{source}</Play>", "play") == said


@pytest.mark.parametrize(
    "source",
    [
        '<Say voice="{{#Voice}}{{ . }}{{/Voice}}{{^Voice}}alice{{/Voice}}">Hi</Say>',
        '<Record playBeep="{{#Beep}}true{{/Beep}}"/>',
        '<Dial callerId="{{#CallerId}}{{ . }}{{/CallerId}}"/>',
        '<Gather action="{{#Next}}next.xml{{/Next}}"/>',
        "<Redirect>{{#Next}}{{ . }}{{/Next}}</Redirect>",
    ],
)
def test_a_list_of_words_is_no_host(source: str) -> None:
    assert judged(f"<Response>{source}</Response>")


def test_what_a_list_of_letters_makes_a_scheme_of_is_judged() -> None:
    judged_hosts = judged_in("<Play>h{{#A}}t{{/A}}p://b.example/</Play>", "play")
    assert {"hp://b.example/", "htp://b.example/", "http://b.example/"} <= judged_hosts


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("<Gather action='https:{{#A}}/{{/A}}a.example'/>", "list"),
        ("<Gather action='{{#A}}a:{{/A}}//a.example'/>", "list"),
        ("<Number>+1{{#A}}2{{/A}}</Number>", "list"),
        ("<x:Number>{{ A }}</x:Number>", "allow"),
        ("<Play>https://{{#if A == 1}}{{#else}}a.example/{{/if}}{{ V }}</Play>", "host"),
        ("<Play>https:/<b/>/{{ V }}</Play>", "host"),
        ("<Gather action='{{#if A == 1}}{\"{{/if}}https:{{ V }}a.example'/>", "host"),
        ('<HttpRequest><Request url="https:{{#secret}}s{{/secret}}a.example"/></HttpRequest>', "host"),
        ("<Number>" + "{{ A | allow 1 2 3 4 5 6 7 8 9 }}" * 9 + "</Number>", "too much"),
        ("<Number>" + "1" * 40_000 + "</Number>", "too much"),
    ],
)
def test_what_cannot_be_judged_is_told(source: str, words: str) -> None:
    with pytest.raises(TemplateError, match=words) as wrong:
        judged(f"<Response>{source}</Response>")
    assert wrong.value.rule == "T04"


NUMBERS = ["+1", "312", " ", "{{#if A == 1}}", "{{#if B != 1}}", "{{#elseif A != 2}}", "{{#else}}", "{{/if}}"]
NUMBERS += ["{{#B}}", "{{^B}}", "{{/B}}", "{{ A | allow 1 2 }}", "<b/>", "<!-- x -->", "<![CDATA[7]]>"]
NAMED = st.fixed_dictionaries({"A": st.sampled_from(["", "1", "2"]), "B": st.sampled_from(["", "1", ["1", "2"]])})


@given(st.lists(st.sampled_from(NUMBERS), max_size=14).map("".join), NAMED)
def test_no_number_is_served_that_was_not_judged(source: str, values: dict[str, str | list[str]]) -> None:
    try:
        said = judged_in(f"<Number>{source}</Number>", "number")
        served = render(read(f"<Response><Number>{source}</Number></Response>"), values)
    except (TemplateError, RenderError):
        return
    (number,) = ElementTree.fromstring(served.encode()).iter("Number")
    direct = (number.text or "") + "".join(child.tail or "" for child in number)
    assert "".join(direct.split()) in {"".join(one.split()) for one in said}


ADDRESSES = ["https:", "/", "//", "a.example", "{{ V }}", "{{ A | allow / b.example }}", "?", "{", "\\"]
ADDRESSES += ["{{#if A == 1}}", "{{#else}}", "{{/if}}", "{{#B}}", "{{/B}}", "{{^B}}"]


@given(st.lists(st.sampled_from(ADDRESSES), max_size=12).map("".join), NAMED, st.sampled_from(["", "//c.example", "c"]))
def test_no_host_is_asked_that_was_not_judged(source: str, values: dict[str, str | list[str]], more: str) -> None:
    try:
        trees = [ElementTree.fromstring(one) for one in judged(f'<Gather action="{source}"/>')]
        served = render(read(f'<Gather action="{source}"/>'), {"V": more, **values})
    except (TemplateError, RenderError):
        return
    address = ElementTree.fromstring(served.encode()).get("action") or ""
    said = {one.get("action") or "" for tree in trees for one in tree.iter("gather")}
    if found := re.match(r"\s*([a-z]+:)?[/\\]{2}[^/\\?#]*", address):
        assert any(one.startswith((found[0], r"\\")) for one in said), (found[0], said)
