"""Serializers mask numbers and refuse members that they do not know."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.urls import get_resolver
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from portal.rest.serializers import NumberField, Strict


class Leg(Strict, serializers.Serializer[Any]):
    to = NumberField()


class Dial(Strict, serializers.Serializer[Any]):
    name = serializers.CharField()
    leg = Leg()


def test_an_unknown_member_is_refused_by_name_at_every_depth() -> None:
    good = {"name": "a", "leg": {"to": "+13125550199"}}
    assert Dial().run_validation(good) == good
    for told, errors in (
        (good | {"nme": 1, "lag": 2}, {"nme": ["Unknown member."], "lag": ["Unknown member."]}),
        (good | {"leg": {"to": "1", "from": "2"}}, {"leg": {"from": ["Unknown member."]}}),
    ):
        with pytest.raises(ValidationError) as caught:
            Dial().run_validation(told)
        assert caught.value.detail == errors


def test_a_number_is_whole_for_those_who_may_see_it(user_with: Any) -> None:
    seeing, other = user_with("voice.view_full_number", username="seeing"), user_with(username="other")

    def told(user: Any) -> Any:
        return Leg({"to": "+13125550199"}, context={"request": SimpleNamespace(user=user)}).data["to"]

    assert (told(seeing), told(other)) == ("+13125550199", "+1312•••0199")


def below(kind: type[Any]) -> Iterator[type[Any]]:
    for one in kind.__subclasses__():
        yield one
        yield from below(one)


def test_of_what_is_only_told_no_member_can_be_written() -> None:
    """Else the OpenAPI document would not say of it that nobody writes it, or that it is always there."""
    assert get_resolver().url_patterns  # with them come the serializers of all rooms
    told = [
        one
        for one in below(serializers.ModelSerializer)
        if (meta := getattr(one, "Meta", None))
        and getattr(meta, "fields", ()) == getattr(meta, "read_only_fields", None)
    ]
    assert len(told) > 9
    written = {one.__name__: [name for name, field in one().fields.items() if not field.read_only] for one in told}
    assert {name: members for name, members in written.items() if members} == {}
