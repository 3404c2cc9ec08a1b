"""Serves dial batches and limits over REST."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from portal.masking import masked_for
from portal.models import TelnyxAccount
from portal.rest.serializers import Strict, WordsField
from portal.rest.viewsets import PortalViewSet, ReadOnlyViewSet, account_of
from portal.telnyx.schemas import InvalidParameters
from voice.dialling import batches, limits
from voice.models import DialBatch, Limits


class ProgressSerializer(serializers.Serializer[Any]):
    """How many lines are in which status of a command."""

    counts = serializers.DictField(child=serializers.IntegerField())
    finished = serializers.IntegerField()
    percent = serializers.IntegerField()


class DialBatchSerializer(serializers.ModelSerializer[DialBatch]):
    """A dial batch. ``status``: running, paused, cancelled, or done when nothing is left of it."""

    account = serializers.CharField(source="account.name", read_only=True)
    status = serializers.SerializerMethodField()
    parameters = serializers.SerializerMethodField()
    name = WordsField(read_only=True)
    requested_by = WordsField(read_only=True)
    progress = serializers.SerializerMethodField()

    class Meta:
        model = DialBatch
        fields = (
            "id",
            "name",
            "account",
            "connection_id",
            "parameters",
            "per_second",
            "lines",
            "status",
            "progress",
            "requested_by",
            "created_at",
        )
        read_only_fields = fields

    def get_status(self, batch: DialBatch) -> str:
        return batches.progress(batch).state

    def get_parameters(self, batch: DialBatch) -> dict[str, Any]:
        parameters: dict[str, Any] = masked_for(self.context["request"].user, batch.parameters)
        return parameters

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, batch: DialBatch) -> dict[str, Any]:
        progress = batches.progress(batch)
        return {"counts": progress.counts, "finished": progress.finished, "percent": progress.percent}


class LinesSerializer(serializers.ListSerializer[Any]):
    """The lines, each told by its number for people, from 1, as where one cannot be dialled."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            return super().to_internal_value(data)
        except ValidationError as error:
            told: Any = error.detail  # by place, from 0
            by_line = {str(at + 1) if isinstance(at, int) else str(at): wrong for at, wrong in told.items()}
            raise ValidationError(by_line) from None


class LineSerializer(Strict, serializers.Serializer[Any]):
    """A number with a client state of its own (base64, as on the wire)."""

    to = serializers.CharField()
    client_state = serializers.CharField(required=False, allow_blank=True)

    class Meta:
        list_serializer_class = LinesSerializer

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value({"to": data} if isinstance(data, str) else data)


