"""Provides what serializers of all rooms share: masked numbers, strict members."""

from collections.abc import Collection
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
        refuse_unknown_members(data, self.fields.keys())  # type: ignore[attr-defined]
        return super().to_internal_value(data)  # type: ignore[misc]


def refuse_unknown_members(data: Any, known: Collection[str] = ()) -> None:
    """Answer 400 to the members of an object that are not ``known``: nobody would read them."""
    if isinstance(data, dict) and (unknown := data.keys() - known):
        raise serializers.ValidationError({name: ["Unknown member."] for name in sorted(unknown)})
