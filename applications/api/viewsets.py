"""Serves applications over REST: check permission, call the service, show the answer."""

from typing import Any, ClassVar, TypeVar

from django.db.models import Q, QuerySet
from django_filters.filters import CharFilter
from django_filters.filterset import FilterSet
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
)
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.serializers import ValidationError

from applications.api.history import HistoryAction
from applications.api.serializers import (
    ApplicationSerializer,
    CallControlApplicationInput,
    CallControlApplicationSerializer,
    PullCounts,
    PullRequest,
    PullSerializer,
    TexmlApplicationInput,
    TexmlApplicationSerializer,
)
from applications.dependents import dependents
from applications.editing.refusals import answer_or_problem
from applications.editing.service import create_application, delete_application, update_application
from applications.exchange.api import Plans
from applications.kinds import KINDS, Kind
from applications.models import CallControlApplication, Pull, TelnyxApplication, TexmlApplication
from applications.pulls.pulls import ANOTHER_OWNER, pull_within
from applications.related.api import PhoneNumbers
from applications.related.numbers import count_numbers, in_the_way
from applications.tags import tagged
from portal.json_types import JsonObject
from portal.rest.filters import YesNo
from portal.rest.problems import Problem
from portal.rest.viewsets import ACCOUNT, PortalViewSet, account_name, account_of, named_states, only_one
from portal.telnyx.errors import TelnyxError

T = TypeVar("T")

PULL_SECONDS = 10.0

_IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="An ETag. 412 when Telnyx has another state."
)
_ANYWAY = OpenApiParameter("anyway", bool, description="Also while phone numbers are assigned to it: 409 without.")
_MISSING = OpenApiParameter("missing", bool, description="Also those that Telnyx does not know any more.")
_ETAG = OpenApiParameter("ETag", str, OpenApiParameter.HEADER, response=[200, 201], description="For If-Match.")


