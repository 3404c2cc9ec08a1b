"""Describes plans, and the runs that carry them out, for REST."""

from typing import Any

from rest_framework import serializers

from applications.models import ApplyRun
from portal.json_types import JsonObject
from portal.rest.serializers import WordsField


class ApplicationPlanInput(serializers.Serializer[Any]):
    """What Telnyx is to have, as an export as JSON holds it."""

    account = serializers.CharField(required=False, help_text="May be left out while there is one.")
    applications = serializers.ListField(
        child=serializers.DictField(), help_text="With an id it is found by that, else by its name."
    )
    prune = serializers.BooleanField(required=False, help_text="Delete what is not among them.")
    targets = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Only what has one of these names or ids."
    )


class PlannedChange(serializers.Serializer[Any]):
    """One field. A value is whatever Telnyx has there, or is to have."""

    before = serializers.JSONField(read_only=True)
    after = serializers.JSONField(read_only=True)


class PlannedStep(serializers.Serializer[Any]):
    """One request to Telnyx."""

    kind = serializers.CharField(read_only=True)
    action = serializers.ChoiceField(["create", "update", "delete"], read_only=True)
    name = serializers.CharField(read_only=True)
    id = serializers.CharField(read_only=True, allow_null=True, help_text="Telnyx's; null for a creation.")
    changes = serializers.DictField(child=PlannedChange(), read_only=True, help_text="By dotted name.")
    base = serializers.CharField(read_only=True, help_text="Digest of the state that it was made from.")
    line = serializers.IntegerField(read_only=True, help_text="Which of the applications, from 1; 0 for a deletion.")
    dependents = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="What a deletion would leave behind, or Telnyx minds."
    )
    namesakes = serializers.IntegerField(read_only=True, help_text="How many of a new one's name are there already.")


class ApplicationPlanSerializer(serializers.Serializer[Any]):
    """What would be done. Sent back as it is, it is carried out as it is."""

    account = serializers.CharField(read_only=True)
    made_at = serializers.DateTimeField(read_only=True)
    create = serializers.IntegerField(read_only=True)  # type: ignore[assignment]
    update = serializers.IntegerField(read_only=True)  # type: ignore[assignment]
    delete = serializers.IntegerField(read_only=True)
    unchanged = serializers.IntegerField(read_only=True)
    known = serializers.DictField(child=serializers.IntegerField(), read_only=True, help_text="At Telnyx, by kind.")
    looks_like_mass_delete = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="Why it is carried out only with accept_deletes."
    )
    steps = PlannedStep(many=True, read_only=True)


class ApplyRequest(serializers.Serializer[Any]):
    """A plan, as it was answered."""

    plan = serializers.DictField()
    accept_deletes = serializers.BooleanField(
        required=False, help_text="Delete what the plan says, also when it looks like a mass delete."
    )


class StepResult(serializers.Serializer[Any]):
    """What came of one step: done; failed, and others went on; stopped, and nothing after it was tried."""

    kind = serializers.CharField(read_only=True)
    action = serializers.ChoiceField(["create", "update", "delete"], read_only=True)
    name = serializers.CharField(read_only=True)
    id = serializers.CharField(read_only=True, allow_null=True)
    line = serializers.IntegerField(read_only=True)
    state = serializers.CharField(read_only=True)
    message = serializers.CharField(read_only=True, help_text="Why, or what else is to be known.")


class ApplyRunSerializer(serializers.ModelSerializer[ApplyRun]):
    """One plan that is, or was, carried out: ``state`` is running, done, stopped or failed (interrupted)."""

    state = serializers.CharField(read_only=True)
    requested_by = WordsField(read_only=True)
    account = serializers.CharField(source="account.name", read_only=True)
    results = StepResult(many=True, read_only=True)

    class Meta:
        model = ApplyRun
        fields = (
            *("id", "account", "kind", "state", "requested_by", "source", "started_at", "finished_at"),
            *("progress", "total", "failed", "results"),
        )
        read_only_fields = fields

    def to_representation(self, instance: ApplyRun) -> JsonObject:
        """Tell one that was killed as failed: nobody has noted its end."""
        told: JsonObject = super().to_representation(instance)
        return told | ({"state": ApplyRun.State.FAILED.value} if instance.is_silent else {})
