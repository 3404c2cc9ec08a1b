"""Calls, events, commands and flows over REST. Field names are Telnyx's own."""

from typing import Any

from rest_framework import serializers

from portal.models import TelnyxAccount
from portal.rest.viewsets import account_of
from voice import flows
from voice.conditions import OPERATORS
from voice.models import Call, CallCommand, CallEvent, Flow, Rule
from voice.numbers import masked, shown


class NumberField(serializers.CharField):
    """A number, masked for a user without ``voice.view_full_number``."""

    def to_representation(self, value: str) -> str:
        return shown(value, self.context["request"].user)


class CallSerializer(serializers.ModelSerializer[Call]):
    """One leg of a call."""

    account = serializers.CharField(source="account.name", read_only=True)
    application = serializers.SerializerMethodField()
    state = serializers.ChoiceField(Call.State.choices, read_only=True)
    direction = serializers.SerializerMethodField()
    hangup_cause = serializers.SerializerMethodField()
    hangup_source = serializers.SerializerMethodField()
    sip_hangup_cause = serializers.SerializerMethodField()
    client_state = serializers.SerializerMethodField()
    ring_seconds = serializers.FloatField(read_only=True, allow_null=True)
    talk_seconds = serializers.FloatField(read_only=True, allow_null=True)

    class Meta:
        model = Call
        fields = (
            "call_control_id",
            "call_leg_id",
            "call_session_id",
            "account",
            "connection_id",
            "application",
            "direction",
            "state",
            "started_at",
            "answered_at",
            "bridged_at",
            "ended_at",
            "ring_seconds",
            "talk_seconds",
            "hangup_cause",
            "hangup_source",
            "sip_hangup_cause",
            "client_state",
            "tags",
            "has_recording",
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

    def get_direction(self, call: Call) -> str | None:
        return call.direction or None

    def get_hangup_cause(self, call: Call) -> str | None:
        return call.hangup_cause or None

    def get_hangup_source(self, call: Call) -> str | None:
        return call.hangup_source or None

    def get_sip_hangup_cause(self, call: Call) -> str | None:
        return call.sip_hangup_cause or None

    def get_client_state(self, call: Call) -> str | None:
        return call.client_state or None


class EventSerializer(serializers.ModelSerializer[CallEvent]):
    """One stored event. ``payload`` has its numbers masked without ``voice.view_full_number``."""

    payload = serializers.SerializerMethodField()

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
        user = self.context["request"].user
        payload: dict[str, Any] | None = event.payload
        return payload if user.has_perm("voice.view_full_number") else masked(payload)


class RawEventSerializer(EventSerializer):
    """With the bytes as they came, for users with ``voice.view_raw_event``."""

    body = serializers.SerializerMethodField(help_text="The raw body, only with voice.view_raw_event.")

    class Meta(EventSerializer.Meta):
        fields = (*EventSerializer.Meta.fields, "body")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]

    def get_body(self, event: CallEvent) -> str | None:
        if not self.context["request"].user.has_perm("voice.view_raw_event"):
            return None
        return bytes(event.body).decode("utf-8", "replace")


class AttemptSerializer(serializers.Serializer[Any]):
    """One try of a command."""

    at = serializers.DateTimeField()
    http_status = serializers.IntegerField(allow_null=True)
    ms = serializers.IntegerField(allow_null=True)
    code = serializers.CharField(allow_null=True)
    outcome = serializers.CharField(required=False)


class CommandSerializer(serializers.ModelSerializer[CallCommand]):
    """One command of the journal."""

    account = serializers.CharField(source="account.name", read_only=True)
    parameters = serializers.SerializerMethodField()
    answer = serializers.SerializerMethodField()
    settlement = serializers.SerializerMethodField()
    attempts = AttemptSerializer(many=True, read_only=True)
    error = serializers.SerializerMethodField()
    call_control_id = serializers.SerializerMethodField()
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
            "account",
            "call_control_id",
            "conference_id",
            "queue_name",
            "requested_by",
            "created_at",
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
        user = self.context["request"].user
        parameters: dict[str, Any] = command.parameters
        return parameters if user.has_perm("voice.view_full_number") else masked(parameters)

    def get_answer(self, command: CallCommand) -> dict[str, Any] | None:
        shown: dict[str, Any] | None = self._shown(command.answer)
        return shown

    def get_settlement(self, command: CallCommand) -> str:
        return str(self._shown(command.settlement))

    def _shown(self, value: Any) -> Any:  # numbers in it only for those who may see them
        return value if self.context["request"].user.has_perm("voice.view_full_number") else masked(value)

    def get_error(self, command: CallCommand) -> str | None:
        return command.error or None

    def get_call_control_id(self, command: CallCommand) -> str | None:
        return command.call_control_id or None


class Strict:
    """A mixin for what is written: an unknown member is refused by name, at every depth."""

    def to_internal_value(self, data: Any) -> Any:
        known = self.fields.keys()  # type: ignore[attr-defined]
        if isinstance(data, dict) and (unknown := data.keys() - known):
            raise serializers.ValidationError({name: ["Unknown member."] for name in sorted(unknown)})
        return super().to_internal_value(data)  # type: ignore[misc]


class ConditionSerializer(Strict, serializers.Serializer[Any]):
    """A test of an event or its call."""

    field = serializers.CharField(help_text="event.payload.… or call.…")
    op = serializers.ChoiceField(tuple(OPERATORS))
    value = serializers.JSONField(required=False)


class ActionSerializer(Strict, serializers.Serializer[Any]):
    """A call action by its SDK name, parameters by wire name; ``{{ path }}`` in them is filled from event or call."""

    action = serializers.CharField()
    parameters = serializers.DictField(required=False)


class RuleSerializer(Strict, serializers.ModelSerializer[Rule]):
    """One line of a flow."""

    when = ConditionSerializer(many=True, required=False)
    do = ActionSerializer(many=True, required=False)

    class Meta:
        model = Rule
        fields = ("event_type", "direction", "when", "do", "step", "stop")


class FlowSerializer(Strict, serializers.ModelSerializer[Flow]):
    """A flow with its rules in order."""

    account = serializers.CharField(source="account.name", required=False)
    rules = RuleSerializer(many=True)

    class Meta:
        model = Flow
        fields = ("id", "name", "account", "connection_id", "active", "rules", "updated_at")
        read_only_fields = ("id", "updated_at")
        validators: list[Any] = []  # the service says it in words

    def save(self, **kwargs: Any) -> Flow:
        values = dict(self.validated_data)
        rules, account = values.pop("rules", None), values.pop("account", None)
        flow = self.instance or Flow(account=self._account())
        if self.instance is not None and account and account["name"] != flow.account.name:
            raise serializers.ValidationError({"account": ["A flow stays with its account."]})
        for name, value in values.items():
            setattr(flow, name, value)
        self.instance = flows.save_flow(flow, rules, self.context["view"].actor)
        return self.instance

    def _account(self) -> TelnyxAccount:
        return account_of(self.context["request"], self.initial_data)
