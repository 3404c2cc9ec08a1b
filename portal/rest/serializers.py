"""Provides what serializers of all rooms share: masked numbers, strict members."""

from typing import Any

from rest_framework import serializers

from portal.masking import display_number, masked_for


class NumberField(serializers.CharField):
    """A number, masked for a user without ``voice.view_full_number``."""

    def to_representation(self, value: str) -> str:
        return display_number(value, self.context["request"].user)


class WordsField(serializers.CharField):
    """A sentence or a name, its numbers masked for a user without ``voice.view_full_number``."""

    def to_representation(self, value: str) -> str:
        return str(masked_for(self.context["request"].user, value))


class Strict:
    """A mixin for what is written: an unknown member is refused by name, at every depth."""

    def to_internal_value(self, data: Any) -> Any:
        known = self.fields.keys()  # type: ignore[attr-defined]
        if isinstance(data, dict) and (unknown := data.keys() - known):
            raise serializers.ValidationError({name: ["Unknown member."] for name in sorted(unknown)})
        return super().to_internal_value(data)  # type: ignore[misc]
