"""Parameters as the SDK has them, by the names of the wire."""

from typing import Literal, Required, TypedDict

import pytest

from portal.telnyx import schemas
from portal.telnyx.schemas import InvalidParameters, describe, has_parameter, parameters, validate
from portal.telnyx.sdk_types import Parameter, members, model_of

TRANSFER = "calls.actions.transfer"
SPEAK = "calls.actions.speak"
CREATE = "call_control_applications.create"


def by_name(method: str) -> dict[str, Parameter]:
    return {parameter.name: parameter for parameter in parameters(method)}


def refused(method: str, values: dict, **how) -> dict[str, list[str]]:
    with pytest.raises(InvalidParameters) as caught:
        validate(method, values, **how)
    return caught.value.errors


def test_dial_and_every_action_have_the_parameters_telnyx_documents():
    assert {"to", "from", "connection_id", "command_id", "client_state"} <= set(by_name("calls.dial"))
    for action in ("answer", "hangup", "speak", "gather", "transfer", "start_recording"):
        assert {"command_id", "client_state"} <= set(by_name(f"calls.actions.{action}"))


def test_good_values_pass_unchanged():
    values = {"to": "+13125550100", "custom_headers": [{"name": "X-A", "value": "1"}], "timeout_secs": 30}
    assert validate(TRANSFER, values) == values


def test_an_unknown_name_is_refused_with_the_nearest_known_one():
    assert refused(TRANSFER, {"to": "+1", "from_": "+2"}) == {"from_": ['Unknown parameter. Did you mean "from"?']}


def test_unknown_names_are_refused_at_every_depth():
    inbound = {"application_name": "a", "webhook_event_url": "u", "inbound": {"channel_limi": 2}}
    assert refused(CREATE, inbound) == {"inbound.channel_limi": ['Unknown parameter. Did you mean "channel_limit"?']}
    headers = {"to": "+1", "custom_headers": [{"name": "X", "value": "1", "colour": "red"}]}
    assert refused(TRANSFER, headers) == {"custom_headers.0.colour": ["Unknown parameter."]}


def test_lists_are_looked_into():
    errors = refused(TRANSFER, {"to": "+1", "custom_headers": [{"name": "X"}, {"name": "X", "value": 1}]})
    assert set(errors) == {"custom_headers.0.value", "custom_headers.1.value"}
    assert "custom_headers" in refused(TRANSFER, {"to": "+1", "custom_headers": "X-A: 1"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeout_secs", "30"),
        ("timeout_secs", 30.5),
        ("timeout_secs", True),
        ("early_media", "true"),
        ("early_media", 1),
        ("audio_url", 5),
        ("audio_url", None),
        ("sound_modifications", []),
        ("custom_headers", {}),
    ],
)
def test_types_are_strict(name, value):
    assert set(refused(TRANSFER, {"to": "+1", name: value})) == {name}


def test_a_value_outside_the_enum_is_refused_by_its_values():
    errors = refused(CREATE, {"application_name": "a", "webhook_event_url": "u", "webhook_api_version": "3"})
    assert errors == {"webhook_api_version": ["Must be '1' or '2'."]}


def test_an_error_in_a_choice_of_types_is_told_under_the_wire_name():
    assert set(refused("calls.dial", {"to": 5, "from": "+1", "connection_id": "1"})) == {"to"}
    config = {"transcription_config": {"transcription_engine_config": {"colour": "red"}}}
    assert "transcription_config.transcription_engine_config.colour" in refused("calls.actions.answer", config)


def test_another_json_type_is_told_in_the_words_of_json():
    errors = refused("call_control_applications.update", {"inbound": 5, "tags": "a"}, partial=True)
    assert errors == {"inbound": ["Must be a valid object."], "tags": ["Must be a valid list."]}


def test_of_a_choice_of_types_one_is_told_what_it_takes_once():
    dial = {"from": "+1", "connection_id": "1"}
    assert refused("calls.dial", {**dial, "to": 5}) == {"to": ["Must be a valid string or a valid list."]}
    assert refused("calls.dial", {**dial, "to": [5]}) == {"to.0": ["Must be a valid string."]}


