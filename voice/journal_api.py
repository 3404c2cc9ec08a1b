"""REST of the journal's ways out and of Telnyx's own record: settle, breaker, telnyx-events."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from portal.models import TelnyxAccount
from portal.rest.problems import Problem
from portal.rest.viewsets import PortalViewSet
from portal.schemas import InvalidParameters
from voice import actions, breaker, reconciliation, telnyx_record
from voice.models import AccountBreaker, CallCommand
from voice.numbers import masked
from voice.serializers import CommandSerializer
from voice.tasks import wake_commands


class VerdictSerializer(serializers.Serializer[Any]):
    """What a person says of an uncertain command."""

    verdict = serializers.ChoiceField(reconciliation.VERDICTS)


class BreakerSerializer(serializers.ModelSerializer[AccountBreaker]):
    """Whether commands of an account are sent, or held back, and why."""

    account = serializers.CharField(source="account.name", read_only=True)

    class Meta:
        model = AccountBreaker
        fields = ("account", "state", "since", "why", "next_probe_at", "recent")
        read_only_fields = fields


class Settling:
    """A mixin of the command views: the way out of ``uncertain``."""

    get_object: Any
    get_serializer_context: Any
    actor: Any

    @extend_schema(request=VerdictSerializer, responses={200: CommandSerializer, 202: CommandSerializer})
    @action(detail=True, methods=["post"])
    def settle(self, request: Request, pk: str) -> Response:
        """Say what became of an uncertain command. ``send_again`` makes a new one under a new id: 202 with that."""
        command: CallCommand = self.get_object()
        if not request.user.has_perm(needed := actions.permission(command.action)):
            raise PermissionDenied(f"The token's user lacks the permission {needed}.")
        told = VerdictSerializer(data=request.data)
        told.is_valid(raise_exception=True)
        try:
            settled = reconciliation.settle(command.pk, told.validated_data["verdict"], self.actor)
        except reconciliation.NotUncertain as error:
            raise Problem(409, str(error), "not_uncertain") from None
        except InvalidParameters as error:
            raise ValidationError(error.errors) from None
        return self._settled(command, settled)

    def _settled(self, command: CallCommand, settled: CallCommand) -> Response:
        body = CommandSerializer(settled, context=self.get_serializer_context()).data
        if settled.pk == command.pk:
            return Response(body)
        if settled.status == CallCommand.Status.QUEUED:
            wake_commands(settled.pk)
        return Response(body, status.HTTP_202_ACCEPTED, headers={"Location": f"/api/v1/commands/{settled.pk}/"})


class OwnRecord:
    """A mixin of the call views: what Telnyx itself has noted of a call."""

    get_object: Any

    @extend_schema(responses=OpenApiTypes.OBJECT, filters=False)
    @action(detail=True, url_path="telnyx-events")
    def telnyx_events(self, request: Request, call_control_id: str) -> Response:
        """Telnyx's ``call_events`` of this leg, asked now: commands and webhooks as Telnyx saw them, oldest first.

        At most 1000; ``complete`` says whether these are all.
        """
        record = telnyx_record.of_call(self.get_object())
        entries = record.entries if request.user.has_perm("voice.view_full_number") else masked(record.entries)
        return Response({"next": None, "previous": None, "results": entries, "complete": record.complete})


class BreakerViewSet(PortalViewSet):
    """The circuit breaker of an account: it stops commands, never webhooks."""

    queryset = TelnyxAccount.objects.all()
    serializer_class = BreakerSerializer
    scope = "calls"
    permissions = {"retrieve": "voice.view_callcommand", "close": "voice.close_breaker"}

    @extend_schema(responses=BreakerSerializer)
    def retrieve(self, request: Request, name: str) -> Response:
        """Its state now."""
        return Response(BreakerSerializer(breaker.of(self._account(name))).data)

    @extend_schema(request=None, responses=BreakerSerializer)
    def close(self, request: Request, name: str) -> Response:
        """Close it by hand: what waits is sent."""
        return Response(BreakerSerializer(breaker.close(self._account(name), self.actor)).data)

    def _account(self, name: str) -> TelnyxAccount:
        account = TelnyxAccount.objects.filter(name=name).first()
        if account is None:
            raise NotFound
        return account
