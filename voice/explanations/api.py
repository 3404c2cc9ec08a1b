"""Serves over REST why a call, or a session, ended."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.rest.serializers import WordsField
from portal.rest.viewsets import ACCOUNT, PortalViewSet
from voice.calls.api import call_of_address, session_of_address
from voice.explanations import rows
from voice.explanations.card import seen_by
from voice.explanations.judgement.verdicts import HIGH, LOW, MEDIUM, Verdict
from voice.models import Call


class ProofSerializer(serializers.Serializer[Any]):
    """One row that a verdict rests on; only rows that the token's user may see."""

    kind = serializers.ChoiceField(["event", "command"])
    id = serializers.CharField(help_text="Of /call-events/ or /commands/.")
    what = serializers.CharField(help_text="The event's type, or the command's action.")


class VerdictSerializer(serializers.Serializer[Any]):
    """Why one leg ended."""

    call_control_id = serializers.CharField(required=False)
    code = serializers.CharField(help_text="The rule that decided.")
    category = serializers.ChoiceField(Call.Ending.choices)
    who = serializers.ChoiceField(Call.Party.choices, help_text="Who ended it: a party of the session.")
    sentence = WordsField()
    confidence = serializers.ChoiceField([HIGH, MEDIUM, LOW])
    next_step = WordsField(help_text="Empty where there is nothing to do.")
    flags = serializers.ListField(child=WordsField(), help_text="What is remarkable besides.")
    evidence = serializers.SerializerMethodField()
    source = serializers.SerializerMethodField(  # type: ignore[assignment]  # a member, no argument of this field
        help_text="Where the rule's knowledge comes from, and of when it is."
    )

    @extend_schema_field(ProofSerializer(many=True))
    def get_evidence(self, verdict: Verdict) -> list[dict[str, str]]:
        return [vars(proof) for proof in seen_by(self.context["request"].user, verdict.evidence)]

    @extend_schema_field(
        {"type": "object", "properties": {"name": {"type": "string"}, "date": {"type": "string"}}, "required": ["name"]}
    )
    def get_source(self, verdict: Verdict) -> dict[str, str]:
        return vars(verdict.source)


class SessionVerdictSerializer(VerdictSerializer):
    """Why a session ended, and each of its legs."""

    call_session_id = serializers.CharField()
    legs = VerdictSerializer(many=True)


class _ExplanationViewSet(PortalViewSet):
    queryset = Call.objects.select_related("account")
    serializer_class = VerdictSerializer
    scope = "calls"
    permissions = {"retrieve": "voice.view_call"}

    def told(self, verdict: Verdict) -> dict[str, Any]:
        """Return the verdict as this token's user may see it."""
        return dict(VerdictSerializer(verdict, context=self.get_serializer_context()).data)


class CallExplanationViewSet(_ExplanationViewSet):
    """Why one leg ended."""

    @extend_schema(parameters=[ACCOUNT], responses=VerdictSerializer)
    def retrieve(self, request: Request, call_control_id: str) -> Response:
        """Why this leg ended: a sentence, who ended it, how sure that is, what it rests on, what to do next."""
        call = call_of_address(self.get_queryset(), request, call_control_id)
        return Response({"call_control_id": call.call_control_id, **self.told(rows.verdict_of(call))})


class SessionExplanationViewSet(_ExplanationViewSet):
    """Why a session ended."""

    @extend_schema(parameters=[ACCOUNT], responses=SessionVerdictSerializer)
    def retrieve(self, request: Request, call_session_id: str) -> Response:
        """Why this session ended, told by its first leg; ``legs`` has each of them."""
        legs = session_of_address(self.get_queryset(), request, call_session_id)
        verdicts = rows.verdicts_of(legs)
        each = [{"call_control_id": leg.call_control_id, **self.told(verdicts[leg.pk])} for leg in legs]
        return Response({"call_session_id": call_session_id, **each[0], "legs": each})
