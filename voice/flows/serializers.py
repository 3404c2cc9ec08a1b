"""Serializes flows with their rules inline; the service decides what of them is saved."""

from typing import Any

from rest_framework import serializers
from rest_framework.fields import empty

from portal.masking import set_up_for
from portal.models import TelnyxAccount
from portal.rest.serializers import Strict
from portal.rest.viewsets import account_of
from voice.flows import service
from voice.flows.conditions import OPERATORS
from voice.models import Flow, Rule


class ValueField(serializers.JSONField):
    """Any value, null as well. It has no ``allow_null``: one that is lacking would be told as null then."""

    def run_validation(self, data: Any = empty) -> Any:
        return None if data is None else super().run_validation(data)


class ConditionSerializer(Strict, serializers.Serializer[Any]):
    """A test of an event or its call."""

    field = serializers.CharField(help_text="event.payload.… or call.…")
    op = serializers.ChoiceField(tuple(OPERATORS))
    value = ValueField(required=False)


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

    def to_representation(self, instance: Rule) -> dict[str, Any]:
        shown: dict[str, Any] = set_up_for(self.context["request"].user, super().to_representation(instance))
        return shown


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
        self.instance = service.save_flow(flow, rules, self.context["view"].actor, values)
        return self.instance

    def _account(self) -> TelnyxAccount:
        return account_of(self.context["request"], self.initial_data)
