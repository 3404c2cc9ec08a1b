"""Reads from the installed SDK what there is to judge: operations with method and path, webhooks with their models."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import httpx
import telnyx
from telnyx._resource import SyncAPIResource
from telnyx.types.unwrap_webhook_event import UnwrapWebhookEvent

from portal.telnyx import schemas
from portal.telnyx.sdk_types import Parameter
from tests.support.sandbox_actions import VALUES, sample

# what a voice application is made of; what else there is beside it stands in deviations.toml
RESOURCES = (
    "audit_events",
    "call_control_applications",
    "call_events",
    "calls",
    "conferences",
    "connections",
    "organizations.users",
    "outbound_voice_profiles",
    "phone_numbers",
    "queues",
    "recording_transcriptions",
    "recordings",
    "texml",
    "texml_applications",
    "webhook_deliveries",
)
VOICE = ("call.", "conference.", "streaming.", "siprec.")
_PLUMBING = {"with_raw_response", "with_streaming_response"}
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Operation:
    """``name`` is the SDK's, dotted; ``path`` begins behind ``/v2`` and has ``{places}``."""

    name: str
    method: str
    path: str

    @property
    def places(self) -> list[str]:
        return _PLACE.findall(self.path)

    @property
    def has_body(self) -> bool:
        return self.method in {"POST", "PATCH", "PUT"}


def operations(resources: tuple[str, ...] = RESOURCES) -> list[Operation]:
    """Every operation below these resources, as the SDK asks for it."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    found = []
    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        client = telnyx.Telnyx(api_key="KEY", base_url="http://127.0.0.1/v2", http_client=http, max_retries=0)
        for resource in resources:
            for name in _methods(client, resource):
                _ask(client, name)
                found.append(Operation(name, seen[-1].method, seen[-1].url.path.removeprefix("/v2")))
    return found


def method_of(client: Any, name: str) -> Any:
    """The SDK's method of that dotted name."""
    for part in name.split("."):
        client = getattr(client, part)
    return client


def _methods(client: Any, resource: str) -> Iterator[str]:
    for name in dir(type(method_of(client, resource))):
        if name.startswith("_") or name in _PLUMBING:
            continue
        member = getattr(method_of(client, resource), name)
        if isinstance(member, SyncAPIResource):
            yield from _methods(client, f"{resource}.{name}")
        elif callable(member):
            yield f"{resource}.{name}"


def _ask(client: Any, name: str) -> None:
    """Call a method, with ``{its name}`` for every id."""
    method = method_of(client, name)
    needed = [one for one in inspect.signature(method).parameters.values() if one.default is inspect.Parameter.empty]
    by_argument = {one.argument: one for one in schemas.parameters(name)}
    ids = {one.name: f"{{{one.name}}}" for one in needed if one.name not in by_argument}
    values = {one.name: _value(by_argument[one.name]) for one in needed if one.name in by_argument}
    if "body" in ids:  # one whole object
        ids.pop("body")
        values["body"] = {}
    positional = [ids.pop(one.name) for one in needed if one.name in ids and one.kind is one.POSITIONAL_OR_KEYWORD]
    method(*positional, **ids, **values)


def _value(parameter: Parameter) -> Any:
    # a member of the path is one of the parameters, too: nothing but its place tells which
    is_text = parameter.kind == "string" and not parameter.choices
    return f"{{{parameter.name}}}" if is_text else sample(parameter, VALUES)


def webhooks() -> dict[str, Any]:
    """The SDK's model of each voice event, by its type."""
    found = {}
    for model in get_args(UnwrapWebhookEvent):
        for event_type in _types(model):
            if event_type.startswith(VOICE):
                found[event_type] = model
    return found


def _types(model: Any) -> list[str]:
    fields = model.model_fields
    inner = fields.get("data")
    if inner is not None:
        data = _model(inner.annotation)
        fields = data.model_fields if data else {}
    return _texts(fields["event_type"].annotation) if "event_type" in fields else []


def _model(hint: Any) -> Any:
    return next((one for one in (hint, *get_args(hint)) if hasattr(one, "model_fields")), None)


def _texts(hint: Any) -> list[str]:
    if get_origin(hint) is Literal:
        return [str(value) for value in get_args(hint)]
    return [text for inner in get_args(hint) for text in _texts(inner)]
