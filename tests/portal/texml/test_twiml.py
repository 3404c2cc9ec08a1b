"""TwiML becomes TeXML: what has a counterpart is taken over, the rest is told where it stood."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.texml.grammar import GRAMMAR
from portal.texml.judging.linter import Surroundings, lint
from portal.texml.tree import Malformed, parse
from portal.texml.twiml import from_twiml
from tests.support.texml_language import ATTRIBUTES, document, needed
from tests.support.twiml_documents import documents

MADE = dict(documents())


def body(source: str) -> str:
    """The new document between the tags of its root, on one line."""
    text = from_twiml(f"<Response>{source}</Response>").document
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<Response')
    return (
        "".join(line.strip() for line in text.splitlines()[1:]).removeprefix("<Response>").removesuffix("</Response>")
    )


def told(source: str) -> list[tuple[str, str]]:
    return [(one.what, one.message) for one in from_twiml(f"<Response>{source}</Response>").changes]


def whats(source: str) -> list[str]:
    return [what for what, _ in told(source)]


# --- What the twilio package makes ---


def test_the_package_makes_every_verb():
    assert {name.partition(".")[0] for name in MADE} >= {
        "dial",
        "gather",
        "record",
        "enqueue",
        "connect",
        "start",
        "pay",
    }
    assert len(MADE) > 300


@pytest.mark.parametrize("name", [name for name in MADE if not name.startswith(("say.", "prompt.say.", "gather.say."))])
def test_all_of_a_document_is_taken_over_or_told(name):
    check(MADE[name])


def test_all_of_what_is_spoken_is_taken_over_or_told():
    for name, source in MADE.items():
        if ".say." in f".{name}":
            check(source)


def check(source: str) -> None:
    imported = from_twiml(source)
    new = parse(imported.document)
    places = {(one.line, one.column) for one in imported.changes}
    gone: set[int] = set()
    there = [(element.name, one.name, one.value) for element in new.walk() for one in element.attributes]
    for element in parse(source).walk():
        is_told = (element.line, element.column) in places
        if id(element.parent) in gone or (is_told and f"<{element.name}" not in imported.document):
            gone.add(id(element))
            continue
        assert f"<{element.name}" in imported.document, (source, element.name)
        for one in element.attributes:
            assert (one.line, one.column) in places or (element.name, one.name, one.value) in there, (source, one)
    wrong = [one for one in lint(imported.document) if one.level in {"fatal", "error"}]
    assert len({one.message for one in imported.changes if one.what == "wrong"}) >= len({one.message for one in wrong})


# --- One thing each ---


@pytest.mark.parametrize(
    ("source", "expected", "what"),
    [
        ('<Record action="/a" transcribe="true"/>', '<Record action="/a" transcription="true"/>', "renamed"),
        ('<Gather action="/a" enhanced="true"/>', '<Gather action="/a" useEnhanced="true"/>', "renamed"),
        ('<Gather action="/a" method="GET"/>', '<Gather action="/a"/>', "left out"),
        ('<Gather action="/a" nonsense="1"/>', '<Gather action="/a"/>', "left out"),
        ("<Sms>Hi</Sms><Hangup/>", "<Hangup/>", "left out"),
        ("<!-- note --><Hangup/>", "<Hangup/>", "left out"),
        ('<Gather action="/a"><Pause/></Gather>', '<Gather action="/a"></Gather>', "left out"),
        ("<Dial><Client>joe</Client></Dial>", "<Dial><Sip>sip:joe@sip.telnyx.com</Sip></Dial>", "changed"),
        ("<Dial>+1 (415) 555-0100</Dial>", "<Dial>+14155550100</Dial>", "changed"),
        ('<Say voice="man" loop="2">a &amp; b</Say>', '<Say voice="man" loop="2">a &amp; b</Say>', ""),
        (
            '<Dial><Number machineDetectionTimeout="30">+14155550100</Number></Dial>',
            '<Dial><Number machineDetectionTimeout="30000">+14155550100</Number></Dial>',
            "changed",
        ),
        (
            '<Dial><Number statusCallback="/a" statusCallbackEvent="ringing,answered">+14155550100</Number></Dial>',
            '<Dial><Number statusCallback="/a" statusCallbackEvent="ringing answered">+14155550100</Number></Dial>',
            "changed",
        ),
        (
            '<Dial><Conference statusCallback="/a" statusCallbackEvent="join mute">a</Conference></Dial>',
            '<Dial><Conference statusCallback="/a" statusCallbackEvent="join">a</Conference></Dial>',
            "left out",
        ),
        ("<Say>{{#e164}}{{From}}{{/e164}}</Say>", "<Say>{{ From | e164 }}</Say>", "changed"),
        ('<Reject reason="Busy"/>', '<Reject reason="busy"/>', "changed"),
        ("<Say>a<break/>b<emphasis level='strong'>c</emphasis></Say>", None, ""),
        ("<Say>psst <amazon:effect name='whispered'>now</amazon:effect>!</Say>", "<Say>psst now!</Say>", "left out"),
    ],
)
def test_one_thing_is_taken_over_and_told(source, expected, what):
    assert body(source) == (expected or source.replace("'", '"')).replace("<break></break>", "<break/>")
    assert what == "" or what in whats(source)
    assert what or whats(source) == []


def test_the_same_events_in_a_transcription_have_other_names_and_values():
    source = '<Start><Transcription statusCallbackUrl="/a" languageCode="de-DE" track="both_tracks"/></Start>'
    assert body(source) == (
        '<Start><Transcription transcriptionCallback="/a" language="de-DE" transcriptionTracks="both"/></Start>'
    )
    assert sorted(whats(source)) == ["changed", "renamed", "renamed", "renamed"]


def test_another_default_is_told_and_left_to_the_author():
    source = '<Record action="/a"/>'
    assert body(source) == source
    assert [message.split()[1] for what, message in told(source) if what == "differs"] == [
        "channels",
        "timeout",
        "trim",
    ]
    assert whats('<Record action="/a" timeout="5" trim="trim-silence" channels="single"/>') == []


def test_what_happens_without_an_action_is_told():
    assert [message for what, message in told("<Gather/>") if what == "differs"] == [
        GRAMMAR.twiml_without["Gather"]["action"]
    ]


def test_what_is_wrong_with_the_result_is_told_where_it_came_from():
    changes = from_twiml("<Response>\n\n\n<Say>Hi</Say>\n<Dial>4155550100</Dial></Response>").changes
    assert [(one.line, one.what) for one in changes] == [(5, "wrong")]
    assert changes[0].message.endswith("(V08)")


def test_what_is_not_published_since_nobody_can_tell_whom_it_calls_is_told_where_it_came_from():
    """The linter's rules alone find nothing: it takes the reader of templates."""
    source = "<Response>\n\n<Dial>+1312555{{#Digits}}0100{{/Digits}}</Dial></Response>"
    (change,) = from_twiml(source).changes
    assert (change.line, change.what, change.message[-5:]) == (3, "wrong", "(T04)")


