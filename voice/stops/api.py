"""Serves suspensions and stops over REST."""

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from portal.rest.viewsets import PortalViewSet, ReadOnlyViewSet, account_name, account_of
from voice.models import Stop, Suspension
from voice.stops import service
from voice.stops.serializers import (
    NewStopSerializer,
    NewSuspensionSerializer,
    StopSerializer,
    SuspensionSerializer,
)


class SuspensionViewSet(ReadOnlyViewSet):
    """What is suspended here: no rule acts, nobody is called; webhooks are kept, and hang-ups go."""

    queryset = Suspension.objects.select_related("account")
    serializer_class = SuspensionSerializer
    scope = "calls"
    ordering = ("-since", "-id")
    permissions = {
        "list": "voice.view_suspension",
        "retrieve": "voice.view_suspension",
        "create": "voice.suspend",
        "destroy": "voice.suspend",
    }

    @extend_schema(request=NewSuspensionSerializer, responses={201: SuspensionSerializer})
    def create(self, request: Request) -> Response:
        """Suspend an account, or one application of it, and pause its batches. What is suspended already stays so."""
        account, given = account_of(request, request.data), NewSuspensionSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        connection_id = given.validated_data.get("connection_id", "")
        if connection_id and not service.application_of(account, connection_id):
            raise ValidationError({"connection_id": ["No application of this account has that id."]})
        row = service.suspend(account, connection_id, given.validated_data.get("why", ""), self.actor)
        headers = {"Location": f"/api/v1/suspensions/{row.pk}/"}
        return Response(self.get_serializer(row).data, status.HTTP_201_CREATED, headers=headers)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Lift it, and let the batches go on that were paused with it."""
        service.lift(self.get_object(), self.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)


class StopViewSet(mixins.RetrieveModelMixin, PortalViewSet):
    """All outgoing calls hung up at once, and batches paused."""

    queryset = Stop.objects.select_related("account")
    serializer_class = StopSerializer
    scope = "calls"
    permissions = {"create": "voice.control_call", "retrieve": "voice.control_call"}  # and voice.dial to create one

    @extend_schema(request=NewStopSerializer, responses={202: StopSerializer})
    def create(self, request: Request) -> Response:
        """Hang up every outgoing call, drop dials, transfers and refers that have not left, pause batches."""
        if not request.user.has_perm("voice.dial"):
            raise PermissionDenied("The token's user lacks the permission voice.dial: batches are paused with it.")
        given = NewStopSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        account = account_of(request, request.data) if account_name(request, request.data) is not None else None
        intent = uuid.uuid5(uuid.NAMESPACE_OID, self.intent) if self.intent else uuid.uuid4()
        stop = service.stop_outgoing(intent, self.actor, account)
        data: Any = self.get_serializer(stop).data
        return Response(data, status.HTTP_202_ACCEPTED, headers={"Location": f"/api/v1/stops/{stop.pk}/"})
