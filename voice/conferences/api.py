"""Serves conferences and queues over REST: read from Telnyx when asked; a change is a command, answered 202."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from portal.masking import masked_for
from portal.models import TelnyxAccount
from portal.rest.filters import refuse_unknown_parameters
from portal.rest.pagination import CUT, PAGING, Cut
from portal.rest.serializers import WordsField
from portal.rest.viewsets import PortalViewSet, account_name, account_of, only_one
from portal.telnyx import paging
from portal.telnyx.errors import TelnyxRefused
from portal.texts import one_of
from voice.catalogue import actions
from voice.commands.responses import accepted
from voice.commands.serializers import CommandSerializer
from voice.conferences import queues, service
from voice.models import Conference

_ACCOUNT = OpenApiParameter("account", str, description="Optional while there is one.")
_CALL_ID = OpenApiParameter("call_control_id", str, OpenApiParameter.PATH)
_FILTERS = ("name", "status", "connection_id", "leg_id", "application_session_id")
_CHOICES = {"status": Conference.State.values}  # of a filter that takes no other words
_FILTER_PARAMETERS = [
    OpenApiParameter(name, str, description="Telnyx's filter.", enum=_CHOICES.get(name)) for name in _FILTERS
]
_COMMAND = {202: CommandSerializer}
_CONTROL = actions.permission(service.CREATE)


class ListingSerializer(serializers.Serializer[Any]):
    """A list as Telnyx told it now: of at most 1000 rows, ``complete`` when those are all that there are."""

    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    complete = serializers.BooleanField()
    results = serializers.ListField(child=serializers.DictField())


# it is the page, not a row of one
_LISTING = forced_singular_serializer(ListingSerializer)  # type: ignore[no-untyped-call]


class ConferenceSerializer(serializers.ModelSerializer[Conference]):
    """A conference as its events and Telnyx have told it. ``id`` is Telnyx's."""

    id = serializers.CharField(source="conference_id", read_only=True)
    account = serializers.CharField(source="account.name", read_only=True)
    name = WordsField(read_only=True)
    end_reason = WordsField(read_only=True)
    status = serializers.ChoiceField(Conference.State.choices, source="state", read_only=True)

    class Meta:
        model = Conference
        fields = ("id", "name", "account", "connection_id", "status", "started_at", "ended_at", "end_reason")
        read_only_fields = fields


class TelnyxViewSet(PortalViewSet):
    """What both have: the account by name, lists as Telnyx tells them, 202 for a command."""

    scope = "calls"
    queryset = Conference.objects.none()
    pagination_class = None  # a list is read whole: at most 1000

    def account(self, request: Request, body: Any = None) -> TelnyxAccount:
        """Of the body, or of the address."""
        return account_of(request, body)

    def listed(self, request: Request, ask: Callable[[], paging.Listing], *known: str) -> Response:
        """Answer with the page that is asked for; Telnyx is asked when the parameters are among the ``known`` ones."""
        refuse_unknown_parameters(request, "account", *PAGING, *known)
        cut = Cut.of(request)
        try:
            found = ask()
        except TelnyxRefused as error:
            if self.detail and error.is_not_found:  # as of what the list is below
                raise NotFound from None
            raise
        return Response({**cut.page(masked_for(request.user, found.rows)), "complete": found.complete})


class ConferenceViewSet(TelnyxViewSet):
    """Conferences of Call Control."""

    serializer_class = ConferenceSerializer
    lookup_field = "conference_id"
    lookup_value_regex = "[A-Za-z0-9_-]{1,64}"
    permissions = {
        "list": "voice.view_conference",
        "retrieve": "voice.view_conference",
        "participants": "voice.view_conference",
        "create": _CONTROL,
        "act": "voice.view_conference",  # and the action's own permission
        "update_participant": actions.permission(service.UPDATE_PARTICIPANT),
    }

    @extend_schema(
        parameters=[_ACCOUNT, *CUT, *_FILTER_PARAMETERS],
        responses=_LISTING,
    )
    def list(self, request: Request) -> Response:
        """As Telnyx lists them now, those that have ended, too."""
        wanted = {name: request.query_params[name] for name in _FILTERS if name in request.query_params}
        if odd := [name for name, choices in _CHOICES.items() if wanted.get(name, choices[0]) not in choices]:
            raise ValidationError({name: [one_of(_CHOICES[name])] for name in odd})
        return self.listed(request, lambda: service.at_telnyx(self.account(request), **wanted), *_FILTERS)

    @extend_schema(parameters=[_ACCOUNT], request=OpenApiTypes.OBJECT, responses=_COMMAND)
    def create(self, request: Request) -> Response:
        """Make one from a leg on the line: the wire parameters of ``conferences.create``, and ``account``."""
        account, values = self.account(request, request.data), _without_account(request.data)
        return accepted(self, lambda: service.create(account, values, self.actor, intent=self.intent))

    @extend_schema(parameters=[_ACCOUNT], responses=ConferenceSerializer)
    def retrieve(self, request: Request, conference_id: str) -> Response:
        """What the portal knows of it; Telnyx is asked for one the portal has heard nothing of."""
        return Response(self.get_serializer(self._conference(request, conference_id)).data)

    @extend_schema(parameters=[_ACCOUNT, *CUT], responses=_LISTING)
    @action(detail=True)
    def participants(self, request: Request, conference_id: str) -> Response:
        """Who is in it, muted, on hold, as Telnyx tells it now."""
        return self.listed(request, lambda: service.participants(self._conference(request, conference_id)))

    @extend_schema(
        parameters=[_ACCOUNT, OpenApiParameter("participant_id", str, OpenApiParameter.PATH)],
        request=OpenApiTypes.OBJECT,
        responses=_COMMAND,
    )
    @action(detail=True, methods=["patch"], url_path=r"participants/(?P<participant_id>[^/]+)")
    def update_participant(self, request: Request, conference_id: str, participant_id: str) -> Response:
        """What happens when this participant leaves. By its id at Telnyx, its call's control id or its label."""
        found = self._conference(request, conference_id)
        values = request.data or {}
        return accepted(self, lambda: service.update_participant(found, participant_id, values, self.actor))

    @extend_schema(
        parameters=[
            _ACCOUNT,
            OpenApiParameter("action_name", str, OpenApiParameter.PATH, description="By SDK name: hold, speak …"),
        ],
        request=OpenApiTypes.OBJECT,
        responses=_COMMAND,
    )
    @action(detail=True, methods=["post"], url_path=r"actions/(?P<action_name>[a-z_]+)")
    def act(self, request: Request, conference_id: str, action_name: str) -> Response:
        """Do something in a conference; the parameters by wire name."""
        name = f"conferences.{action_name}"
        if name not in actions.conference_names():
            raise NotFound(f'Telnyx has no conference action "{action_name}".')
        if not request.user.has_perm(actions.permission(name)):
            raise PermissionDenied(f"The token's user lacks the permission {actions.permission(name)}.")
        found = self._conference(request, conference_id)
        values = request.data or {}
        return accepted(self, lambda: service.act(found, name, values, self.actor, intent=self.intent))

    def _conference(self, request: Request, conference_id: str) -> Conference:
        rows = Conference.objects.select_related("account").filter(conference_id=conference_id)
        if account_name(request) is None and (known := list(rows)):
            return only_one(known, "a conference")
        found = service.find(self.account(request), conference_id)
        if found is None:
            raise NotFound
        return found