def test_of_several_shapes_the_one_that_its_type_names_is_judged():
    speak = {"payload": "Hello.", "voice": "female"}
    named = {**speak, "voice_settings": {"type": "elevenlabs", "api_key_ref": 4}}
    assert refused(SPEAK, named) == {"voice_settings.api_key_ref": ["Must be a valid string."]}
    (message,) = refused(SPEAK, {**speak, "voice_settings": {"type": "else", "speed": "x"}})["voice_settings.type"]
    assert message.startswith("Must be 'elevenlabs', 'telnyx', ")
    assert message.count("Must be") == 1
    google = {"transcription_engine_config": {"transcription_engine": "Google", "model": "phone_cal"}}
    (place,) = refused("calls.actions.start_transcription", google)
    assert place == "transcription_engine_config.model"
    assert validate(SPEAK, {**speak, "voice_settings": {"type": "newer", "speed": 1}}, open_choices=True)
    with pytest.raises(InvalidParameters):
        validate(SPEAK, {**speak, "voice_settings": {"type": 5}}, open_choices=True)


def test_a_body_of_several_shapes_is_judged_as_one_that_has_what_any_of_them_has():
    wrong = {"Url": 5, "Texml": 6, "AsyncAmd": "yes", "nonsense": 1}
    assert refused("texml.accounts.calls.calls", wrong) == {
        "Url": ["Must be a valid string."],
        "Texml": ["Must be a valid string."],
        "AsyncAmd": ["Must be a valid boolean."],
        "nonsense": ["Unknown parameter."],
    }
    assert validate("texml.accounts.calls.calls", {"Texml": "<Response/>", "AsyncAmd": True})


def test_a_missing_parameter_is_named_and_partial_forgives_it():
    assert refused(TRANSFER, {}) == {"to": ["This parameter is required."]}
    assert validate(TRANSFER, {}, partial=True) == {}


def test_partial_still_judges_what_is_there():
    assert set(refused(CREATE, {"inbound": {"channel_limit": "2"}}, partial=True)) == {"inbound.channel_limit"}


def test_partial_forgives_nothing_that_is_missing_deeper_within():
    headers = {"custom_headers": [{"name": "X"}]}
    required = {"custom_headers.0.value": ["This parameter is required."]}
    assert refused(TRANSFER, headers, partial=True) == required


def test_the_editor_is_told_what_is_chosen_from_and_what_is_within():
    create, transfer = by_name(CREATE), by_name(TRANSFER)
    of_text = {"kind": "string", "required": True}
    header = {"name": "item", "kind": "object", "required": True}
    assert describe(transfer["custom_headers"]) == {
        "name": "custom_headers",
        "kind": "array",
        "required": False,
        "item": header | {"fields": [{"name": name, **of_text} for name in ("name", "value")]},
    }
    choices = {"name": "webhook_api_version", "kind": "string", "required": False, "choices": ["1", "2"]}
    assert describe(create["webhook_api_version"]) == choices
    assert describe(create["application_name"]) == {"name": "application_name", **of_text}
    inbound = describe(create["inbound"])
    assert {"name": "channel_limit", "kind": "integer", "required": False} in inbound["fields"]


class Toy(TypedDict, total=False):
    colour: str
    size: Required[int]
    way: str
    age: Required[int]


def test_what_is_required_comes_first_and_all_else_in_the_sdks_order(monkeypatch):
    monkeypatch.setattr(schemas, "_params_type", lambda method: Toy)
    told = [(parameter.name, parameter.required) for parameter in parameters.__wrapped__("toys.make")]
    assert told == [("size", True), ("age", True), ("colour", False), ("way", False)]


def test_the_methods_of_a_resource_are_those_that_it_has_for_everybody():
    every = schemas.methods.__wrapped__("calls.actions")
    assert {"answer", "hangup", "transfer"} <= set(every)
    assert [name for name in every if name.startswith(("_", "with_"))] == []
    assert list(every) == sorted(set(every))


def test_a_summary_is_the_first_paragraph_in_one_line(monkeypatch):
    def put_through() -> None:
        """Put the call through
        to somebody else.

        It goes on.
        """

    assert schemas.summary("calls.actions.transfer") == "Transfer a call to a new destination."
    monkeypatch.setattr(schemas, "_function", lambda method: put_through)
    assert schemas.summary("calls.put_through") == "Put the call through to somebody else."


