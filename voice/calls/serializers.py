"""Serializes calls and events. Field names are Telnyx's own."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.masking import masked_for
from portal.rest.serializers import NumberField, WordsField
from voice.commands.products import Product, product_of
from voice.models import Call, CallEvent


class CallSerializer(serializers.ModelSerializer[Call]):
    """One leg of a call."""

    account = serializers.CharField(source="account.name", read_only=True)
    application = serializers.SerializerMethodField()
    product = serializers.SerializerMethodField(help_text="Of Telnyx, by which it is run; null where that is unknown.")
    state = serializers.ChoiceField(Call.State.choices, read_only=True)
    direction = serializers.SerializerMethodField()
    hangup_cause = serializers.SerializerMethodField()
    hangup_source = serializers.SerializerMethodField()
    sip_hangup_cause = serializers.SerializerMethodField()
    client_state = serializers.SerializerMethodField(
        help_text="The newest; ends in … if it had over 20,000 characters."
    )
    tags = serializers.SerializerMethodField()
    cost = serializers.SerializerMethodField()
    currency = serializers.SerializerMethodField()
    cost_parts = serializers.SerializerMethodField(help_text="Null where Telnyx told none.")
    loss_in = serializers.FloatField(read_only=True, allow_null=True, help_text="Of packets towards us, 0 to 1.")
    loss_out = serializers.FloatField(read_only=True, allow_null=True, help_text="Of packets from us, 0 to 1.")
    attestation = serializers.SerializerMethodField(help_text="SHAKEN/STIR: A, B or C.")
    screening = serializers.SerializerMethodField()
    parent_control_id = serializers.SerializerMethodField()
    ending = serializers.SerializerMethodField(help_text="The rule that said why it ended; null until it is judged.")
    ending_category = serializers.SerializerMethodField()
    ended_by = serializers.SerializerMethodField(help_text="A party of the session, not Telnyx's side of the leg.")
    answered_by = serializers.SerializerMethodField(help_text="As machine detection said; null without a word of it.")
    ring_seconds = serializers.FloatField(read_only=True, allow_null=True)
    talk_seconds = serializers.FloatField(read_only=True, allow_null=True)
    clock_skew_seconds = serializers.FloatField(
        read_only=True,
        allow_null=True,
        help_text="How far Telnyx's clocks contradict each other (an answer told after the end): so far off may "
        "ring_seconds and talk_seconds be. Null where they do not.",
    )

    class Meta:
        model = Call
        fields = (
            "call_control_id",
            "call_leg_id",
            "call_session_id",
            "account",
            "connection_id",
            "application",
            "product",
            "direction",
            "state",
            "started_at",
            "answered_at",
            "bridged_at",
            "ended_at",
            "ring_seconds",
            "talk_seconds",
            "clock_skew_seconds",
            "hangup_cause",
            "hangup_source",
            "sip_hangup_cause",
            "ending",
            "ending_category",
            "ended_by",
            "answered_by",
            "client_state",
            "tags",
            "has_recording",
            "cost",
            "currency",
            "billed_seconds",
            "cost_parts",
            "mos",
            "jitter",
            "loss_in",
            "loss_out",
            "attestation",
            "attestation_valid",
            "screening",
            "late_seconds",
            "parent_control_id",
            "step",
        )
        read_only_fields = fields

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        fields["from"] = NumberField(source="from_number", read_only=True)  # a Python keyword, so not in the class body
        fields["to"] = NumberField(source="to_number", read_only=True)
        return fields

    def get_application(self, call: Call) -> str | None:
        names = self.context.get("applications", {})
        name: str | None = names.get((call.account_id, call.connection_id))
        return name

    @extend_schema_field({"enum": [*Product.values, None], "type": ["string", "null"]})
    def get_product(self, call: Call) -> str | None:
        return product_of(call) or None

    def get_direction(self, call: Call) -> str | None:
        return call.direction or None

    def get_hangup_cause(self, call: Call) -> str | None:
        return call.hangup_cause or None

    def get_hangup_source(self, call: Call) -> str | None:
        return call.hangup_source or None

    def get_sip_hangup_cause(self, call: Call) -> str | None:
        return call.sip_hangup_cause or None

    def get_ending(self, call: Call) -> str | None:
        told = masked_for(self.context["request"].user, call.ending)
        return str(told) or None

    @extend_schema_field({"enum": [*Call.Ending.values, None], "type": ["string", "null"]})
    def get_ending_category(self, call: Call) -> str | None:
        return call.ending_category or None

    @extend_schema_field({"enum": [*Call.Party.values, None], "type": ["string", "null"]})
    def get_ended_by(self, call: Call) -> str | None:
        return call.ended_by or None

    @extend_schema_field({"enum": [*Call.Answerer.values, None], "type": ["string", "null"]})
    def get_answered_by(self, call: Call) -> str | None:
        return call.answered_by or None

    def get_cost(self, call: Call) -> str | None:
        return call.cost or None

    def get_currency(self, call: Call) -> str | None:
        return call.currency or None

    def get_cost_parts(self, call: Call) -> list[dict[str, Any]] | None:
        parts: list[dict[str, Any]] | None = masked_for(self.context["request"].user, call.cost_parts)
        return parts

    def get_attestation(self, call: Call) -> str | None:
        return call.attestation or None

    def get_screening(self, call: Call) -> str | None:
        return str(masked_for(self.context["request"].user, call.screening)) or None

    def get_parent_control_id(self, call: Call) -> str | None:
        return call.parent_control_id or None

    def get_tags(self, call: Call) -> list[str]:
        tags: list[str] = masked_for(self.context["request"].user, {"tags": call.tags})["tags"]
        return tags

    def get_client_state(self, call: Call) -> str | None:
        told = masked_for(self.context["request"].user, {"client_state": call.client_state or None})
        state: str | None = told["client_state"]
        return state


class EventSerializer(serializers.ModelSerializer[CallEvent]):
    """One stored event. ``payload`` has its numbers masked without ``voice.view_full_number``."""

    payload = serializers.SerializerMethodField()
    error = WordsField(read_only=True)

    class Meta:
        model = CallEvent
        fields = (
            "id",
            "event_id",
            "event_type",
            "source",
            "status",
            "occurred_at",
            "received_at",
            "processed_at",
            "attempt",
            "call_control_id",
            "call_leg_id",
            "call_session_id",
            "connection_id",
            "payload",
            "error",
        )
        read_only_fields = fields

    def get_payload(self, event: CallEvent) -> dict[str, Any] | None:
        payload: dict[str, Any] | None = masked_for(self.context["request"].user, event.payload)
        return payload
