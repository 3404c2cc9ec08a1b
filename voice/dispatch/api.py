"""Serves the journal over REST: lists commands, settles the uncertain ones, reads and closes the breaker."""

from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from portal import sql
from portal.models import TelnyxAccount
from portal.rest.filters import AccountFilter, Choice, MomentFilter, StrictFilters
from portal.rest.problems import Problem
from portal.rest.serializers import Strict, WordsField
from portal.rest.viewsets import PortalViewSet, ReadOnlyViewSet
from voice.catalogue import actions
from voice.commands.responses import accepted
from voice.commands.serializers import CommandSerializer
from voice.dispatch import circuit_breaker, reconciliation
from voice.models import AccountBreaker, CallCommand


class VerdictSerializer(Strict, serializers.Serializer[Any]):
    """What a person says of an uncertain command."""

    verdict = serializers.ChoiceField(reconciliation.VERDICTS)


class UntilField(serializers.DateTimeField):
    """A time until which something waits; null once it is past."""

    def to_representation(self, value: Any) -> Any:
        return super().to_representation(value) if value > sql.clock() else None


class BreakerSerializer(serializers.ModelSerializer[AccountBreaker]):
    """Whether commands of an account are sent, or held back, and why. Closed, they wait while Telnyx asks for that."""

    account = serializers.CharField(source="account.name", read_only=True)
    why = WordsField(read_only=True)
    wait_until = UntilField(
        read_only=True,
        allow_null=True,
        help_text="Telnyx answered that there were too many requests: no command goes before. Null when none waits.",
    )
    dials_wait_until = UntilField(
        read_only=True,
        allow_null=True,
        help_text="Telnyx answered that there were too many dials a second: no dial goes before. Null when none waits.",
    )

    class Meta:
        model = AccountBreaker
        fields = ("account", "state", "since", "why", "next_probe_at", "wait_until", "dials_wait_until", "recent")
        read_only_fields = fields


class CommandFilters(django_filters.FilterSet):
    """The filters of the journal."""

    account = AccountFilter()
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")
    status = Choice(choices=CallCommand.Status.choices)

    class Meta:
        model = CallCommand
        fields = ("action", "call_control_id")


class CommandViewSet(ReadOnlyViewSet):
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

    @extend_schema(request=VerdictSerializer, responses={200: CommandSerializer, 202: CommandSerializer})
    @action(detail=True, methods=["post"])
    def settle(self, request: Request, pk: str) -> Response:
        """Say what became of an uncertain command. ``send_again`` makes a new one under a new id: 202 with that."""
        command: CallCommand = self.get_object()
        if not request.user.has_perm(needed := actions.permission(command.action)):
            raise PermissionDenied(f"The token's user lacks the permission {needed}.")
        body = VerdictSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        verdict = body.validated_data["verdict"]
        if verdict == reconciliation.SEND_AGAIN:
            return accepted(self, lambda: self._settle(command, verdict))
        settled = self._settle(command, verdict)
        return Response(self.get_serializer(settled).data)

    def _settle(self, command: CallCommand, verdict: str) -> CallCommand:
        try:
            return reconciliation.settle(command.pk, verdict, self.actor)
        except reconciliation.NotUncertain as error:
            raise Problem(409, str(error), "not_uncertain") from None


class BreakerViewSet(PortalViewSet):
    """The circuit breaker of an account: it stops commands, never webhooks."""

    queryset = TelnyxAccount.objects.all()
    serializer_class = BreakerSerializer
    scope = "calls"
    is_of_account = False  # its path names it
    without_body = ("close",)
    permissions = {"retrieve": "voice.view_callcommand", "close": "voice.close_breaker"}

    @extend_schema(responses=BreakerSerializer)
    def retrieve(self, request: Request, name: str) -> Response:
        """Its state now."""
        return Response(self.get_serializer(circuit_breaker.breaker_of(self._account(name))).data)

    @extend_schema(request=None, responses=BreakerSerializer)
    def close(self, request: Request, name: str) -> Response:
        """Close it by hand: what waits is sent, once the time is over that Telnyx asked to wait."""
        return Response(self.get_serializer(circuit_breaker.close(self._account(name), self.actor)).data)

    def _account(self, name: str) -> TelnyxAccount:
        account = TelnyxAccount.objects.filter(name=name).first()
        if account is None:
            raise NotFound
        return account
