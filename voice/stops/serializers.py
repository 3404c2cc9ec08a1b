"""Tells over REST what is suspended, and what a stop of all outgoing calls did."""

from typing import Any

from rest_framework import serializers

from portal.rest.serializers import Strict, WordsField
from voice.models import Stop, Suspension
from voice.stops import service


class SuspensionSerializer(serializers.ModelSerializer[Suspension]):
    """What is suspended: with an empty ``connection_id`` the whole account."""

    account = serializers.CharField(source="account.name", read_only=True)
    why = WordsField(read_only=True)
    requested_by = WordsField(read_only=True)

    class Meta:
        model = Suspension
        fields = ("id", "account", "connection_id", "since", "why", "requested_by")
        read_only_fields = fields


class NewSuspensionSerializer(Strict, serializers.Serializer[Any]):
    """What to suspend. Without ``connection_id`` it is the whole account."""

    account = serializers.CharField(required=False, help_text="Optional while there is one.")
    connection_id = serializers.CharField(required=False, allow_blank=True, max_length=64)
    why = serializers.CharField(
        required=False, allow_blank=True, max_length=200, help_text="Whoever is held back by it reads this."
    )


class StopSerializer(serializers.ModelSerializer[Stop]):
    """A stop of all outgoing calls. ``hang_ups`` counts what came of them by the status of a command."""

    account = serializers.CharField(source="account.name", read_only=True, allow_null=True)
    requested_by = WordsField(read_only=True)
    hang_ups = serializers.SerializerMethodField()

    class Meta:
        model = Stop
        fields = ("id", "account", "at", "requested_by", "calls", "dials", "batches", "hang_ups")
        read_only_fields = fields
        extra_kwargs = {"dials": {"help_text": "How many dials, transfers and refers were not sent any more."}}

    def get_hang_ups(self, row: Stop) -> dict[str, int]:
        return service.outcomes(row)


class NewStopSerializer(Strict, serializers.Serializer[Any]):
    """Whose outgoing calls to hang up: without ``account`` those of every account."""

    account = serializers.CharField(required=False)
