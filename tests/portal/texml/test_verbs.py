"""An element is read with its values, and whatever is left out of it is noted."""

import pytest

from portal.texml.grammar import GRAMMAR
from portal.texml.tree import parse
from portal.texml.verbs import Verb, read

URL = "https://pbx.example/a/menu?x=1"


def first(verb: str, url: str = URL) -> tuple[Verb | None, list[str]]:
    (node,) = parse(f"<Response>{verb}</Response>").root.children
    found, notes = read(node, url)
    return found, [note.text for note in notes]


def test_values_have_the_types_of_the_grammar_and_its_defaults() -> None:
    verb, notes = first('<Gather action="next" input="dtmf speech" numDigits="2" smartFormat="false"/>')
    assert verb
    assert notes == []
    assert verb.get("action") == "https://pbx.example/a/next"
    assert verb.get("input") == ("dtmf", "speech")
    assert (verb.get("numDigits"), verb.get("timeout"), verb.get("finishOnKey")) == (2, 5, "#")
    assert verb.get("smartFormat") is False
    assert verb.written == {"action", "input", "numDigits", "smartFormat"}


def test_marks_of_speech_are_spoken_without_them() -> None:
    verb, notes = first('<Say>\n Press <break time="1s"/><emphasis level="strong">one</emphasis>  now </Say>')
    assert verb
    assert (verb.text, verb.children, notes) == ("Press one now", (), [])


@pytest.mark.parametrize(
    ("xml", "note"),
    [
        ("<say>x</say>", "ignored: <say>, which nobody knows (did you mean <Say>?)"),
        ("<Sms>x</Sms>", "ignored: <Sms>, which nobody knows"),
        ("<Number>+13125550100</Number>", "ignored: <Number>, which does not belong into <Response>"),
        ("<Pause numdigits='1'/>", "ignored: numdigits of <Pause>, which it does not have"),
        ("<Gather numdigits='1'/>", "ignored: numdigits of <Gather>, which it does not have (did you mean numDigits?)"),
        (
            "<Gather timeout='999'/>",
            'ignored: timeout="999" of <Gather>, which takes a whole number from 1 to 120; 5 holds',
        ),
        (
            "<Gather input='dtmf,speech'/>",
            'ignored: input="dtmf,speech" of <Gather>, which takes dtmf, speech; dtmf holds',
        ),
        ("<Record playBeep='no'/>", 'ignored: playBeep="no" of <Record>, which takes true or false; true holds'),
        ("<Record action='ftp://x/y'/>", 'ignored: action="ftp://x/y" of <Record>, which takes an address'),
        ("<Dial callerId='x'>+13125550100</Dial>", 'ignored: callerId="x" of <Dial>, which takes a phone number'),
        ("<Play digits='1a'/>", 'ignored: digits="1a" of <Play>, which takes another form'),
        ("<Hangup>now</Hangup>", "ignored: the text in <Hangup>"),
        ("<Dial/>", "ignored: <Dial>, which lacks text or children"),
        ("<Redirect/>", "ignored: <Redirect>, which lacks its text"),
        ("<Start><Stream/></Start>", "ignored: <Stream>, which lacks url"),
        ("<Refer><Sip>sip:a@b</Sip><Sip>sip:c@d</Sip></Refer>", "ignored: a further <Sip> in <Refer>"),
    ],
)
def test_what_telnyx_passes_over_is_noted(xml: str, note: str) -> None:
    assert note in first(xml)[1]


def test_a_bad_value_leaves_the_rest_as_it_is() -> None:
    verb, _ = first("<Gather timeout='1.5' numDigits='-1' maxDigits='3'/>")
    assert verb
    assert (verb.get("timeout"), verb.get("numDigits"), verb.get("maxDigits")) == (5, None, 3)


def test_a_value_beside_the_range_is_taken() -> None:
    verb, notes = first("<Start><Siprec connectorName='c' sessionTimeoutSecs='0'/></Start>")
    assert verb
    assert (verb.children[0].get("sessionTimeoutSecs"), notes) == (0, [])


def test_addresses_stay_relative_in_a_document_without_one() -> None:
    verb, notes = first("<Redirect>menu</Redirect>", url="")
    assert verb
    assert (verb.text, notes) == ("menu", [])


@pytest.mark.parametrize("name", GRAMMAR.verbs)
def test_every_verb_of_the_grammar_is_read_or_noted(name: str) -> None:
    verb, notes = first(f"<{name}/>")
    assert (verb is None) == bool(notes)
