"""Serves calls, sessions and what is live at Telnyx over REST: get, call the service, answer."""

from collections.abc import Sequence
from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from portal import keyset
from portal.actors import actor_of
from portal.masking import masked_for
from portal.rest.filters import AccountFilter, Choice, MomentFilter, StrictFilters, YesNo, refuse_unknown_parameters
from portal.rest.pagination import CUT, PAGING, Cursor, Cut
from portal.rest.viewsets import ACCOUNT, PortalViewSet, ReadOnlyViewSet, account_name, account_of, only_one
from portal.telnyx.client import DEADLINE_SECONDS
from portal.times import uptime
from voice.calls import search, status, telnyx_record
from voice.calls.serializers import CallSerializer, EventSerializer
from voice.catalogue import actions
from voice.commands import outbox
from voice.commands.products import tell_products
from voice.commands.responses import accepted
from voice.commands.serializers import CommandSerializer
from voice.models import HAPPENED_AT, Call, CallQuerySet


def call_of_address(calls: QuerySet[Call], request: Request, control_id: str) -> Call:
    """Find, among these, the call of an address: 404 without one, 400 when several accounts have it."""
    return only_one(calls.filter(search.of_control_id(control_id, account_name(request))), "a call")


def session_of_address(calls: QuerySet[Call], request: Request, session_id: str) -> list[Call]:
    """List, of these, the legs of the session of an address, as ``session``: 404 and 400 as for a call."""
    return session_or_part_of_address(calls, request, session_id)[0]


def session_or_part_of_address(calls: QuerySet[Call], request: Request, session_id: str) -> tuple[list[Call], bool]:
    """List these legs, and tell whether they are all."""
    mine, name = calls.filter(call_session_id=session_id), account_name(request)
    mine = mine if name is None else mine.filter(account__in=search.account_ids(name))
    legs, is_whole = search.session_or_part(calls, mine)
    only_one({leg.account_id: leg for leg in legs}.values(), "a session")
    return legs, is_whole


class CallFilters(django_filters.FilterSet):
    """The filters of the call list."""

    account = AccountFilter()
    application = django_filters.CharFilter(method="by_application", help_text="The application's name.")
    number = django_filters.CharFilter(method="by_number", help_text="From or to: whole with +, or the last digits.")
    to = django_filters.CharFilter(method="by_to")
    started_after = MomentFilter(field_name="started_at", lookup_expr="gte")
    started_before = MomentFilter(field_name="started_at", lookup_expr="lt")
    direction = Choice(choices=[("incoming", "incoming"), ("outgoing", "outgoing")])
    state = Choice(choices=Call.State.choices)
    ending_category = Choice(choices=Call.Ending.choices)
    ended_by = Choice(choices=Call.Party.choices)
    has_recording = YesNo(method="by_recording")
    _sides: Sequence[Q] = ()

    def by_recording(self, calls: QuerySet[Call], name: str, value: str) -> QuerySet[Call]:
        return calls.filter(has_recording=value == "true")

    class Meta:
        model = Call
        fields = ("connection_id", "hangup_cause", "call_session_id", "call_leg_id")

    def by_application(self, calls: QuerySet[Call], name: str, value: str) -> QuerySet[Call]:
        return calls.filter(search.of_application(value))

    def by_number(self, calls: CallQuerySet, name: str, value: str) -> QuerySet[Call]:
        return self._by_number(calls, name, value, ("from", "to"))

    def by_from(self, calls: CallQuerySet, name: str, value: str) -> QuerySet[Call]:
        return self._by_number(calls, name, value, ("from",))

    def by_to(self, calls: CallQuerySet, name: str, value: str) -> QuerySet[Call]:
        return self._by_number(calls, name, value, ("to",))

    def _by_number(self, calls: CallQuerySet, name: str, value: str, sides: tuple[str, ...]) -> QuerySet[Call]:
        try:
            return self.of_any(calls, search.number_by_side(value, actor_of(self.request), sides))
        except search.SearchRefused as refused:
            raise refused.problem(name) from None

    def of_any(self, calls: CallQuerySet, sides: Sequence[Q]) -> CallQuerySet:
        """Match one of the sides; where they are two, when all else has been asked for."""
        if not sides[1:] or self._sides:
            return calls.filter(Q(*sides, _connector=Q.OR))
        self._sides = sides
        return calls

    def filter_queryset(self, queryset: CallQuerySet) -> CallQuerySet:
        calls: CallQuerySet = super().filter_queryset(queryset)  # type: ignore[no-untyped-call]
        return calls.on_any(self._sides) if self._sides else calls