class NewBatchSerializer(Strict, serializers.Serializer[Any]):
    """What to dial. ``numbers`` are texts, or objects with ``to`` and ``client_state``."""

    account = serializers.CharField(required=False, help_text="Optional while there is one.")
    name = serializers.CharField(required=False, max_length=100)
    connection_id = serializers.CharField()
    numbers = LineSerializer(many=True, help_text="At most 1,000.")
    per_second = serializers.FloatField(default=1.0, help_text="Dials a second, 0.01 to 20.")
    parameters = serializers.DictField(required=False, help_text="Further parameters of each dial, by wire name.")
    dry_run = serializers.BooleanField(default=False, help_text="Look at every line and dial nothing: 200.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        fields["from"] = serializers.CharField()  # a Python keyword, so not in the class body
        return fields

    def validate_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Refuse what stands beside them: another value than that one would be dropped in silence."""
        if beside := [name for name in ("connection_id", "from") if name in parameters]:
            raise ValidationError({name: ["It stands beside the parameters: leave it out here."] for name in beside})
        return parameters


class PlanSerializer(serializers.Serializer[Any]):
    """A dry run: how many lines can be dialled, how long that takes, and by line what is wrong."""

    lines = serializers.IntegerField()
    seconds = serializers.FloatField()
    problems = serializers.DictField(child=serializers.CharField())


class DialBatchViewSet(ReadOnlyViewSet):
    """Many numbers dialled one after the other from one application."""

    queryset = DialBatch.objects.select_related("account")
    serializer_class = DialBatchSerializer
    scope = "calls"
    ordering = ("-created_at", "-id")
    without_body = ("pause", "resume", "cancel")
    permissions = {
        "list": "voice.view_dialbatch",
        "retrieve": "voice.view_dialbatch",
        "create": "voice.dial",
        "pause": "voice.dial",
        "resume": "voice.dial",
        "cancel": "voice.dial",
    }

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], list):
            batches.tell_line_counts(args[0])
        return super().get_serializer(*args, **kwargs)

    @extend_schema(request=NewBatchSerializer, responses={201: DialBatchSerializer, 200: PlanSerializer})
    def create(self, request: Request) -> Response:
        """Begin to dial, or with ``dry_run`` only look. A line that cannot be dialled refuses the whole batch."""
        account, given = account_of(request, request.data), NewBatchSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        shared = wanted.get("parameters", {}) | {"connection_id": wanted["connection_id"], "from": wanted["from"]}
        lines = [
            batches.Line(at, line["to"], line.get("client_state", "")) for at, line in enumerate(wanted["numbers"], 1)
        ]
        try:
            if wanted["dry_run"]:
                planned = batches.plan(account, shared, lines, wanted["per_second"], self.actor)
                return Response(_plan_body(planned, request.user))
            names = {"name": wanted.get("name", ""), "intent": self.intent}
            batch = batches.make(account, shared, lines, wanted["per_second"], self.actor, **names)
        except InvalidParameters as error:
            raise ValidationError(error.errors) from None
        headers = {"Location": f"/api/v1/dial-batches/{batch.pk}/"}
        return Response(self.get_serializer(batch).data, status.HTTP_201_CREATED, headers=headers)

    @extend_schema(request=None, responses=DialBatchSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """Send no further line for now."""
        return Response(self.get_serializer(batches.pause(self.get_object(), self.actor)).data)

    @extend_schema(request=None, responses=DialBatchSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Go on where it stopped."""
        return Response(self.get_serializer(batches.resume(self.get_object(), self.actor)).data)

    @extend_schema(request=None, responses=DialBatchSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Never send what was not sent yet."""
        return Response(self.get_serializer(batches.cancel(self.get_object(), self.actor)).data)


class UsageSerializer(serializers.Serializer[Any]):
    """What counts against the limits now."""

    dials_per_minute = serializers.IntegerField()
    dials_per_day = serializers.IntegerField()
    concurrent_calls = serializers.IntegerField()


class LimitsSerializer(serializers.ModelSerializer[Limits]):
    """Limits and what counts against them. A count that is null limits nothing."""

    used = serializers.SerializerMethodField()

    class Meta:
        model = Limits
        fields = (
            "allowed_countries",
            "allowed_prefixes",
            "any_country",
            "blocked_prefixes",
            "allow_premium",
            "allow_sip",
            "allowed_sip_hosts",
            "egress_hosts",
            "dials_per_minute",
            "dials_per_day",
            "concurrent_calls",
            "used",
            "updated_at",
        )
        read_only_fields = fields

    @extend_schema_field(UsageSerializer)
    def get_used(self, row: Limits) -> dict[str, int]:
        data: dict[str, int] = UsageSerializer(limits.usage(row)).data
        return data


class AccountLimitsSerializer(LimitsSerializer):
    """The account's limits; ``token`` are those of the asking token itself, if it has its own."""

    account = serializers.CharField(source="account.name", read_only=True)
    token = serializers.SerializerMethodField()

    class Meta(LimitsSerializer.Meta):
        fields = ("account", *LimitsSerializer.Meta.fields, "token")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]

    @extend_schema_field(LimitsSerializer(allow_null=True))
    def get_token(self, row: Limits) -> Any:
        own = limits.of_token(self.context["request"].auth)
        return LimitsSerializer(own).data if own else None


class LimitsViewSet(PortalViewSet):
    """The limits against toll fraud."""

    queryset = TelnyxAccount.objects.all()
    serializer_class = AccountLimitsSerializer
    scope = "calls"
    is_of_account = False  # its path names it
    permissions = {"retrieve": "voice.view_limits"}

    def retrieve(self, request: Request, name: str) -> Response:
        """What this account may dial, and what of it is used."""
        account = TelnyxAccount.objects.filter(name=name).first()
        if account is None:
            raise NotFound
        return Response(self.get_serializer(limits.of_account(account)).data)


def _plan_body(planned: batches.Plan, user: Any) -> dict[str, Any]:
    problems = {str(at): str(masked_for(user, words)) for at, words in planned.problems.items()}
    return {"lines": len(planned.lines), "seconds": planned.seconds, "problems": problems}
