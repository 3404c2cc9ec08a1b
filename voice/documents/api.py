"""Serves hosted documents over REST: drafts, versions, publishing, what leads to them, what was fetched."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from portal.masking import may_see_whole, set_up_for
from portal.rest.filters import StrictFilters, refuse_unknown_parameters
from portal.rest.problems import Problem
from portal.rest.viewsets import ReadOnlyViewSet, account_name, demand, named_states
from voice.documents import cases, diffs, service, usage
from voice.documents.serializers import (
    CHANGED,
    CaseSerializer,
    CopySerializer,
    DiffSerializer,
    DocumentSerializer,
    FetchSerializer,
    FindingSerializer,
    NewCaseSerializer,
    PublishSerializer,
    RollBackSerializer,
    RunSerializer,
    UseSerializer,
    VersionSerializer,
)
from voice.models import TexmlCase, TexmlDocument, TexmlVersion

_SEE, _EDIT = "voice.view_texmldocument", "voice.change_texmldocument"
_ADD, _PUBLISH = "voice.add_texmldocument", "voice.publish_texmldocument"
_ETAG = OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description="The ETag that you read; stale is 412.")
_CASE = r"(?P<case_id>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
_COMPLETE = OpenApiParameter(
    "X-Portal-Complete",
    str,
    OpenApiParameter.HEADER,
    response=[200],
    enum=["true", "false"],
    description="Whether that is all: at most 500 of each kind are listed.",
)
_PAGING = [OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)]


class DocumentFilters(django_filters.FilterSet):
    """The filters of the list."""

    account = django_filters.CharFilter(field_name="account__name")

    class Meta:
        model = TexmlDocument
        fields = ("name",)


class TexmlDocumentViewSet(mixins.CreateModelMixin, mixins.UpdateModelMixin, mixins.DestroyModelMixin, ReadOnlyViewSet):
    """TeXML documents that the portal serves to Telnyx."""

    queryset = TexmlDocument.objects.select_related("account")
    serializer_class = DocumentSerializer
    filter_backends = (StrictFilters,)
    filterset_class = DocumentFilters
    scope = "texml"
    ordering: tuple[str, ...] = ("name", "id")  # type: ignore[misc]  # a list below a document has its own
    without_body = ("record_case",)
    permissions = {
        **dict.fromkeys(("list", "retrieve", "versions", "version", "diff", "used_by", "lint"), _SEE),
        **dict.fromkeys(("list_cases", "case", "run_cases"), _SEE),
        **dict.fromkeys(("update", "partial_update", "add_case", "delete_case", "record_case"), _EDIT),
        **dict.fromkeys(("create", "duplicate"), _ADD),
        **dict.fromkeys(("publish", "roll_back"), _PUBLISH),
        "destroy": "voice.delete_texmldocument",
        "fetches": "voice.view_texmlfetch",
    }

    def get_object(self) -> TexmlDocument:
        """Return the document; refuse who may not see it, whatever else they may: all but its log tells of it."""
        if self.action != "fetches":
            demand(self.request, _SEE)
        document: TexmlDocument = super().get_object()
        return document

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the list; one document only by its account: what is below it has parameters of its own."""
        if self.action == "list":
            return super().filter_queryset(queryset)
        name = account_name(self.request)
        return queryset if name is None else queryset.filter(account__name=name)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._shown(self.get_object())

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return self._shown(serializer.save(), 201)

    @extend_schema(parameters=[_ETAG])
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        document = self._unchanged()
        serializer = self.get_serializer(document, data=request.data, partial=kwargs.get("partial", False))
        serializer.is_valid(raise_exception=True)
        return self._shown(serializer.save())

    @extend_schema(parameters=[_ETAG])
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.update(request, *args, **kwargs, partial=True)

    @extend_schema(parameters=[_ETAG])
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        document = self._unchanged()
        try:
            service.delete_document(document, self.actor, expected=document.digest)
        except service.Changed as changed:
            raise Problem(412, changed.words, changed.code) from None
        return Response(status=204)

    @extend_schema(responses=FindingSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None)
    def lint(self, request: Request, pk: str) -> Response:
        """What the linter says of the draft, by itself and beside the other documents of its account.

        The list is not paged: it is as long as a document of 64 KiB and 2,000 elements makes it.
        """
        refuse_unknown_parameters(request)
        found = [one.as_json() for one in service.findings(self.get_object())]
        return Response(set_up_for(request.user, found))

    @extend_schema(parameters=_PAGING, responses=VersionSerializer(many=True), filters=False)
    @action(detail=True)
    def versions(self, request: Request, pk: str) -> Response:
        """All versions, the last one first."""
        return self._page(request, self.get_object().versions.all(), VersionSerializer, ("-number",))

    @extend_schema(responses=VersionSerializer, filters=False)
    @action(detail=True, url_path=r"versions/(?P<number>[0-9]{1,9})")
    def version(self, request: Request, pk: str, number: str) -> Response:
        """One version."""
        refuse_unknown_parameters(request)
        row = self.get_object().versions.filter(number=int(number)).first()
        if row is None:
            raise Problem(404, f"There is no version {int(number)}.", "not_found")
        return Response(VersionSerializer(row, context=self.get_serializer_context()).data)

    @extend_schema(
        parameters=[
            OpenApiParameter("from", str, required=True, description="The number of a version, or draft."),
            OpenApiParameter("to", str, description="The same; without: draft."),
        ],
        responses=DiffSerializer,
        filters=False,
    )
    @action(detail=True, pagination_class=None)
    def diff(self, request: Request, pk: str) -> Response:
        """What differs between any two states."""
        refuse_unknown_parameters(request, "from", "to")
        asked = {"from": request.query_params.get("from", ""), "to": request.query_params.get("to", diffs.DRAFT)}
        document = self.get_object()
        try:
            found = diffs.diff(document, asked["from"], asked["to"])
        except LookupError as error:
            wrong = next(name for name, value in asked.items() if value == str(error.args[0]))
            raise ValidationError({wrong: ["Give the number of a version, or draft."]}) from None
        return Response({"diff": set_up_for(request.user, found)})

    @extend_schema(parameters=[_ETAG], request=PublishSerializer, responses={201: VersionSerializer})
    @action(detail=True, methods=["post"])
    def publish(self, request: Request, pk: str) -> Response:
        """Publish the draft: 400 with the linter's errors, and with its warnings unless ``confirmed``."""
        document, asked = self._unchanged(), PublishSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            version = service.publish(document, self.actor, **asked.validated_data, expected=document.digest)
        except service.Changed as changed:
            raise Problem(412, changed.words, changed.code) from None
        return self._published(version)

    @extend_schema(parameters=[_ETAG], request=RollBackSerializer, responses={201: VersionSerializer})
    @action(detail=True, methods=["post"], url_path="roll-back")
    def roll_back(self, request: Request, pk: str) -> Response:
        """Publish an earlier version again, under a new number. The draft stays as it is."""
        document, asked = self._unchanged(), RollBackSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = dict(asked.validated_data)
        try:
            version = service.roll_back(document, given.pop("version"), self.actor, **given, expected=document.digest)
        except service.Changed as changed:
            raise Problem(412, changed.words, changed.code) from None
        return self._published(version)

    @extend_schema(request=CopySerializer, responses={201: DocumentSerializer})
    @action(detail=True, methods=["post"], url_path="copy")
    def duplicate(self, request: Request, pk: str) -> Response:
        """Make another document with the same draft."""
        document, asked = self.get_object(), CopySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return self._shown(service.copy(document, asked.validated_data["name"], self.actor), 201)

    @extend_schema(parameters=_PAGING, responses=CaseSerializer(many=True), filters=False)
    @action(detail=True, url_path="cases")
    def list_cases(self, request: Request, pk: str) -> Response:
        """Its test cases: each publication goes through all of them."""
        # a cursor by name would tell what is masked in a name
        return self._page(request, self.get_object().cases.all(), CaseSerializer, ("id",))

    @extend_schema(request=NewCaseSerializer, responses={201: CaseSerializer})
    @list_cases.mapping.post
    def add_case(self, request: Request, pk: str) -> Response:
        """Try the draft, and keep what is said as a test case."""
        document, asked = self.get_object(), NewCaseSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = {"steps": [], "caller": {}} | asked.validated_data
        case = cases.save(document, given["name"], given["steps"], given["caller"], self.actor)
        return self._case(case, 201)

    @extend_schema(responses=RunSerializer(many=True), filters=False)
    @action(detail=True, url_path="cases/run", pagination_class=None)
    def run_cases(self, request: Request, pk: str) -> Response:
        """Go through all test cases with the draft, as far as there is time. They are at most 100."""
        refuse_unknown_parameters(request)
        runs = cases.run(self.get_object(), by_name=may_see_whole(request.user))
        return Response(RunSerializer(runs, many=True, context=self.get_serializer_context()).data)

    @extend_schema(responses=CaseSerializer, filters=False)
    @action(detail=True, url_path=rf"cases/{_CASE}")
    def case(self, request: Request, pk: str, case_id: str) -> Response:
        """One test case."""
        refuse_unknown_parameters(request)
        return self._case(self._found_case(case_id))

    @extend_schema(responses={204: None})
    @case.mapping.delete
    def delete_case(self, request: Request, pk: str, case_id: str) -> Response:
        """Delete it: publications do not ask it any more."""
        cases.delete(self._found_case(case_id), self.actor)
        return Response(status=204)

    @extend_schema(parameters=[_ETAG], request=None, responses=CaseSerializer)
    @action(detail=True, methods=["post"], url_path=rf"cases/{_CASE}/record")
    def record_case(self, request: Request, pk: str, case_id: str) -> Response:
        """Take what the draft says now as right."""
        return self._case(cases.record_again(self._found_case(case_id, self._unchanged()), self.actor))

    @extend_schema(parameters=[_COMPLETE], responses=UseSerializer(many=True), filters=False)
    @action(detail=True, url_path="used-by", pagination_class=None)
    def used_by(self, request: Request, pk: str) -> Response:
        """Which applications, documents and flows lead to it."""
        refuse_unknown_parameters(request)
        uses = usage.used_by(self.get_object())
        told = {"X-Portal-Complete": "true" if uses.complete else "false"}
        return Response([asdict(one) for one in uses.listed], headers=told)

    @extend_schema(
        parameters=[*_PAGING, OpenApiParameter("call_control_id", str, description="Of one call.")],
        responses=FetchSerializer(many=True),
        filters=False,
    )
    @action(detail=True)
    def fetches(self, request: Request, pk: str) -> Response:
        """What was fetched, the latest first."""
        rows = self.get_object().fetches.all()
        if call := request.query_params.get("call_control_id"):
            rows = rows.filter(call_control_id=call)
        return self._page(request, rows, FetchSerializer, ("-at", "-id"), "call_control_id")

    def _found_case(self, case_id: str, document: TexmlDocument | None = None) -> TexmlCase:
        case: TexmlCase | None = (document or self.get_object()).cases.filter(pk=case_id).first()
        if case is None:
            raise Problem(404, "The document has no such test case.", "not_found")
        return case

    def _case(self, case: TexmlCase, status: int = 200) -> Response:
        data = CaseSerializer(case, context=self.get_serializer_context()).data
        return Response(data, status, headers=_location(f"{case.document_id}/cases/{case.pk}/", status))

    def _published(self, version: TexmlVersion) -> Response:
        data = VersionSerializer(version, context=self.get_serializer_context()).data
        headers = _location(f"{version.document_id}/versions/{version.number}/", 201)
        return Response(data, 201, headers=headers)

    def _shown(self, document: TexmlDocument, status: int = 200) -> Response:
        headers = {"ETag": f'"{document.digest}"'} | _location(f"{document.pk}/", status)
        return Response(self.get_serializer(document).data, status, headers=headers)

    def _unchanged(self) -> TexmlDocument:
        """Return the document; 412 when ``If-Match`` names another state of it."""
        document = self.get_object()
        wanted = named_states(self.request)
        if wanted and document.digest not in wanted:
            raise Problem(412, CHANGED, service.Changed.code)
        return document

    def _page(
        self, request: Request, rows: QuerySet[Any], serializer: Any, ordering: tuple[str, ...], *also: str
    ) -> Response:
        refuse_unknown_parameters(request, "cursor", "page_size", *also)
        self.ordering = ordering
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(serializer(page, many=True, context=self.get_serializer_context()).data)


def _location(address: str, status: int) -> dict[str, str]:
    """Return where what was made is found."""
    return {"Location": f"/api/v1/texml/documents/{address}"} if status == HTTPStatus.CREATED else {}