@extend_schema_view(
    partial_update=extend_schema(parameters=[_ACCOUNT], request=OpenApiTypes.OBJECT, responses=_COMMAND),
    destroy=extend_schema(parameters=[_ACCOUNT], responses=_COMMAND),
)
class QueueViewSet(TelnyxViewSet):
    """Queues of Call Control, by their names."""

    serializer_class = serializers.Serializer
    lookup_field = "queue_name"
    lookup_value_regex = "[^/]{1,255}"
    permissions = {
        "list": "voice.view_queue",
        "retrieve": "voice.view_queue",
        "calls": "voice.view_queue",
        "create": _CONTROL,
        "partial_update": _CONTROL,
        "destroy": _CONTROL,
        "change_call": _CONTROL,
        "remove_call": _CONTROL,
    }

    @extend_schema(parameters=[_ACCOUNT, *CUT], responses=_LISTING)
    def list(self, request: Request) -> Response:
        """As Telnyx lists them now."""
        return self.listed(request, lambda: queues.at_telnyx(self.account(request)))

    @extend_schema(parameters=[_ACCOUNT], request=OpenApiTypes.OBJECT, responses=_COMMAND)
    def create(self, request: Request) -> Response:
        """The wire parameters of ``queues.create``, and ``account``."""
        account, values = self.account(request, request.data), _without_account(request.data)
        return accepted(self, lambda: queues.create(account, values, self.actor, intent=self.intent))

    @extend_schema(parameters=[_ACCOUNT], responses=OpenApiTypes.OBJECT)
    def retrieve(self, request: Request, queue_name: str) -> Response:
        """As Telnyx tells it now."""
        found = queues.retrieve(self.account(request), queue_name)
        if found is None:
            raise NotFound
        return Response(masked_for(request.user, found))

    def partial_update(self, request: Request, queue_name: str) -> Response:
        """The wire parameters of ``queues.update``."""
        account, values = self.account(request), request.data
        return accepted(self, lambda: queues.act(account, queue_name, queues.UPDATE, values, self.actor))

    def destroy(self, request: Request, queue_name: str) -> Response:
        """Delete the queue at Telnyx."""
        account = self.account(request)
        return accepted(self, lambda: queues.act(account, queue_name, queues.DELETE, {}, self.actor))

    @extend_schema(parameters=[_ACCOUNT, *CUT], responses=_LISTING)
    @action(detail=True)
    def calls(self, request: Request, queue_name: str) -> Response:
        """Who waits in it, in order, as Telnyx tells it now."""
        return self.listed(request, lambda: queues.calls(self.account(request), queue_name))

    @extend_schema(parameters=[_ACCOUNT, _CALL_ID], request=OpenApiTypes.OBJECT, responses=_COMMAND)
    @action(detail=True, methods=["patch"], url_path=r"calls/(?P<call_control_id>[^/]+)")
    def change_call(self, request: Request, queue_name: str, call_control_id: str) -> Response:
        """The wire parameters of ``queues.calls.update``: whether the call stays in the queue after it hangs up."""
        values = request.data or {}
        return self._on_call(request, queue_name, call_control_id, queues.UPDATE_CALL, values)

    @extend_schema(parameters=[_ACCOUNT, _CALL_ID], request=None, responses=_COMMAND)
    @change_call.mapping.delete
    def remove_call(self, request: Request, queue_name: str, call_control_id: str) -> Response:
        """Remove a call that is not active any more from the queue."""
        return self._on_call(request, queue_name, call_control_id, queues.REMOVE_CALL, {})

    def _on_call(self, request: Request, queue_name: str, control_id: str, name: str, values: Any) -> Response:
        account = self.account(request)
        return accepted(self, lambda: queues.act_on_call(account, queue_name, control_id, name, values, self.actor))


def _without_account(body: Any) -> Any:
    return {name: value for name, value in body.items() if name != "account"} if isinstance(body, dict) else body