def test_a_line_break_that_is_meant_stays_one():
    source = '<Response><Say voice="a&#10;b&#9;">a&#13;b</Say></Response>'
    new = parse(from_twiml(source).document).root.children[0]
    assert (new.text, new.get("voice")) == ("a\rb", "a\nb\t")


def test_another_root_is_told():
    imported = from_twiml("<VoiceResponse><Say>Hi</Say></VoiceResponse>")
    assert [one.what for one in imported.changes] == ["changed"]
    assert lint(imported.document) == []


@pytest.mark.parametrize(("key", "name"), [one for one in ATTRIBUTES if not GRAMMAR.elements[one[0]].ssml])
def test_what_is_texml_already_stays_as_it_is(key, name):
    element = GRAMMAR.elements[key]
    if element.attributes[name].type in {"phone", "json"}:
        return
    given = element.attributes[name].default or ""
    attributes = needed(key, name, given) if given else needed(key)
    before = parse(document(key, attributes))
    after = parse(from_twiml(document(key, attributes)).document)
    assert [(one.name, [(a.name, a.value) for a in one.attributes]) for one in before.walk()] == [
        (one.name, [(a.name, a.value) for a in one.attributes]) for one in after.walk()
    ]


def test_an_imported_document_is_judged_as_one():
    imported = from_twiml('<Response><Record action="/a"/></Response>')
    assert [one.rule for one in lint(imported.document, Surroundings(is_imported=True))] == ["D01"] * 3


_TEXTS = st.text(alphabet="ab{}#/|<>&\"' \n\r\t+1()-.\u202eü", max_size=20)


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_it_raises_nothing_but_malformed(source):
    with contextlib.suppress(Malformed):
        from_twiml(source)


@given(st.sampled_from(sorted(MADE)), _TEXTS)
def test_words_stay_words(name, words):
    """Whatever a text or an attribute says, the new document is well-formed, and its text is text."""
    source = MADE[name].replace("words", words.translate({ord(one): f"&#{ord(one)};" for one in "<>&\"'\n\r\t"}))
    new = parse(from_twiml(source).document)
    assert {one.name for one in new.walk()} <= set(GRAMMAR.names(ssml=True))


def test_each_helper_is_told_by_its_own_value():
    helpers = "{{#e164}}{{From}}{{/e164}} {{#url_encode}}{{To}}{{/url_encode}}"
    says = [message for what, message in told(f"<Say>{{{{Name}}}} {helpers}</Say>") if what == "changed"]
    assert says == [f"A helper of templates is written as a filter: {one}." for one in ("From | e164", "To | url")]
