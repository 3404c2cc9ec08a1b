"""Serves every change of an application, newest first: ``GET …/{id}/history/``."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from applications.mirror.versions import entry, with_changes
from portal.masking import addresses_for
from portal.rest.filters import refuse_unknown_parameters
from portal.rest.pagination import Cursor
from portal.rest.serializers import WordsField
from portal.rest.viewsets import ACCOUNT

_MISSING = OpenApiParameter("missing", bool, description="Also that of one which Telnyx does not know any more.")


class Change(serializers.Serializer[Any]):
    """One field. A value is whatever Telnyx had there."""

    before = serializers.JSONField(read_only=True)
    after = serializers.JSONField(read_only=True)


class HistoryEntrySerializer(serializers.Serializer[Any]):
    """One change: made here, over REST, by a command, or found at a pull."""

    id = serializers.IntegerField(read_only=True)
    at = serializers.DateTimeField(read_only=True, help_text="When it was stored here.")
    type = serializers.ChoiceField(["created", "changed", "deleted"], read_only=True)
    actor = WordsField(read_only=True, help_text="user: …, token: …, command line or portal.")
    user = WordsField(read_only=True, allow_null=True)
    token = WordsField(read_only=True, allow_null=True, help_text="Name of the token.")
    request_id = serializers.CharField(read_only=True, help_text="Of the request it was made with, if any.")
    reason = WordsField(read_only=True)
    changes = serializers.DictField(child=Change(), read_only=True, help_text="By dotted name; none for the first.")


class HistoryPages(Cursor):
    """By number, which grows with time."""

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        return ("-history_id",)


class HistoryAction:
    """A mixin for the viewset of a kind."""

    @extend_schema(
        parameters=[
            ACCOUNT,
            _MISSING,
            OpenApiParameter("cursor", OpenApiTypes.STR),
            OpenApiParameter("page_size", OpenApiTypes.INT, description="Up to 250."),
        ],
        responses=HistoryEntrySerializer(many=True),
        filters=False,
    )
    @action(detail=True, methods=["get"], pagination_class=HistoryPages, filterset_class=None)
    def history(self, request: Request, id: str) -> Response:
        """Every change, newest first: before and after by field, by whom, with which token and request, and why."""
        refuse_unknown_parameters(request, "account", "missing", "cursor", "page_size")
        application = self.get_object()  # type: ignore[attr-defined]
        versions = application.history.select_related("history_user", "history_token")
        records = list(self.paginate_queryset(versions))  # type: ignore[attr-defined]
        entries = [entry(record, changed) for record, changed in with_changes(records)]
        told = HistoryEntrySerializer(entries, many=True, context={"request": request})
        data = addresses_for(request.user, told.data)
        answer: Response = self.get_paginated_response(data)  # type: ignore[attr-defined]
        return answer
