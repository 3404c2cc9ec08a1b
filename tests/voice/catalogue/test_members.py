"""A command's parameters, walked beside what the SDK says of them."""

from typing import Any

import pytest

from portal.telnyx.sdk_types import Parameter
from voice.catalogue import members


def is_to(parameter: Parameter) -> bool:
    return parameter.name == "to"


def tools(held: Any) -> dict[str, Any]:
    return {"assistant": {"id": "a", "tools": held}}


def test_every_member_is_told_by_its_place_and_what_holds_it_comes_first() -> None:
    given = tools([{"type": "transfer", "transfer": {"targets": [{"to": "+1"}]}}])
    assert [member.place for member in members.walk("answer", given)] == [
        "assistant",
        "assistant.id",
        "assistant.tools",
        "assistant.tools.0",
        "assistant.tools.0.type",
        "assistant.tools.0.transfer",
        "assistant.tools.0.transfer.targets",
        "assistant.tools.0.transfer.targets.0",
        "assistant.tools.0.transfer.targets.0.to",
    ]


def test_the_sdk_describes_what_it_knows_and_leaves_the_rest_open() -> None:
    given = {"assistant": {"id": "a", "dynamic_variables": {"to": "Ada", "nested": [{"deep": 1}]}}, "no_such": {"x": 1}}
    described = {member.place: member.parameter is not None for member in members.walk("answer", given)}
    assert described == {
        "assistant": True,
        "assistant.id": True,
        "assistant.dynamic_variables": True,
        "assistant.dynamic_variables.to": False,
        "assistant.dynamic_variables.nested": False,
        "assistant.dynamic_variables.nested.0": False,
        "assistant.dynamic_variables.nested.0.deep": False,
        "no_such": False,
        "no_such.x": False,
    }


@pytest.mark.parametrize("action", ["", "fly", "_post"])
def test_of_an_action_that_the_sdk_has_not_all_is_open(action: str) -> None:
    assert [(member.place, member.parameter) for member in members.walk(action, {"to": "+1"})] == [("to", None)]


@pytest.mark.parametrize("given", [None, "{{ event.payload.x }}", [], 7])
def test_what_is_no_object_has_no_members(given: Any) -> None:
    assert list(members.walk("answer", given)) == []


@pytest.mark.parametrize(
    ("given", "places"),
    [
        ({"assistant": "{{ event.payload.x }}"}, ["assistant"]),
        (tools("{{ event.payload.x }}"), ["assistant.tools"]),
        (tools(["{{ event.payload.x }}"]), ["assistant.tools.0"]),
        (tools([{"type": "transfer", "transfer": None}]), ["assistant.tools.0.transfer"]),
        (tools([{"type": "hangup", "hangup": "{{ event.payload.x }}"}]), []),
        ({"client_state": "{{ event.payload.x }}"}, []),
    ],
)
def test_a_text_in_the_place_of_what_may_hold_it_is_told(given: dict[str, Any], places: list[str]) -> None:
    walked = members.walk("answer", given)
    assert [member.place for member in walked if members.cannot_be_walked(member, is_to)] == places


def test_paths_go_through_lists() -> None:
    assert list(members.paths("dial", is_to)) == ["to", "assistant.tools.*.transfer.targets.*.to"]


@pytest.mark.parametrize(
    ("action", "name"),
    [
        ("dial", "to"),
        ("speak", "payload"),
        ("conferences.play", "audio_url"),
        ("queues.create", "queue_name"),
        ("texml.calls.dial", "To"),
    ],
)
def test_the_sdk_describes_the_parameters_of_every_kind_of_action(action: str, name: str) -> None:
    (member,) = members.walk(action, {name: "x"})
    assert member.parameter is not None
    assert (member.place, member.parameter.name, member.value) == (name, name, "x")