# "from" is a Python keyword: no class body can have it
CallFilters.base_filters["from"] = django_filters.CharFilter(field_name="from", method="by_from")  # type: ignore[attr-defined]


class CallCursor(Cursor):
    """Pages calls: of a number on either side those of each side by themselves."""

    def read(self, queryset: Any, ordering: tuple[str, ...], place: keyset.Place, size: int) -> keyset.Page:
        # events and commands of one call are paged, too
        sides = queryset.by_side() if isinstance(queryset, CallQuerySet) else (queryset,)
        return keyset.page_of_any(sides, ordering, place, size)


@extend_schema_view(retrieve=extend_schema(parameters=[ACCOUNT]))
class CallViewSet(ReadOnlyViewSet):
    """Calls: one row a leg."""

    queryset = Call.objects.select_related("account")
    serializer_class = CallSerializer
    filter_backends = (StrictFilters,)
    filterset_class = CallFilters
    pagination_class = CallCursor
    lookup_field = "call_control_id"
    lookup_value_regex = "[^/]+"
    scope = "calls"
    ordering = ("-started_at", "-id")
    without_body = ("refresh",)
    permissions = {
        "list": "voice.view_call",
        "retrieve": "voice.view_call",
        "events": "voice.view_callevent",
        "commands": "voice.view_callcommand",
        "telnyx_events": "voice.view_callevent",
        "create": "voice.dial",
        "act": "voice.view_call",  # and the action's own permission
        "refresh": "voice.view_call",
    }

    def get_object(self) -> Call:
        return call_of_address(self.get_queryset(), self.request, self.kwargs["call_control_id"])

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        rows = (
            args[0] if args and isinstance(args[0], list) else [args[0]] if args and isinstance(args[0], Call) else []
        )
        tell_products(rows)
        keys = {(call.account_id, call.connection_id) for call in rows}
        names = search.application_names(keys) if keys else {}
        kwargs["context"] = {**kwargs.get("context", self.get_serializer_context()), "applications": names}
        return self.get_serializer_class()(*args, **kwargs)

    def _paged(self, serializer: Any, rows: Any) -> Response:
        refuse_unknown_parameters(self.request, "account", *PAGING)
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(serializer(page, many=True, context=self.get_serializer_context()).data)

    @extend_schema(request=OpenApiTypes.OBJECT, responses={202: CommandSerializer})
    def create(self, request: Request) -> Response:
        """Dial: the wire parameters of ``calls.dial``, and ``account`` while there are several."""
        body = request.data
        account = account_of(request, body)
        values = {name: value for name, value in body.items() if name != "account"} if isinstance(body, dict) else body
        return accepted(self, lambda: outbox.dial(account, values, self.actor, intent=self.intent))

    @extend_schema(parameters=[ACCOUNT], responses=EventSerializer(many=True), filters=False)
    @action(detail=True, ordering=("at", "received_at", "id"), filterset_class=None)
    def events(self, request: Request, call_control_id: str) -> Response:
        """What happened, in order."""
        rows = self.get_object().events.select_related("account").annotate(at=HAPPENED_AT)
        return self._paged(EventSerializer, rows)

    @extend_schema(parameters=[ACCOUNT], responses=CommandSerializer(many=True), filters=False)
    @action(detail=True, ordering=("created_at", "sequence", "id"), filterset_class=None)
    def commands(self, request: Request, call_control_id: str) -> Response:
        """What was sent, in order."""
        return self._paged(CommandSerializer, self.get_object().commands.select_related("account", "conference"))

    @extend_schema(
        request=OpenApiTypes.OBJECT,
        responses={202: CommandSerializer},
        parameters=[
            ACCOUNT,
            OpenApiParameter("action_name", str, OpenApiParameter.PATH, description="By SDK name: answer, speak …"),
        ],
    )
    @action(detail=True, methods=["post"], url_path=r"actions/(?P<action_name>[a-z_]+)")
    def act(self, request: Request, call_control_id: str, action_name: str) -> Response:
        """Do something on a call of Call Control; the parameters by wire name. On a TeXML call it is 400."""
        if action_name not in actions.names():
            raise NotFound(f'Telnyx has no call action "{action_name}".')
        if not request.user.has_perm(actions.permission(action_name)):
            raise PermissionDenied(f"The token's user lacks the permission {actions.permission(action_name)}.")
        call = self.get_object()
        values = request.data or {}
        return accepted(self, lambda: outbox.act(call, action_name, values, self.actor, intent=self.intent))

    @extend_schema(parameters=[ACCOUNT], request=None, responses=CallSerializer)
    @action(detail=True, methods=["post"])
    def refresh(self, request: Request, call_control_id: str) -> Response:
        """Ask Telnyx for the call's status now."""
        return Response(self.get_serializer(status.refresh(self.get_object())).data)

    @extend_schema(parameters=[ACCOUNT, *CUT], responses=OpenApiTypes.OBJECT, filters=False)
    @action(detail=True, url_path="telnyx-events")
    def telnyx_events(self, request: Request, call_control_id: str) -> Response:
        """Telnyx's ``call_events`` of this leg, asked now: commands and webhooks as Telnyx saw them, oldest first.

        At most 1000; ``complete`` says whether these are all.
        """
        refuse_unknown_parameters(request, "account", *PAGING)
        cut, record = Cut.of(request), telnyx_record.of_call(self.get_object())
        return Response({**cut.page(masked_for(request.user, record.entries)), "complete": record.complete})


