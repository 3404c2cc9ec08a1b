"""REST of what happens on the line: get, call the service, answer."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from portal.rest.filters import StrictFilters, refuse_others
from portal.rest.viewsets import PortalViewSet, ReadOnlyViewSet, account_of
from portal.schemas import InvalidParameters
from voice import actions, commands, flows, live, search
from voice.filters import CallFilters, CommandFilters, EventFilters, FlowFilters
from voice.journal_api import OwnRecord, Settling
from voice.models import Call, CallCommand, CallEvent, Flow
from voice.serializers import (
    CallSerializer,
    CommandSerializer,
    EventSerializer,
    FlowSerializer,
    RawEventSerializer,
)
from voice.tasks import wake_commands

_NOT_PAGED = [OpenApiParameter(name, exclude=True) for name in ("cursor", "page_size")]


class CallViewSet(OwnRecord, ReadOnlyViewSet):
    """Calls: one row a leg."""

    queryset = Call.objects.select_related("account")
    serializer_class = CallSerializer
    filter_backends = (StrictFilters,)
    filterset_class = CallFilters
    lookup_field = "call_control_id"
    lookup_value_regex = "[^/]+"
    scope = "calls"
    ordering = ("-started_at", "-id")
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
        found = list(self.get_queryset().filter(call_control_id=self.kwargs["call_control_id"])[:1])
        if not found:
            raise NotFound
        call: Call = found[0]
        return call

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        rows = (
            args[0] if args and isinstance(args[0], list) else [args[0]] if args and isinstance(args[0], Call) else []
        )
        keys = {(call.account_id, call.connection_id) for call in rows}
        names = search.application_names(keys) if keys else {}
        kwargs["context"] = {**kwargs.get("context", self.get_serializer_context()), "applications": names}
        return self.get_serializer_class()(*args, **kwargs)

    @extend_schema(request=OpenApiTypes.OBJECT, responses={202: CommandSerializer})
    def create(self, request: Request) -> Response:
        """Dial: the wire parameters of ``calls.dial``, and ``account`` while there are several."""
        body = request.data
        account = account_of(request, body)
        values = {name: value for name, value in body.items() if name != "account"} if isinstance(body, dict) else body
        return _accepted(self, lambda: commands.dial(account, values, self.actor))

    @extend_schema(parameters=_NOT_PAGED, responses=EventSerializer(many=True), filters=False)
    @action(detail=True)
    def events(self, request: Request, call_control_id: str) -> Response:
        """What happened, in order."""
        refuse_others(request)
        rows = self.get_object().events.order_by("occurred_at", "received_at")[:1000]
        return Response({"next": None, "previous": None, "results": _shown(self, EventSerializer, rows)})

    @extend_schema(parameters=_NOT_PAGED, responses=CommandSerializer(many=True), filters=False)
    @action(detail=True)
    def commands(self, request: Request, call_control_id: str) -> Response:
        """What was sent, in order."""
        refuse_others(request)
        rows = (
            self.get_object().commands.select_related("account", "conference").order_by("created_at", "sequence")[:1000]
        )
        return Response({"next": None, "previous": None, "results": _shown(self, CommandSerializer, rows)})

    @extend_schema(
        request=OpenApiTypes.OBJECT,
        responses={202: CommandSerializer},
        parameters=[
            OpenApiParameter("action_name", str, OpenApiParameter.PATH, description="By SDK name: answer, speak …")
        ],
    )
    @action(detail=True, methods=["post"], url_path=r"actions/(?P<action_name>[a-z_]+)")
    def act(self, request: Request, call_control_id: str, action_name: str) -> Response:
        """Do something on a call; the parameters by wire name."""
        if action_name not in actions.names():
            raise NotFound(f'Telnyx has no call action "{action_name}".')
        if not request.user.has_perm(actions.permission(action_name)):
            raise PermissionDenied(f"The token's user lacks the permission {actions.permission(action_name)}.")
        call = self.get_object()
        return _accepted(self, lambda: commands.act(call, action_name, request.data or {}, self.actor))

    @extend_schema(request=None, responses=CallSerializer)
    @action(detail=True, methods=["post"])
    def refresh(self, request: Request, call_control_id: str) -> Response:
        """Ask Telnyx for the call's status now."""
        return Response(self.get_serializer(live.refresh(self.get_object())).data)


class EventViewSet(ReadOnlyViewSet):
    """Stored events, newest first."""

    queryset = CallEvent.objects.all()
    filter_backends = (StrictFilters,)
    filterset_class = EventFilters
    scope = "events"
    ordering = ("-received_at", "-id")
    permissions = {"list": "voice.view_callevent", "retrieve": "voice.view_callevent"}

    def get_serializer_class(self) -> type[EventSerializer]:
        return RawEventSerializer if self.action == "retrieve" else EventSerializer

    def get_queryset(self) -> QuerySet[CallEvent]:
        rows = super().get_queryset()
        return rows if self.action == "retrieve" else rows.defer("body", "headers")


