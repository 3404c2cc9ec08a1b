"""Conditions and placeholders: pure, and refused when built."""

from typing import Any

import pytest

from voice.flows.conditions import BadPath, Condition, check_path, fill, placeholders

CONTEXT: dict[str, Any] = {
    "event": {
        "event_type": "call.gather.ended",
        "payload": {
            "digits": "1",
            "count": 3,
            "list": [{"a": "b"}],
            "none": None,
            "word": "None",
            "empty": "",
            "flag": True,
        },
    },
    "call": {"direction": "incoming", "step": "menu", "from": "+13125550101"},
}


@pytest.mark.parametrize(
    ("field", "op", "value", "holds"),
    [
        ("event.payload.digits", "eq", "1", True),
        ("event.payload.digits", "eq", 1, True),
        ("event.payload.digits", "eq", "2", False),
        ("event.payload.missing", "eq", None, False),
        ("event.payload.missing", "ne", "1", True),
        ("event.payload.digits", "ne", "1", False),
        ("event.payload.digits", "in", ["0", "1"], True),
        ("event.payload.digits", "in", [], False),
        ("call.from", "starts_with", "+1312", True),
        ("call.from", "starts_with", "+49", False),
        ("event.payload.count", "gt", 2, True),
        ("event.payload.count", "lt", 3, False),
        ("event.payload.digits", "lt", "2", True),
        ("event.payload.list", "gt", 1, False),
        ("event.payload.digits", "exists", True, True),
        ("event.payload.none", "exists", True, False),
        ("event.payload.missing", "exists", False, True),
        ("event.payload.list.0.a", "eq", "b", True),
        ("event.payload.list.7.a", "eq", "b", False),
        # a path into what has no members leads nowhere
        ("event.payload.digits.0", "eq", "1", False),
        ("event.payload.digits.0", "exists", False, True),
        ("event.payload.digits.1", "exists", True, False),
        ("event.payload.digits.key.more", "ne", "1", True),
        ("event.payload.count.0", "exists", True, False),
        ("event.payload.none.0", "exists", True, False),
        ("event.payload.list.a", "exists", True, False),
        ("call.from.0", "exists", True, False),
        ("event.payload.count", "lt", 10**400, False),
        ("event.event_type", "eq", "call.gather.ended", True),
        ("event.payload.count", "gt", 3, False),
        ("event.payload.count", "lt", 4, True),
        ("event.payload.list.1.a", "eq", "b", False),
        ("event.payload.none", "eq", None, True),
        ("event.payload.none", "eq", "None", False),
        ("event.payload.word", "eq", None, False),
        ("event.payload.empty", "exists", True, False),
        ("event.payload.empty", "exists", False, True),
        ("event.payload.digits", "in", [1], True),
        ("event.payload.missing", "in", [None], False),
        ("event.payload.count", "starts_with", "3", False),
        # true is neither 1 nor a word, and no number
        ("event.payload.flag", "eq", True, True),
        ("event.payload.flag", "eq", 1, False),
        ("event.payload.flag", "eq", "True", False),
        ("event.payload.flag", "gt", 0, False),
    ],
)
def test_operators(field: str, op: str, value: Any, holds: bool) -> None:
    assert Condition.read({"field": field, "op": op, "value": value}).matches(CONTEXT) is holds


@pytest.mark.parametrize("value", [1, "1", "True", "true"])
def test_true_is_neither_a_number_nor_a_word(value: Any) -> None:
    context = {"event": {"payload": {"flag": value}}, "call": {}}
    assert not Condition.read({"field": "event.payload.flag", "op": "eq", "value": True}).matches(context)


@pytest.mark.parametrize("left_out", ["field", "op"])
def test_a_condition_that_lacks_a_member_is_told_how_one_looks(left_out: str) -> None:
    given = {"field": "event.payload.digits", "op": "eq", "value": "1"}
    del given[left_out]
    with pytest.raises(ValueError, match="A condition looks like"):
        Condition.read(given)