class SessionViewSet(PortalViewSet):
    """Sessions: the legs that share a ``call_session_id``, and those that the TeXML document of one of them dialled."""

    queryset = Call.objects.select_related("account")
    serializer_class = CallSerializer
    scope = "calls"
    lookup_field = "call_session_id"
    lookup_value_regex = "[^/]+"
    permissions = {"retrieve": "voice.view_call"}

    @extend_schema(
        parameters=[ACCOUNT],
        responses={
            200: {
                "type": "object",
                "properties": {
                    "call_session_id": {"type": "string"},
                    "calls": {"type": "array", "items": {"$ref": "#/components/schemas/Call"}},
                    "complete": {"type": "boolean", "description": "Whether these are all legs."},
                },
            }
        },
    )
    def retrieve(self, request: Request, call_session_id: str) -> Response:
        """The legs of one session, in order.

        Of more than 1000 the first ones: ``complete`` says whether these are all. The list of calls has the others, by
        its filter ``call_session_id``.
        """
        refuse_unknown_parameters(request, "account")
        calls, is_whole = session_or_part_of_address(self.get_queryset(), request, call_session_id)
        tell_products(calls)
        names = search.application_names({(call.account_id, call.connection_id) for call in calls})
        context = {**self.get_serializer_context(), "applications": names}
        told = CallSerializer(calls, many=True, context=context).data
        return Response({"call_session_id": call_session_id, "calls": told, "complete": is_whole})


class ActiveCallViewSet(PortalViewSet):
    """What is live at Telnyx now."""

    scope = "calls"
    permissions = {"list": "voice.view_call"}
    serializer_class = serializers.Serializer

    @extend_schema(
        parameters=[
            OpenApiParameter("connection_id", str, required=True),
            OpenApiParameter("account", str, description="Optional while there is one."),
            *CUT,
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def list(self, request: Request) -> Response:
        """The live calls of one application, as Telnyx tells them."""
        refuse_unknown_parameters(request, "account", "connection_id", *PAGING)
        cut = Cut.of(request)
        connection_id = request.query_params.get("connection_id", "")
        if not connection_id.isalnum():
            raise ValidationError({"connection_id": ["Name the application: its id at Telnyx."]})
        account = account_of(request)
        found = status.active_calls(account, connection_id, until=uptime() + DEADLINE_SECONDS)
        return Response({**cut.page(masked_for(request.user, found.rows)), "complete": found.complete})