class ApplicationFilter(FilterSet):
    """What a list can be narrowed by."""

    account = CharFilter(field_name="account__name", help_text="Name of the account.")
    active = YesNo(method="by_active")
    missing = YesNo(method="by_missing", help_text="Also missing ones.")
    tag = CharFilter(method="by_tag", help_text="One of its tags, whole.")
    search = CharFilter(method="by_search", help_text="Part of the name, or the whole id.")

    def by_active(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset.filter(active=value == "true")

    def by_missing(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset  # the view leaves them out, unless

    def by_tag(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return tagged(queryset, value)

    def by_search(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset.filter(Q(**{f"{queryset.model.name_field}__icontains": value}) | Q(telnyx_id=value))


class ApplicationViewSet(HistoryAction, PhoneNumbers, Plans, mixins.ListModelMixin, PortalViewSet):
    """Both kinds; ``id`` in the address is Telnyx's."""

    kind: ClassVar[Kind]
    scope = "applications"
    ordering = ("-pk",)
    lookup_field = "telnyx_id"
    lookup_url_kwarg = "id"
    filterset_class = ApplicationFilter
    parameters = {"retrieve": ("missing",), "destroy": ("anyway",)}
    without_body = ("assign_number", "unassign_number")

    def get_queryset(self) -> QuerySet[Any]:
        rows = self.kind.model._default_manager.select_related("account")
        if self.action in {"list", "retrieve", "history"} and self._missing():
            return rows
        return rows.filter(missing_since=None)

    def get_object(self) -> Any:
        rows = self.get_queryset().filter(telnyx_id=self.kwargs["id"])
        if name := account_name(self.request, self.request.data if self.request.method == "PATCH" else None):
            rows = rows.filter(account__name=name)
        return only_one(rows, "an application")

    def retrieve(self, request: Request, id: str) -> Response:
        return self._answer(self.get_object())

    def create(self, request: Request) -> Response:
        account = account_of(request, request.data)
        values = {name: value for name, value in _body(request).items() if name != "account"}
        application, trouble = answer_or_problem(lambda: create_application(self.kind, account, values, self.actor))
        answer = self._answer(application, 201, trouble)
        address = reverse(f"{self.basename}-detail", kwargs={"id": application.telnyx_id}, request=request)
        answer["Location"] = f"{address}?account={account.name}"
        return answer

    def partial_update(self, request: Request, id: str) -> Response:
        values = {name: value for name, value in _body(request).items() if name != "account"}
        application, expected = self.get_object(), named_states(request)
        return self._answer(
            answer_or_problem(lambda: update_application(application, values, self.actor, expected=expected))
        )

    def destroy(self, request: Request, id: str) -> Response:
        application, expected = self.get_object(), named_states(request)
        if not yes_or_no(request, "anyway"):
            _check_numbers(application)
        answer_or_problem(lambda: delete_application(application, self.actor, expected=expected))
        return Response(status=204)

    @extend_schema(
        request=PullRequest,
        responses={
            200: PullCounts,
            202: OpenApiResponse(PullSerializer, "Still running; Location tells where to look."),
        },
        filters=False,
    )
    @action(detail=False, methods=["post"], pagination_class=None, filterset_class=None)
    def pull(self, request: Request) -> Response:
        """Pull from Telnyx now. Waits up to 10 s for its end."""
        body = _body(request)
        _refuse_unknown(body, {"account", "accept_missing"})
        accept = body.get("accept_missing", False)
        if not isinstance(accept, bool):
            raise ValidationError({"accept_missing": ["Must be true or false."]})
        account = account_of(request, body)
        record = pull_within(PULL_SECONDS, self.kind, account, self.actor, accept_missing=accept)
        if record.state == Pull.State.RUNNING:
            address = reverse("pull-detail", kwargs={"pk": record.pk}, request=request)
            told = PullSerializer(record, context=self.get_serializer_context()).data
            return Response(told, 202, headers={"Location": address})
        if record.state != Pull.State.DONE:
            raise _failed(record)
        return Response(PullCounts(record).data)

    def _answer(self, application: TelnyxApplication, status: int = 200, trouble: str = "") -> Response:
        data = dict(self.get_serializer(application).data)
        data["warnings"] = [*([trouble] if trouble else []), *data["warnings"]]
        return Response(data, status, headers={"ETag": f'"{application.remote_digest}"'})

    def _missing(self) -> bool:
        return yes_or_no(self.request, "missing")


def _permissions(kind: Kind) -> dict[str, str]:
    seen = dict.fromkeys(("list", "retrieve", "history"), "view")
    verbs = {**seen, "create": "add", "partial_update": "change", "destroy": "delete"}
    # "put" is not offered: with the right to change, it is told as 405
    verbs |= {"pull": "change", "put": "change", "phone_numbers": "view"}
    verbs |= {"plan": "view", "apply": "view"}  # each step of a plan needs its own
    return {action: kind.permission(verb) for action, verb in verbs.items()} | PhoneNumbers.number_permissions


def _operations(serializer: type[ApplicationSerializer], body: type) -> Any:
    """Describe the operations of one kind for OpenAPI."""
    return extend_schema_view(
        retrieve=extend_schema(parameters=[ACCOUNT, _MISSING, _ETAG], responses=serializer),
        create=extend_schema(parameters=[_ETAG], request=body, responses={201: serializer}),
        partial_update=extend_schema(parameters=[_IF_MATCH, ACCOUNT, _ETAG], request=body, responses=serializer),
        destroy=extend_schema(parameters=[_IF_MATCH, ACCOUNT, _ANYWAY], responses={204: None}),
    )


@_operations(CallControlApplicationSerializer, CallControlApplicationInput)
class CallControlApplicationViewSet(ApplicationViewSet):
    """Applications that get events as webhooks and send commands."""

    kind = KINDS[0]
    queryset = CallControlApplication.objects.all()
    serializer_class = CallControlApplicationSerializer
    permissions = _permissions(kind)


@_operations(TexmlApplicationSerializer, TexmlApplicationInput)
class TexmlApplicationViewSet(ApplicationViewSet):
    """Applications that Telnyx fetches documents for."""

    kind = KINDS[1]
    queryset = TexmlApplication.objects.all()
    serializer_class = TexmlApplicationSerializer
    permissions = _permissions(kind)


class PullViewSet(mixins.RetrieveModelMixin, PortalViewSet):
    """What a pull did, or how far it is."""

    queryset = Pull.objects.select_related("account")
    serializer_class = PullSerializer
    scope = "applications"
    permissions = {"retrieve": "applications.view_pull"}


def yes_or_no(request: Request, name: str) -> bool:
    text = request.query_params.get(name, "false")
    if text not in {"true", "false"}:
        raise ValidationError({name: ["Must be true or false."]})
    return text == "true"


def _check_numbers(application: TelnyxApplication) -> None:
    """Tell what is in the way before Telnyx is asked to delete; what cannot be read is Telnyx's to judge."""
    try:
        count = count_numbers(application)
    except TelnyxError:
        return
    if count:
        told = f"{in_the_way(count)} Nothing was sent; anyway=true sends it all the same."
        raise Problem(409, told, "numbers_assigned", dependents=dependents(application))


def _body(request: Request) -> JsonObject:
    if not isinstance(request.data, dict):
        raise ValidationError({"non_field_errors": ["The body must be a JSON object."]})
    return request.data


def _refuse_unknown(body: JsonObject, known: set[str]) -> None:
    if unknown := {name: ["Unknown parameter."] for name in body if name not in known}:
        raise ValidationError(unknown)


def _failed(record: Pull) -> Problem:
    last: JsonObject = record.errors[-1] if record.errors else {}
    message = str(last.get("message", "The pull failed."))
    if record.state == Pull.State.STOPPED and last.get("kind") == ANOTHER_OWNER:
        return Problem(409, message, ANOTHER_OWNER)  # not to be sent again as it is: it may be the wrong key
    if record.state == Pull.State.STOPPED:
        return Problem(409, f"{message} Send accept_missing: true.", "looks_like_mass_delete")
    status = {"refused": 422, "uncertain": 504}.get(str(last.get("kind")), 503)
    code = f"telnyx_{last.get('kind', 'unavailable')}"
    problem = Problem(status, message, code, telnyx_code=last.get("telnyx_code"))
    if status == 503:
        problem.wait = 5
    return problem
