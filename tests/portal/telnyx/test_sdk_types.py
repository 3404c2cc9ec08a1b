"""The SDK's types tell names, enums and help of every parameter."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, NotRequired, Required, TypedDict, Union

import pytest
from pydantic import ValidationError

from portal.telnyx import schemas
from portal.telnyx.schemas import arguments, parameters
from portal.telnyx.sdk import telnyx
from portal.telnyx.sdk_types import Parameter, members, model_of, one_model_of

TRANSFER = "calls.actions.transfer"


CREATE = "call_control_applications.create"


def wire(name: str) -> object:
    return telnyx()._utils.PropertyInfo(alias=name)


def by_name(method: str) -> dict[str, Parameter]:
    return {parameter.name: parameter for parameter in parameters(method)}


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


def test_what_takes_a_list_or_a_text_tells_what_the_list_holds():
    tool = by_name("calls.actions.gather_using_ai")["assistant"]
    tools = next(member for member in tool.fields if member.name == "tools").item
    transfer = next(member for member in tools.fields if member.name == "transfer")
    targets = next(member for member in transfer.fields if member.name == "targets")
    assert (targets.kind, [member.name for member in targets.item.fields]) == ("any", ["to", "name"])
    assert "item" not in schemas.describe(targets)  # the editor asks for a text there, as before


def test_a_member_of_several_shapes_has_the_help_of_all():
    assistant = by_name("calls.actions.start_ai_assistant")["assistant"]
    voice = next(member for member in assistant.fields if member.name == "voice_settings")
    audio = next(member for member in voice.fields if member.name == "background_audio")
    helps = next(member for member in audio.fields if member.name == "value").help
    assert "predefined media" in helps
    assert "HTTPS URL" in helps


class ByUrl(TypedDict, total=False):
    to: Required[Annotated[str, wire("To")]]
    url: Required[Annotated[str, wire("Url")]]
    tries: Annotated[int, wire("Tries")]


class ByText(TypedDict, total=False):
    to: Required[Annotated[str, wire("To")]]
    """Who is called."""
    text: Annotated[str, wire("Text")]
    tries: Required[Annotated[str, wire("Tries")]]


@pytest.mark.parametrize("shapes", [ByUrl | ByText, Union[ByUrl, ByText]])  # noqa: UP007  the SDK has either
def test_one_model_of_several_shapes_requires_what_all_require_and_takes_what_any_takes(shapes):
    made = one_model_of.__wrapped__(shapes, ByUrl)  # either way to write it has the same place in the cache
    told = made.model_json_schema()
    assert (told["title"], told["required"], told["additionalProperties"]) == ("ByUrl", ["To"], False)
    members = told["properties"]
    assert (list(members), members["To"]["description"]) == (["To", "Url", "Tries", "Text"], "Who is called.")
    assert [kind["type"] for kind in members["Tries"]["anyOf"]] == ["integer", "string"]


def test_one_model_of_one_shape_is_of_that_shape():
    told = one_model_of(ByUrl, ByUrl).model_json_schema()
    assert (list(told["properties"]), told["required"]) == (["To", "Url", "Tries"], ["To", "Url"])


class Google(TypedDict, total=False):
    engine: Required[Literal["Google"]]
    model: Literal["latest", "phone"]
    """One of Google's."""
    words: str


class Telnyx(TypedDict, total=False):
    engine: Required[Literal["Telnyx"]]
    model: Required[Literal["phone", "own"]]
    """One of Telnyx's."""
    words: Literal["few", "many"]


def test_of_several_shapes_all_that_any_of_them_takes_can_be_chosen_and_is_required_where_all_require_it():
    read = {one.name: one for one in members(Google | Telnyx)}
    assert {name: (one.choices, one.required) for name, one in read.items()} == {
        "engine": (("Google", "Telnyx"), True),
        "model": (("latest", "phone", "own"), False),
        "words": ((), False),  # one of them takes any
    }
    assert read["model"].help == "One of Google's.\n\nOne of Telnyx's."


class EveryKind(TypedDict, total=False):
    text: str
    count: int
    share: float
    flag: bool
    word: Literal["a", "b"]
    digit: Literal[1, 2]
    texts: list[str]
    counts: Sequence[int]
    shapes: Iterable[ByUrl]
    shape: ByUrl
    pairs: dict[str, str]
    bag: dict
    anything: Any
    either: str | int


