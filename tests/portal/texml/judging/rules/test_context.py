"""What elements mean: in another case what they were meant to be, and nothing within what nobody knows."""

from portal.texml.judging.rules.context import Context
from portal.texml.tree import parse


def meanings(source: str) -> list[tuple[str, str]]:
    return [(element.name, meaning.key) for element, meaning in Context(parse(source)).known()]


def test_an_element_means_what_it_means_in_its_parent():
    assert meanings("<Response><HttpRequest><Response/></HttpRequest><Stop><Stream/></Stop></Response>") == [
        ("Response", "Response"),
        ("HttpRequest", "HttpRequest"),
        ("Response", "HttpRequest/Response"),
        ("Stop", "Stop"),
        ("Stream", "Stop/Stream"),
    ]


def test_another_case_is_taken_for_what_was_meant_and_what_stands_in_it_is_judged():
    assert meanings("<response><gather><say/></gather></response>") == [
        ("response", "Response"),
        ("gather", "Gather"),
        ("say", "Say"),
    ]


def test_what_stands_in_an_unknown_element_means_nothing():
    assert meanings("<Response><Nothing><Say/></Nothing></Response>") == [("Response", "Response")]
    assert meanings("<html><Say/></html>") == []
