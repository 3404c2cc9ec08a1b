"""Serializes commands: what was asked of Telnyx, and what came of it."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from portal.masking import masked_for
from portal.rest.serializers import WordsField
from voice.catalogue import texml_operations
from voice.models import CallCommand


class StoredTimeField(serializers.DateTimeField):
    """A time that is kept as text within JSON, told as columns are: in UTC, with ``Z``."""

    def to_representation(self, value: Any) -> str:
        return str(super().to_representation(datetime.fromisoformat(value)))


class AttemptSerializer(serializers.Serializer[Any]):
    """One try of a command."""

    at = StoredTimeField()
    http_status = serializers.IntegerField(allow_null=True)
    ms = serializers.IntegerField(allow_null=True)
    code = serializers.CharField(allow_null=True)
    outcome = serializers.CharField(required=False)


class CommandSerializer(serializers.ModelSerializer[CallCommand]):
    """One command of the journal."""

    account = serializers.CharField(source="account.name", read_only=True)
    parameters = serializers.SerializerMethodField()
    address = serializers.SerializerMethodField(help_text="The ids of a TeXML command's address, by Telnyx's names.")
    answer = serializers.SerializerMethodField()
    settlement = serializers.SerializerMethodField()
    attempts = AttemptSerializer(many=True, read_only=True)
    error = serializers.SerializerMethodField()
    held_why = serializers.SerializerMethodField()
    call_control_id = serializers.SerializerMethodField()
    queue_name = WordsField(read_only=True)
    requested_by = WordsField(read_only=True)
    repeats = serializers.UUIDField(source="repeats_id", read_only=True, allow_null=True)
    conference_id = serializers.CharField(
        source="conference.conference_id", default=None, read_only=True, allow_null=True
    )

    class Meta:
        model = CallCommand
        fields = (
            "id",
            "action",
            "status",
            "parameters",
            "address",
            "account",
            "call_control_id",
            "conference_id",
            "queue_name",
            "requested_by",
            "created_at",
            "held_since",
            "held_why",
            "finished_at",
            "attempts",
            "answer",
            "error",
            "settlement",
            "settled_at",
            "repeats",
        )
        read_only_fields = fields

    def get_parameters(self, command: CallCommand) -> dict[str, Any]:
        shown: dict[str, Any] = self._shown(command.parameters)
        return shown

    def get_address(self, command: CallCommand) -> dict[str, str]:
        if not texml_operations.is_texml(command.action):
            return {}
        named: dict[str, str] = self._shown(texml_operations.address(command.action, command.path))
        return named

    def get_answer(self, command: CallCommand) -> dict[str, Any] | None:
        shown: dict[str, Any] | None = self._shown(command.answer)
        return shown

    def get_settlement(self, command: CallCommand) -> str:
        return str(self._shown(command.settlement))

    def _shown(self, value: Any) -> Any:  # numbers in it only for those who may see them
        return masked_for(self.context["request"].user, value)

    def get_held_why(self, command: CallCommand) -> str:
        return str(self._shown(command.held_why))

    def get_error(self, command: CallCommand) -> str | None:
        return self._shown(command.error) or None

    def get_call_control_id(self, command: CallCommand) -> str | None:
        return command.call_control_id or None
