"""Describes the two kinds of application: where they are at Telnyx, what they hold, what of it can be set.

Values come in two shapes: nested as Telnyx has them (``{"inbound": {"channel_limit": 5}}``) and flat, by dotted name
(``{"inbound.channel_limit": 5}``), which is how forms, comparisons and refusals name a single value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import QuerySet

from applications.models import CallControlApplication, TelnyxApplication, TexmlApplication
from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from portal.telnyx.schemas import parameters
from portal.telnyx.sdk_types import Parameter

NESTED = ("inbound", "outbound")


@dataclass(frozen=True)
class Kind:
    """Describes one kind: ``slug`` is its word in addresses and pulls, ``resource`` the SDK's."""

    slug: str
    resource: str
    model: type[TelnyxApplication]

    @property
    def required(self) -> tuple[str, str]:
        """Return the two fields that every PATCH carries.

        Public code says that Telnyx refuses one that drops the name.
        """
        return self.model.name_field, self.model.url_field

    def method(self, verb: str) -> str:
        """Return the SDK's name of ``verb``: ``call_control_applications.update``."""
        return f"{self.resource}.{verb}"

    def permission(self, verb: str) -> str:
        """Return Django's name of the permission to ``view``, ``add``, ``change`` or ``delete``."""
        return f"{self.model._meta.app_label}.{verb}_{self.model._meta.model_name}"

    def rows(self, account: TelnyxAccount) -> QuerySet[TelnyxApplication]:
        return self.model._default_manager.filter(account=account)

    def settable(self) -> dict[str, Parameter]:
        """Return everything that can be set, nested, by name: ``tags`` is known to Call Control's update only."""
        both = (*parameters(self.method("create")), *parameters(self.method("update")))
        return {parameter.name: parameter for parameter in both}

    def settable_flat(self) -> dict[str, Parameter]:
        """Return the same by dotted name, without the objects themselves."""
        flat: dict[str, Parameter] = {}
        for parameter in self.settable().values():
            members = parameter.fields if parameter.name in NESTED else ()
            flat |= {f"{parameter.name}.{member.name}": _within(parameter, member) for member in members}
            if not members:
                flat[parameter.name] = parameter
        return flat


KINDS = (
    Kind("call-control-applications", "call_control_applications", CallControlApplication),
    Kind("texml-applications", "texml_applications", TexmlApplication),
)
BY_SLUG = {kind.slug: kind for kind in KINDS}


def kind_of(application: TelnyxApplication) -> Kind:
    return next(kind for kind in KINDS if isinstance(application, kind.model))


def flatten(values: Mapping[str, Any]) -> JsonObject:
    """Turn nested values into flat ones. What is no object where Telnyx has one stays as it is."""
    flat: JsonObject = {}
    for name, value in values.items():
        if name in NESTED and isinstance(value, dict):
            flat |= {f"{name}.{member}": inner for member, inner in value.items()}
        else:
            flat[name] = value
    return flat


def unflatten(flat: Mapping[str, Any]) -> JsonObject:
    """Turn flat values into nested ones."""
    values: JsonObject = {}
    for name, value in flat.items():
        outer, dot, inner = name.partition(".")
        if dot and outer in NESTED:
            values.setdefault(outer, {})[inner] = value
        else:
            values[name] = value
    return values


def _within(outer: Parameter, member: Parameter) -> Parameter:
    return replace(member, name=f"{outer.name}.{member.name}", required=False)