@pytest.mark.parametrize(("field", "holds"), [("event.payload.digits", True), ("event.payload.missing", False)])
def test_exists_asks_whether_it_is_there_unless_it_says_otherwise(field: str, holds: bool) -> None:
    assert Condition.read({"field": field, "op": "exists"}).matches(CONTEXT) is holds


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        {"field": "event.payload.digits"},
        {"field": "event.payload.digits", "op": "matches", "value": ".*"},
        {"field": "settings.SECRET_KEY", "op": "eq", "value": ""},
        {"field": "call.account", "op": "eq", "value": ""},
        {"field": "event.payload.__class__.x y", "op": "eq", "value": ""},
        {"field": 1, "op": "eq", "value": ""},
        {"field": "call.from", "op": [], "value": ""},
        {"field": "call.from", "op": {}, "value": ""},
        {"field": "call.from", "op": None, "value": ""},
        {"field": "call.from", "op": "in", "value": "abc"},
        {"field": "call.from", "op": "exists", "value": "yes"},
        {"field": "call.from", "op": "lt", "value": "abc"},
        {"field": "call.from", "op": "gt", "value": [1]},
        {"field": "call.from", "op": "gt", "value": "inf"},
        {"field": "call.from", "op": "lt", "value": float("inf")},
        {"field": "call.from", "op": "eq", "value": "1", "and": "more"},
    ],
)
def test_a_bad_condition_is_refused_when_built(given: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        Condition.read(given)


def test_within_ssml_what_a_caller_says_is_text() -> None:
    said = """<break time="9s"/> & 'quoted'"""
    context = {"event": {"payload": {"caller_id_name": said}}, "call": {}}
    spoken = {"payload": "<speak>Hello {{ event.payload.caller_id_name }}</speak>", "payload_type": "ssml"}
    escaped = "&lt;break time=&quot;9s&quot;/&gt; &amp; &apos;quoted&apos;"
    assert fill(spoken, context)["payload"] == f"<speak>Hello {escaped}</speak>"
    assert fill(spoken | {"payload": "{{ event.payload.caller_id_name }}"}, context)["payload"] == escaped
    assert fill({"deep": [spoken]}, context)["deep"][0]["payload"] == f"<speak>Hello {escaped}</speak>"
    for plain in ({**spoken, "payload_type": "text"}, {"payload": spoken["payload"]}):
        assert fill(plain, context)["payload"] == f"<speak>Hello {said}</speak>"


def test_what_is_said_after_a_wrong_answer_is_text_within_ssml_too() -> None:
    context = {"event": {"payload": {"said": "<break/>"}}, "call": {}}
    named = "{{ event.payload.said }}"
    asked = {"payload": "Press 1", "invalid_payload": named, "client_state": named, "payload_type": "ssml"}
    filled = fill(asked, context)
    assert (filled["invalid_payload"], filled["client_state"]) == ("&lt;break/&gt;", "<break/>")


def test_placeholders_are_filled_and_nothing_is_evaluated() -> None:
    given = {
        "to": "{{ event.payload.digits }}",
        "text": "You pressed {{event.payload.digits}}!",
        "n": "{{ event.payload.count }}",
    }
    assert fill(given, CONTEXT) == {"to": "1", "text": "You pressed 1!", "n": 3}
    assert fill("{{ 7*7 }} {% now %}", {"event": {}, "call": {}, "7*7": 1}) == "1 {% now %}"
    assert placeholders(given) == ["event.payload.digits", "event.payload.digits", "event.payload.count"]


def test_a_missing_value_is_named() -> None:
    with pytest.raises(KeyError, match=r"event\.payload\.nothing"):
        fill({"to": "{{ event.payload.nothing }}"}, CONTEXT)


def test_a_value_that_is_null_is_missing_too() -> None:
    for given in ("{{ event.payload.none }}", "It is {{ event.payload.none }}."):
        with pytest.raises(KeyError, match=r"event\.payload\.none"):
            fill({"to": given}, CONTEXT)


DEEPEST, LONGEST = "event.payload" + ".a" * 8, "event.payload." + "a" * 64
OUTSIDE = ["", "call", "event.payload", "event.body", "event.received_at", "call.facts", "event.payload..x"]


@pytest.mark.parametrize("path", [*OUTSIDE, f"{DEEPEST}.a", f"{LONGEST}a"])
def test_paths_outside_of_event_and_call_are_refused(path: str) -> None:
    with pytest.raises(BadPath):
        check_path(path)


@pytest.mark.parametrize("path", [DEEPEST, LONGEST, "event.event_type", "event.occurred_at", "call.tags.0"])
def test_paths_of_event_and_call_are_taken_as_they_are(path: str) -> None:
    assert check_path(path) == path


IDS = ["call_control_id", "call_leg_id", "call_session_id", "connection_id"]


@pytest.mark.parametrize("name", [*IDS, "direction", "from", "to", "state", "step", "client_state", "tags"])
def test_each_of_these_of_a_call_may_be_asked_for(name: str) -> None:
    assert check_path(f"call.{name}") == f"call.{name}"


def test_within_ssml_what_is_no_text_is_filled_in_as_anywhere() -> None:
    given = {"payload_type": "ssml", "payload": ["{{ event.payload.digits }}", 3]}
    assert fill(given, CONTEXT)["payload"] == ["1", 3]