class CommandViewSet(Settling, ReadOnlyViewSet):
    """The journal: what was asked of Telnyx, by whom, and what came of it."""

    queryset = CallCommand.objects.select_related("account", "conference")
    serializer_class = CommandSerializer
    filter_backends = (StrictFilters,)
    filterset_class = CommandFilters
    scope = "calls"
    ordering = ("-created_at", "-id")
    permissions = {
        "list": "voice.view_callcommand",
        "retrieve": "voice.view_callcommand",
        "settle": "voice.view_callcommand",  # and the action's own permission
    }


class FlowViewSet(mixins.CreateModelMixin, mixins.UpdateModelMixin, mixins.DestroyModelMixin, ReadOnlyViewSet):
    """Flows with their rules inline."""

    queryset = Flow.objects.select_related("account").prefetch_related("rules")
    serializer_class = FlowSerializer
    filter_backends = (StrictFilters,)
    filterset_class = FlowFilters
    scope = "flows"
    ordering = ("name", "id")
    permissions = {
        "list": "voice.view_flow",
        "retrieve": "voice.view_flow",
        "create": "voice.add_flow",
        "update": "voice.change_flow",
        "partial_update": "voice.change_flow",
        "destroy": "voice.delete_flow",
    }

    def perform_update(self, serializer: serializers.BaseSerializer[Flow]) -> None:
        serializer.save()
        serializer.instance = self.get_queryset().get(pk=self.kwargs["pk"])  # without the rules read before

    def perform_destroy(self, instance: Flow) -> None:
        flows.delete_flow(instance, self.actor)


class SessionViewSet(PortalViewSet):
    """Sessions: the legs that share a ``call_session_id``."""

    queryset = Call.objects.select_related("account")
    serializer_class = CallSerializer
    scope = "calls"
    lookup_field = "call_session_id"
    lookup_value_regex = "[^/]+"
    permissions = {"retrieve": "voice.view_call"}

    @extend_schema(
        responses={
            200: {
                "type": "object",
                "properties": {
                    "call_session_id": {"type": "string"},
                    "calls": {"type": "array", "items": {"$ref": "#/components/schemas/Call"}},
                },
            }
        }
    )
    def retrieve(self, request: Request, call_session_id: str) -> Response:
        """The legs of one session, in order."""
        calls = list(self.get_queryset().filter(call_session_id=call_session_id).order_by("started_at", "id"))
        if not calls:
            raise NotFound
        names = search.application_names({(call.account_id, call.connection_id) for call in calls})
        context = {**self.get_serializer_context(), "applications": names}
        return Response(
            {"call_session_id": call_session_id, "calls": CallSerializer(calls, many=True, context=context).data}
        )


class ActiveCallViewSet(PortalViewSet):
    """What is live at Telnyx now."""

    scope = "calls"
    permissions = {"list": "voice.view_call"}
    serializer_class = serializers.Serializer

    @extend_schema(
        parameters=[
            OpenApiParameter("connection_id", str, required=True),
            OpenApiParameter("account", str, description="Optional while there is one."),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def list(self, request: Request) -> Response:
        """The live calls of one application, as Telnyx tells them."""
        connection_id = request.query_params.get("connection_id", "")
        if not connection_id.isalnum():
            raise ValidationError({"connection_id": ["Name the application: its id at Telnyx."]})
        name = request.query_params.get("account")
        account = account_of(request, {"account": name} if name else {})
        calls = live.active_calls(account, connection_id)
        return Response({"next": None, "previous": None, "results": calls})


def _accepted(view: PortalViewSet, make: Any) -> Response:
    """202 with the command that ``make`` returns, woken."""
    try:
        command = make()
    except InvalidParameters as error:
        raise ValidationError(error.errors) from None
    if command.status == CallCommand.Status.QUEUED:
        wake_commands(command.pk)
    body = CommandSerializer(command, context=view.get_serializer_context()).data
    return Response(body, status.HTTP_202_ACCEPTED, headers={"Location": f"/api/v1/commands/{command.pk}/"})


def _shown(view: PortalViewSet, serializer: Any, rows: Any) -> Any:
    return serializer(rows, many=True, context=view.get_serializer_context()).data


router = SimpleRouter()
router.register("calls", CallViewSet, basename="call")
router.register("call-events", EventViewSet, basename="call-event")
router.register("commands", CommandViewSet, basename="command")
router.register("flows", FlowViewSet, basename="flow")
router.register("sessions", SessionViewSet, basename="session")
router.register("active-calls", ActiveCallViewSet, basename="active-call")