def test_takes_tells_whether_a_method_has_a_parameter():
    assert has_parameter("calls.actions.hangup", "command_id")
    assert not has_parameter("calls.actions.hangup", "to")


def test_an_unknown_method_is_an_error():
    with pytest.raises(AttributeError):
        parameters("calls.actions.explode")


class Lift(TypedDict, total=False):
    kind: Required[Literal["lift"]]
    height: Required[int]
    way: Literal["up", "down"]


class Stairs(TypedDict, total=False):
    kind: Required[Literal["stairs"]]
    steps: Required[int]
    way: Literal["left", "right"]


class House(TypedDict, total=False):
    name: str
    age: int
    share: float
    is_old: bool
    rooms: list[str]
    plan: dict[str, str]
    lift: Lift
    access: Lift | Stairs
    ways: list[Lift | Stairs]
    either: Lift | str
    colour: Literal["red", "green", "blue"]
    floor: Literal[1, 2]


@pytest.fixture
def houses(monkeypatch):
    """The SDK has a method ``houses.build`` that takes a house."""
    monkeypatch.setattr(schemas, "model", lambda method: model_of(House))
    monkeypatch.setattr(schemas, "parameters", lambda method: members(House))


@pytest.mark.usefixtures("houses")
def test_every_json_type_is_told_by_its_name_and_every_choice_by_its_value():
    wrong = {"name": 1, "age": "x", "share": "x", "is_old": 1, "rooms": "x", "plan": "x", "lift": "x"}
    kinds = ("string", "integer", "number", "boolean", "list", "object", "object")
    told = {name: [f"Must be a valid {kind}."] for name, kind in zip(wrong, kinds, strict=True)}
    told |= {"colour": ["Must be 'red', 'green' or 'blue'."], "floor": ["Must be 1 or 2."]}
    assert refused("houses.build", {**wrong, "colour": "black", "floor": 3}) == told


@pytest.mark.usefixtures("houses")
@pytest.mark.parametrize(
    ("name", "value", "errors"),
    [
        ("access", {"kind": "lift", "height": "x"}, {"access.height": ["Must be a valid integer."]}),
        ("access", {"kind": "stairs", "way": "left"}, {"access.steps": ["This parameter is required."]}),
        ("access", {"kind": "lift", "height": 1, "way": "left"}, {"access.way": ["Must be 'up' or 'down'."]}),
        ("access", {"kind": "cellar", "height": "x"}, {"access.kind": ["Must be 'lift' or 'stairs'."]}),
        ("access", 5, {"access": ["Must be a valid object."]}),
        (
            "access",
            {"kind": "lift", "height": 1, "heigth": 2},
            {"access.heigth": ['Unknown parameter. Did you mean "height"?']},
        ),
        (
            "ways",
            [{"kind": "lift", "height": 1}, {"kind": "stairs"}],
            {"ways.1.steps": ["This parameter is required."]},
        ),
        ("ways", [5], {"ways.0": ["Must be a valid object."]}),
        ("either", {"kind": "lift", "height": "x"}, {"either.height": ["Must be a valid integer."]}),
        ("either", {"kind": "lift", "more": 1, "height": 1}, {"either.more": ["Unknown parameter."]}),
        ("either", 5, {"either": ["Must be a valid object or a valid string."]}),
    ],
)
def test_of_a_union_is_told_what_is_wrong_with_the_shape_that_was_meant(name, value, errors):
    assert refused("houses.build", {name: value}) == errors


def test_the_editor_is_told_of_no_members_where_there_are_none_or_a_text_would_do():
    told = {one.name: describe(one) for one in members(House)}
    for name, kind in (("plan", "object"), ("either", "any")):
        assert told[name] == {"name": name, "kind": kind, "required": False}
    assert [field["name"] for field in told["access"]["fields"]] == ["kind", "height", "way", "steps"]
    assert told["access"]["fields"][0]["choices"] == ["lift", "stairs"]


def test_a_method_of_which_the_sdk_says_nothing_has_an_empty_summary(monkeypatch):
    monkeypatch.setattr(schemas, "_function", lambda method: lambda: None)
    assert schemas.summary("houses.build") == ""
