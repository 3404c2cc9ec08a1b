"""Serializes applications for REST: Telnyx's own names and shapes, read from the SDK when first needed."""

from typing import Any

from rest_framework import serializers

from applications.kinds import KINDS, Kind
from applications.models import Pull, TelnyxApplication
from applications.notices import warnings_for
from applications.pulls.pulls import INTERRUPTED
from portal.json_types import JsonObject
from portal.masking import addresses_for
from portal.rest.serializers import WordsField
from portal.telnyx.sdk_types import Parameter

_READ_ONLY: dict[str, JsonObject] = {
    "id": {"type": "string", "description": "Telnyx's id; calls know it as connection_id."},
    "record_type": {"type": "string", "nullable": True},
    "created_at": {"type": "string", "nullable": True, "description": "At Telnyx, ISO 8601."},
    "updated_at": {"type": "string", "nullable": True, "description": "At Telnyx, ISO 8601."},
}
_OURS: dict[str, JsonObject] = {
    "account": {"type": "string", "description": "The portal's name of the Telnyx account."},
    "pulled_at": {"type": "string", "format": "date-time", "nullable": True, "description": "When this was stored."},
    "missing_since": {
        "type": "string",
        "format": "date-time",
        "nullable": True,
        "description": "Since when Telnyx does not know it.",
    },
    "warnings": {"type": "array", "items": {"type": "string"}, "description": "What to know of it, in sentences."},
}


class Described(serializers.Field):  # type: ignore[type-arg]
    """A field whose OpenAPI is given; what it may hold is judged by ``applications.editing.service``."""

    def __init__(self, schema: JsonObject, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._spectacular_annotation = {"field": schema}

    def to_representation(self, value: Any) -> Any:
        return value

    def to_internal_value(self, data: Any) -> Any:
        return data


class ApplicationSerializer(serializers.Serializer[TelnyxApplication]):
    """An application as Telnyx has it, plus ``account``, ``pulled_at``, ``missing_since`` and ``warnings``."""

    kind: Kind

    def get_fields(self) -> dict[str, Any]:
        settable = {name: as_schema(parameter, read=True) for name, parameter in self.kind.settable().items()}
        shapes = {"id": _READ_ONLY["id"], **settable, **_READ_ONLY, **_OURS}
        return {name: Described(shape, read_only=True) for name, shape in shapes.items()}

    def to_representation(self, instance: TelnyxApplication) -> JsonObject:
        names = [*self.kind.settable(), *_READ_ONLY]
        told = addresses_for(self.context["request"].user, instance.remote)
        known = {name: told.get(name) for name in names}
        return {
            **known,
            "id": instance.telnyx_id,
            "account": instance.account.name,
            "pulled_at": _time(instance.pulled_at),
            "missing_since": _time(instance.missing_since),
            "warnings": warnings_for(instance),
        }


class ApplicationInput(serializers.Serializer[TelnyxApplication]):
    """What a create or an update takes; described here, judged by the service and by Telnyx."""

    kind: Kind

    def get_fields(self) -> dict[str, Any]:
        account = Described(
            {"type": "string", "description": "Name of the account; may be left out while there is one."},
            required=False,
        )
        return {"account": account} | {
            name: Described(as_schema(parameter), required=parameter.required)
            for name, parameter in self.kind.settable().items()
        }


class CallControlApplicationSerializer(ApplicationSerializer):
    kind = KINDS[0]


class CallControlApplicationInput(ApplicationInput):
    kind = KINDS[0]


class TexmlApplicationSerializer(ApplicationSerializer):
    kind = KINDS[1]


class TexmlApplicationInput(ApplicationInput):
    kind = KINDS[1]


class PullRequest(serializers.Serializer[Any]):
    """Which account to pull from, and whether a mass delete is true."""

    account = serializers.CharField(required=False, help_text="May be left out while there is one.")
    accept_missing = serializers.BooleanField(
        required=False, help_text="Mark missing what is gone, however much it is."
    )


class PullCounts(serializers.Serializer[Pull]):
    """What a pull changed."""

    created = serializers.IntegerField(read_only=True)
    updated = serializers.IntegerField(read_only=True)
    missing = serializers.IntegerField(read_only=True)
    unchanged = serializers.IntegerField(read_only=True)


class PullSerializer(serializers.ModelSerializer[Pull]):
    """One pull: ``state`` is running, done, stopped (looks like a mass delete) or failed."""

    state = serializers.CharField(read_only=True)
    requested_by = WordsField(read_only=True)
    account = serializers.CharField(source="account.name", read_only=True)
    counts = PullCounts(source="*", read_only=True)
    errors = serializers.ListField(child=serializers.DictField(), read_only=True)  # type: ignore[assignment]

    class Meta:
        model = Pull
        fields = (
            "id",
            "account",
            "kind",
            "state",
            "requested_by",
            "started_at",
            "finished_at",
            "progress",
            "total",
            "counts",
            "errors",
        )
        read_only_fields = fields

    def to_representation(self, instance: Pull) -> JsonObject:
        """Tell one that was killed as failed: nobody has noted its end."""
        told: JsonObject = super().to_representation(instance)
        over: JsonObject = {"state": Pull.State.FAILED.value, "errors": [*told["errors"], *INTERRUPTED["errors"]]}
        return told | (over if instance.is_silent else {})


def as_schema(parameter: Parameter, *, read: bool = False) -> JsonObject:
    """Return one parameter as OpenAPI 3.0. What is read is told without enums and may be null: Telnyx's lists grow."""
    shape: JsonObject = {} if parameter.kind == "any" else {"type": parameter.kind}
    if parameter.choices and not read:
        # inside allOf: the generator would else make one component of each enum and warn of equal ones
        shape = {"allOf": [{"type": parameter.kind, "enum": list(parameter.choices)}]}
    if parameter.fields:
        shape["properties"] = {member.name: as_schema(member, read=read) for member in parameter.fields}
    if parameter.item:
        shape["items"] = as_schema(parameter.item, read=read)
    if parameter.help:
        shape["description"] = parameter.help
    return shape | ({"nullable": True} if read or parameter.nullable else {})


def _time(moment: Any) -> str | None:
    return serializers.DateTimeField().to_representation(moment) if moment else None
