"""Serves exports over REST: ordered by a search, followed, fetched as a file, cancelled."""

import uuid
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import MethodNotAllowed, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from portal import sql
from portal.rest.problems import Problem
from portal.rest.serializers import Strict, WordsField
from portal.rest.viewsets import ReadOnlyViewSet
from voice.call_log import query
from voice.exports import service
from voice.exports.columns import COLUMNS
from voice.exports.files import answer_with
from voice.exports.formats import FORMATS
from voice.models import CallExport

_SEE = "voice.view_call"
_States = CallExport.State


class ExportSerializer(serializers.ModelSerializer[CallExport]):
    """An export of calls. No file is kept: it is written while it is fetched."""

    query = WordsField(read_only=True, help_text="The search, its numbers masked; empty: every call.")
    format = serializers.ChoiceField(list(FORMATS), read_only=True)
    columns = serializers.ListField(child=serializers.CharField(), read_only=True)
    state = serializers.SerializerMethodField()
    rows = serializers.IntegerField(read_only=True, help_text="Written so far.")
    reached = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="When the last call that was written began: it goes back from now."
    )
    sha256 = serializers.SerializerMethodField(help_text="Of the whole file; null unless it is done.")
    error = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField(source="begun_at", read_only=True)

    class Meta:
        model = CallExport
        fields = (
            "id",
            "query",
            "format",
            "columns",
            "shows_numbers",
            "state",
            "rows",
            "reached",
            "sha256",
            "error",
            "bound",
            "created_at",
            "ended_at",
        )
        read_only_fields = fields

    @extend_schema_field({"enum": _States.values, "type": "string"})
    def get_state(self, row: CallExport) -> str:
        is_lost = row.state == _States.RUNNING and not row.is_running(sql.clock())
        return str(_States.BROKEN_OFF if is_lost else row.state)

    def get_sha256(self, row: CallExport) -> str | None:
        return row.digest or None

    def get_error(self, row: CallExport) -> str | None:
        return row.error or None


class NewExportSerializer(Strict, serializers.Serializer[Any]):
    """What to take out: every call that the search finds, as a line for each leg, newest first."""

    q = serializers.CharField(
        required=False, allow_blank=True, max_length=1000, help_text="As in the call log; without it every call."
    )
    columns = serializers.ListField(
        child=serializers.ChoiceField([column.name for column in COLUMNS]),
        required=False,
        max_length=len(COLUMNS),
        help_text="Without it those of the list.",
    )
    format = serializers.ChoiceField(list(FORMATS), default="csv")


class ExportViewSet(ReadOnlyViewSet):
    """One's own exports, newest first; for 90 days."""

    queryset = CallExport.objects.all()
    serializer_class = ExportSerializer
    scope = "reports"
    is_of_account = False  # its search says of which calls
    ordering = ("-begun_at", "-id")
    without_body = ("cancel",)
    permissions = dict.fromkeys(("list", "retrieve", "create", "file", "cancel"), _SEE)

    def get_queryset(self) -> QuerySet[CallExport]:
        rows: QuerySet[CallExport] = super().get_queryset()
        return rows.filter(user=self.request.user.pk)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Take whatever is accepted for a file, which is of its own type; a refusal is JSON as everywhere."""
        return super().perform_content_negotiation(request, force=force or self.action == "file")

    @extend_schema(request=NewExportSerializer, responses={201: ExportSerializer})
    def create(self, request: Request) -> Response:
        """Order an export: of what the search finds now. It is written when it is fetched."""
        given = NewExportSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        told = given.validated_data
        found = query.read(told.get("q", ""), request.user, actor=self.actor)
        if found.refused:
            raise found.refused.problem("q")
        identifier = uuid.uuid5(uuid.NAMESPACE_OID, self.intent) if self.intent else uuid.uuid4()
        names = list(dict.fromkeys(told.get("columns", ())))
        try:
            row = service.order(found, told["format"], names, self.actor, identifier)
        except service.ExportRefused as refused:
            raise ValidationError(refused.errors) from None
        headers = {"Location": f"/api/v1/exports/{row.pk}/"}
        return Response(self.get_serializer(row).data, status.HTTP_201_CREATED, headers=headers)

    @extend_schema(
        responses={(200, FORMATS[name].content_type.partition(";")[0]): OpenApiTypes.STR for name in ("csv", "ndjson")},
    )
    @action(detail=True)
    def file(self, request: Request, pk: str) -> HttpResponseBase:
        """Fetch the file while it is written; also once more. Its beginning and its end are in the audit trail.

        One that is not whole says so in its last line. 409 while it is fetched, after it was cancelled, and while too
        many others are.
        """
        if request.method == "HEAD":  # it would begin one that nobody reads
            raise MethodNotAllowed("HEAD")
        try:
            return answer_with(service.fetch(self.get_object(), self.actor))
        except service.ExportRefused as refused:
            raise Problem(409, refused.words, refused.code) from None

    @extend_schema(request=None, responses=ExportSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Have it end with its next page, or not begin. One that is over stays as it is."""
        row = self.get_object()
        service.cancel(row, self.actor)
        row.refresh_from_db()
        return Response(self.get_serializer(row).data)
