"""Parameters as the SDK has them, by the names of the wire."""

import pytest

from portal.telnyx import schemas
from portal.telnyx.schemas import InvalidParameters, arguments, parameters, takes, validate
from portal.telnyx.sdk_types import Parameter

TRANSFER = "calls.actions.transfer"
CREATE = "call_control_applications.create"


def by_name(method: str) -> dict[str, Parameter]:
    return {parameter.name: parameter for parameter in parameters(method)}


def refused(method: str, values: dict, **how) -> dict[str, list[str]]:
    with pytest.raises(InvalidParameters) as caught:
        validate(method, values, **how)
    return caught.value.errors


def every_method() -> list[str]:
    resources = ("calls", "calls.actions", "call_control_applications", "texml_applications")
    return [f"{resource}.{name}" for resource in resources for name in schemas.methods(resource)]


@pytest.mark.parametrize("method", every_method())
def test_every_method_of_the_sdk_can_be_read(method):
    names = [parameter.name for parameter in parameters(method)]
    assert len(set(names)) == len(names)
    bodies, _ = schemas.json_schemas([method])
    assert bodies[method]["$ref"].startswith("#/components/schemas/")
    assert schemas.summary(method)


def test_dial_and_every_action_have_the_parameters_telnyx_documents():
    assert {"to", "from", "connection_id", "command_id", "client_state"} <= set(by_name("calls.dial"))
    for action in ("answer", "hangup", "speak", "gather", "transfer", "start_recording"):
        assert {"command_id", "client_state"} <= set(by_name(f"calls.actions.{action}"))


def test_names_are_those_of_the_wire():
    assert by_name(TRANSFER)["from"].argument == "from_"
    assert "from_" not in by_name(TRANSFER)
    bridge = by_name("calls.actions.bridge")["call_control_id"]
    assert (bridge.argument, bridge.required) == ("call_control_id_to_bridge_with", True)


def test_nested_names_are_those_of_the_wire():
    prompts = by_name("calls.actions.pay")["prompts"]
    assert "payment-card-number" in {member.name for member in prompts.fields}


def test_arguments_are_those_of_the_sdks_method():
    assert arguments(TRANSFER, {"to": "+1", "from": "+2"}) == {"to": "+1", "from_": "+2"}
    assert arguments("calls.actions.bridge", {"call_control_id": "v3:1"}) == {"call_control_id_to_bridge_with": "v3:1"}


def test_enums_required_ones_and_kinds_are_read():
    create = by_name(CREATE)
    assert create["webhook_api_version"].choices == ("1", "2")
    assert [name for name, parameter in create.items() if parameter.required] == [
        "application_name",
        "webhook_event_url",
    ]
    assert (create["active"].kind, create["webhook_timeout_secs"].kind) == ("boolean", "integer")
    assert create["webhook_timeout_secs"].nullable
    assert not create["active"].nullable
    assert "channel_limit" in {member.name for member in create["inbound"].fields}
    headers = by_name(TRANSFER)["custom_headers"]
    assert headers.kind == "array"
    assert headers.item is not None
    assert [member.name for member in headers.item.fields] == ["name", "value"]


def test_nearly_every_parameter_has_help():
    for method in ("calls.dial", TRANSFER, "calls.actions.speak", CREATE, "texml_applications.create"):
        helps = [parameter.help for parameter in parameters(method) if parameter.kind != "object"]
        assert all(helps), method
    assert "dial" in by_name("calls.dial")["from"].help or "number" in by_name("calls.dial")["from"].help


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


def test_a_missing_parameter_is_named_and_partial_forgives_it():
    assert refused(TRANSFER, {}) == {"to": ["This parameter is required."]}
    assert validate(TRANSFER, {}, partial=True) == {}


def test_partial_still_judges_what_is_there():
    assert set(refused(CREATE, {"inbound": {"channel_limit": "2"}}, partial=True)) == {"inbound.channel_limit"}


def test_takes_tells_whether_a_method_has_a_parameter():
    assert takes("calls.actions.hangup", "command_id")
    assert not takes("calls.actions.hangup", "to")


def test_an_unknown_method_is_an_error():
    with pytest.raises(AttributeError):
        parameters("calls.actions.explode")
