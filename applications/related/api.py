"""Serves what belongs to an application, read from Telnyx.

``…/{id}/phone-numbers/`` and ``/outbound-voice-profiles/``.
"""

from typing import Any, ClassVar, TypeVar

from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from applications.editing.refusals import answer_or_problem
from applications.related.numbers import (
    MAX_PAGE_SIZE,
    PERMISSION,
    NumberPage,
    assign_number,
    list_numbers,
    unassign_number,
)
from applications.related.profiles import list_profiles
from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from portal.rest.filters import refuse_unknown_parameters
from portal.rest.pagination import CUT, PAGING, Cut
from portal.rest.problems import Problem
from portal.rest.viewsets import ACCOUNT, PortalViewSet, account_of

T = TypeVar("T")

_NUMBER = OpenApiParameter("number_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="Telnyx's id of it.")
_AT = r"phone-numbers/(?P<number_id>[A-Za-z0-9_-]{1,64})"


class PhoneNumberSerializer(serializers.Serializer[Any]):
    """A phone number as Telnyx tells it; other members that it tells are there, too."""

    id = serializers.CharField(read_only=True)
    phone_number = serializers.CharField(read_only=True)
    status = serializers.CharField(read_only=True, allow_null=True)
    connection_id = serializers.CharField(read_only=True, allow_null=True)
    connection_name = serializers.CharField(read_only=True, allow_null=True)
    tags = serializers.ListField(child=serializers.CharField(), read_only=True)
    customer_reference = serializers.CharField(read_only=True, allow_null=True)

    def to_representation(self, instance: JsonObject) -> JsonObject:
        return instance


class PhoneNumberPage(serializers.Serializer[Any]):
    """One page, as Telnyx has it now."""

    next = serializers.URLField(read_only=True, allow_null=True)
    previous = serializers.URLField(read_only=True, allow_null=True)
    results = PhoneNumberSerializer(many=True, read_only=True)


class ProfileSerializer(serializers.Serializer[Any]):
    """A profile that ``outbound.outbound_voice_profile_id`` can name."""

    id = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    enabled = serializers.BooleanField(read_only=True)


class ProfilePage(serializers.Serializer[Any]):
    """All of them: at most 1,000, not older than a minute."""

    next = serializers.URLField(read_only=True, allow_null=True)
    previous = serializers.URLField(read_only=True, allow_null=True)
    results = ProfileSerializer(many=True, read_only=True)


class PhoneNumbers:
    """A mixin for the viewset of a kind."""

    number_permissions: ClassVar[dict[str, str]] = {"assign_number": PERMISSION, "unassign_number": PERMISSION}

    @extend_schema(
        parameters=[
            ACCOUNT,
            OpenApiParameter("search", str, description="At least three digits of a number."),
            OpenApiParameter("cursor", OpenApiTypes.STR),
            OpenApiParameter("page_size", OpenApiTypes.INT, description=f"Up to {MAX_PAGE_SIZE}."),
        ],
        responses=PhoneNumberPage,
        filters=False,
    )
    @action(detail=True, methods=["get"], url_path="phone-numbers", pagination_class=None, filterset_class=None)
    def phone_numbers(self, request: Request, id: str) -> Response:
        """The numbers assigned to it, asked of Telnyx now."""
        refuse_unknown_parameters(request, "account", "search", "cursor", "page_size")
        application, search = self.get_object(), request.query_params.get("search", "")  # type: ignore[attr-defined]
        page, size = _whole(request, "cursor", 1, 999_999), _whole(request, "page_size", 50, MAX_PAGE_SIZE)
        numbers = answer_or_problem(
            lambda: list_numbers(application.account, application.telnyx_id, search, page, size)
        )
        return Response(_page(request, numbers))

    @extend_schema(parameters=[ACCOUNT, _NUMBER], request=None, responses=PhoneNumberSerializer, filters=False)
    @action(detail=True, methods=["post"], url_path=f"{_AT}/assign", pagination_class=None, filterset_class=None)
    def assign_number(self, request: Request, id: str, number_id: str) -> Response:
        """Have calls to this number run in the application. It is taken from the one that had it."""
        application, actor = self.get_object(), self.actor  # type: ignore[attr-defined]
        return Response(answer_or_problem(lambda: assign_number(application, number_id, actor)))

    @extend_schema(parameters=[ACCOUNT, _NUMBER], request=None, responses=PhoneNumberSerializer, filters=False)
    @action(detail=True, methods=["post"], url_path=f"{_AT}/unassign", pagination_class=None, filterset_class=None)
    def unassign_number(self, request: Request, id: str, number_id: str) -> Response:
        """Ask Telnyx to take this number away. 409 when it answers that the number is still there."""
        application, actor = self.get_object(), self.actor  # type: ignore[attr-defined]
        number = answer_or_problem(lambda: unassign_number(application, number_id, actor))
        if number.get("connection_id") == application.telnyx_id:
            raise Problem(409, "Telnyx answered, and the number is still assigned.", "still_assigned")
        return Response(number)


class OutboundVoiceProfileViewSet(PortalViewSet):
    """What an application's outgoing calls can be made under."""

    queryset = TelnyxAccount.objects.none()
    serializer_class = ProfileSerializer
    scope = "applications"
    permissions: ClassVar[dict[str, str]] = {"list": "applications.view_callcontrolapplication"}
    pagination_class = None

    @extend_schema(
        parameters=[OpenApiParameter("account", str, description="May be left out while there is one."), *CUT],
        # it is the page, not a row of one
        responses=forced_singular_serializer(ProfilePage),  # type: ignore[no-untyped-call]
    )
    def list(self, request: Request) -> Response:
        """The account's outbound voice profiles, by name."""
        refuse_unknown_parameters(request, "account", *PAGING)
        cut, account = Cut.of(request), account_of(request)
        profiles = [
            {"id": profile.id, "name": profile.name, "enabled": profile.enabled} for profile in list_profiles(account)
        ]
        return Response(cut.page(profiles))


def _page(request: Request, page: NumberPage) -> JsonObject:
    def address(number: int | None) -> str | None:
        return replace_query_param(request.build_absolute_uri(), "cursor", str(number)) if number else None

    return {"next": address(page.next), "previous": address(page.previous), "results": page.numbers}


def _whole(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or not 1 <= int(text) <= most:
        raise ValidationError({name: [f"Must be a whole number from 1 to {most}."]})
    return int(text)