def test_a_kind_is_what_json_calls_the_type_however_the_sdk_writes_it():
    read = members(EveryKind)
    assert {one.name: one.kind for one in read} == {
        **dict.fromkeys(("text", "word"), "string"),
        **dict.fromkeys(("count", "digit"), "integer"),
        **dict.fromkeys(("texts", "counts", "shapes"), "array"),
        **dict.fromkeys(("shape", "pairs", "bag"), "object"),
        **dict.fromkeys(("anything", "either"), "any"),
        "share": "number",
        "flag": "boolean",
    }
    assert {one.name for one in read if one.has_numbers} == {"count", "digit", "share", "anything", "either"}


def test_nearly_every_parameter_has_help():
    for method in ("calls.dial", TRANSFER, "calls.actions.speak", CREATE, "texml_applications.create"):
        helps = [parameter.help for parameter in parameters(method) if parameter.kind != "object"]
        assert all(helps), method
    assert "dial" in by_name("calls.dial")["from"].help or "number" in by_name("calls.dial")["from"].help


class Bags(TypedDict, total=False):
    counts: dict[str, int]
    shapes: dict[str, ByUrl]
    listed: Iterable[ByUrl]
    either: list[str] | str
    anything: object
    json: Annotated[bool, wire("Json")]


URLS = {"To": "+1", "Url": "https://a.example"}


@pytest.mark.parametrize(
    "good",
    [
        *({}, {"counts": {"a": 1}}, {"shapes": {"a": URLS}}, {"listed": [URLS]}, {"either": ["a"]}, {"either": "a"}),
        *({"anything": [1]}, {"anything": "a"}, {"Json": True}),
    ],
)
def test_a_model_takes_what_the_type_says(good):
    model_of(Bags).model_validate(good)


@pytest.mark.parametrize(
    ("bad", "place"),
    [
        ({"counts": {"a": "1"}}, ("counts", "a")),
        ({"counts": [1]}, ("counts",)),
        ({"shapes": {"a": {**URLS, "To": 1}}}, ("shapes", "a", "To")),
        ({"shapes": {"a": {"To": "+1"}}}, ("shapes", "a", "Url")),
        ({"listed": [URLS, {**URLS, "more": 1}]}, ("listed", 1, "more")),
        ({"listed": URLS}, ("listed",)),
        ({"Json": "yes"}, ("Json",)),
        ({"json": True}, ("json",)),
    ],
)
def test_a_model_refuses_what_the_type_does_not_say_however_deep(bad, place):
    with pytest.raises(ValidationError) as caught:
        model_of(Bags).model_validate(bad)
    assert [error["loc"] for error in caught.value.errors()] == [place]


def test_a_body_that_is_sent_as_it_is_is_one_argument_and_what_goes_beside_it_others():
    beside = {"extra_query": {"a": "1"}, "extra_headers": {"b": "2"}}
    given = {"Url": "https://a.example", "Extra": 1, **beside}
    assert arguments("texml.accounts.calls.calls", given) == {
        "body": {"Url": "https://a.example", "Extra": 1},
        **beside,
    }
    assert arguments(TRANSFER, {"to": "+1", **beside}) == {"to": "+1", **beside}


class Whole(TypedDict):
    must: str
    may: NotRequired[Annotated[int, wire("May")]]
    null: str | None


def test_what_need_not_be_there_and_what_may_be_nothing_are_told_apart():
    told = [(one.name, one.argument, one.kind, one.required, one.nullable) for one in members(Whole)]
    assert told == [
        ("must", "must", "string", True, False),
        ("May", "may", "integer", False, False),
        ("null", "null", "string", True, True),
    ]
    model_of(Whole).model_validate({"must": "a", "null": None})
    with pytest.raises(ValidationError) as caught:
        model_of(Whole).model_validate({"May": None})
    assert {error["loc"] for error in caught.value.errors()} == {("must",), ("null",), ("May",)}


def test_what_the_sdk_names_alike_has_names_of_its_own_in_the_document():
    methods = ("calls.actions.speak", "conferences.actions.speak", "texml.accounts.calls.calls")
    assert [schemas.model(method).__name__ for method in methods] == [
        "ActionSpeakParams",
        "ConferencesActionSpeakParams",
        "TexmlAccountsCallCallsParams",
    ]
