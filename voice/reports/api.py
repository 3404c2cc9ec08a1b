"""Serves reports over REST: the figures of a window beside those of the one before, its parts, how calls ended."""

import uuid
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from portal.masking import display_number
from portal.models import TelnyxAccount
from portal.phone_numbers import same_form
from portal.rest.filters import refuse_unknown_parameters
from portal.rest.serializers import WordsField
from portal.rest.viewsets import PortalViewSet, demand
from voice.catalogue import endings
from voice.metrics import kinds, measures
from voice.models import RollUp
from voice.reports import freshness, links, report, windows
from voice.reports.figures import Scope
from voice.reports.report import Figure, Line, Report
from voice.reports.windows import BadWindow, Window

_LONGEST = {"connection_id": 64, "number": 255}
_PARAMETERS = {
    "window": f"{', '.join(windows.PRESETS)}; {windows.DEFAULT} without it.",
    "from": "Instead of a window: a time, or a day, in UTC.",
    "to": "As from; a day is taken in whole. Without it, up to now.",
    "account": "By its name.",
    "connection_id": "Of one application.",
    "number": "Of one own number, whole; for who may see whole numbers.",
    "by": "What each line is of; time without it.",
}
_ENUMS = {"window": list(windows.PRESETS), "by": list(report.DIVISIONS)}


class SpanSerializer(serializers.Serializer[Any]):
    """A stretch of time: from ``begin`` up to ``end``."""

    begin = serializers.DateTimeField()
    end = serializers.DateTimeField()


class FigureSerializer(serializers.Serializer[Any]):
    """One figure. ``value`` is null where there is nothing to make it of; so is ``before``."""

    name = serializers.CharField(source="metric.name")
    title = serializers.CharField(source="metric.title")
    definition = serializers.CharField(source="metric.definition")
    counted_as = serializers.SerializerMethodField(help_text="Of which legs; null: of all.")
    unit = serializers.CharField(
        source="metric.form.value",
        help_text="count; share of 1; mean and percentile in seconds; minutes; price of a minute.",
    )
    value = serializers.FloatField(allow_null=True)
    before = serializers.FloatField(source="was", allow_null=True)
    link = serializers.SerializerMethodField(help_text="The page that lists what it counts, where one does.")

    def get_counted_as(self, figure: Figure) -> str | None:
        return figure.metric.counted_as or None

    def get_link(self, figure: Figure) -> str | None:
        return settings.PORTAL_PUBLIC_URL + figure.url if figure.url else None


class LineSerializer(serializers.Serializer[Any]):
    """One line: an hour or a day, an application, a number, a flow, an account; with what narrows a report to it."""

    label = WordsField()  # type: ignore[assignment]  # a member, no argument of this field
    begin = serializers.DateTimeField(source="window.begin")
    end = serializers.DateTimeField(source="window.end")
    account = serializers.SerializerMethodField()
    connection_id = serializers.SerializerMethodField()
    number = serializers.SerializerMethodField()
    figures = serializers.SerializerMethodField(help_text="By their names.")

    def get_account(self, line: Line) -> str | None:
        names: dict[object, str] = self.context["accounts"]
        return names.get(line.scope.account_id)

    def get_connection_id(self, line: Line) -> str | None:
        return line.scope.connection_id or None

    def get_number(self, line: Line) -> str | None:
        return display_number(line.scope.number, self.context["request"].user) or None

    def get_figures(self, line: Line) -> dict[str, float | None]:
        return {cell.metric.name: cell.value for cell in line.cells}


class EndingSerializer(serializers.Serializer[Any]):
    """How often calls of one kind ended so."""

    counted_as = serializers.ChoiceField([kinds.AS.INCOMING.value, kinds.AS.OUTGOING.value])
    ending = serializers.CharField(help_text="The rule that said so.")
    ending_category = serializers.CharField(help_text="As of a call.")
    ended_by = serializers.CharField(help_text="A party of the session, as of a call.")
    words = serializers.CharField()
    count = serializers.IntegerField()


class FreshnessSerializer(serializers.Serializer[Any]):
    """What is in no figure yet; of very much 1001."""

    alive = serializers.IntegerField(help_text="Calls on the line.")
    unjudged = serializers.IntegerField(help_text="Calls just over.")
    stale = serializers.IntegerField(help_text="Quarters of an hour that are counted anew.")


class ReportSerializer(serializers.Serializer[Any]):
    """A report of a window, beside the one before it."""

    window = SpanSerializer()
    before = SpanSerializer()
    figures = FigureSerializer(many=True)
    by = serializers.ChoiceField(list(report.DIVISIONS))
    lines = LineSerializer(many=True)
    more_lines = serializers.IntegerField(help_text="Lines with fewer calls, which are left out.")
    endings = EndingSerializer(many=True)
    freshness = FreshnessSerializer()


class ReportViewSet(PortalViewSet):
    """Reports: figures of calls that are over and judged."""

    queryset = RollUp.objects.none()
    serializer_class = ReportSerializer
    pagination_class = None  # a report is whole: at most 92 days, 50 lines of anything else
    scope = "reports"
    permissions = {"retrieve": "voice.view_call"}
    parameters = {"retrieve": tuple(_PARAMETERS)}

    @extend_schema(
        parameters=[
            OpenApiParameter(name, OpenApiTypes.STR, description=text, enum=_ENUMS.get(name))
            for name, text in _PARAMETERS.items()
        ]
    )
    def retrieve(self, request: Request) -> Response:
        """The figures of a window with their definitions, beside those of the same length of time before.

        Days and hours are those of UTC; both ends of a window are taken to whole quarters of an hour.
        """
        refuse_unknown_parameters(request, *_PARAMETERS)
        asked = request.query_params.dict()
        window, scope, by = _window(asked), _scope(request, asked), _division(request, asked)
        found = report.read(window, scope, links.to_call_log(request.user))
        lines, more = found.lines(by, request.user)
        told = {"window": window, "before": window.before, "figures": found.figures(), "by": by, "lines": lines}
        told |= {"more_lines": more, "endings": _endings(found), "freshness": freshness.now()}
        context = {**self.get_serializer_context(), "accounts": found.links.accounts}
        return Response(ReportSerializer(told, context=context).data)


def _window(asked: dict[str, str]) -> Window:
    both = "window" in asked and asked.keys() & {"from", "to"}
    if both:
        raise ValidationError({"window": ["Give a window, or from and to."]})
    try:
        return windows.read(asked, timezone.now())
    except BadWindow as bad:
        field, _, words = str(bad).partition(": ")
        raise ValidationError({field: [words]}) from None


def _scope(request: Request, asked: dict[str, str]) -> Scope:
    for name, most in _LONGEST.items():
        if len(asked.get(name, "")) > most:
            raise ValidationError({name: [f"At most {most} characters."]})
    if "number" in asked:
        demand(request, "voice.view_full_number")
    account = _account(asked["account"]) if "account" in asked else None
    return Scope(account, asked.get("connection_id", ""), same_form(asked.get("number", "")))


def _account(name: str) -> uuid.UUID:
    found = TelnyxAccount.objects.filter(name=name).values_list("pk", flat=True).first()
    if found is None:
        raise ValidationError({"account": ["There is no account of this name."]})
    return found


def _division(request: Request, asked: dict[str, str]) -> str:
    by = asked.get("by", "time")
    if by not in report.DIVISIONS:
        raise ValidationError({"by": [f"There is no such table; there are {', '.join(report.DIVISIONS)}."]})
    if by == "flow":
        demand(request, "voice.view_flow")
    return by


def _endings(found: Report) -> list[dict[str, Any]]:
    told = [
        {
            "counted_as": kind.value,
            "ending": one.code,
            "ending_category": one.category,
            "ended_by": one.who,
            "words": endings.label(one.code, one.category, one.who),
            "count": n,
        }
        for kind in (kinds.AS.INCOMING, kinds.AS.OUTGOING)
        for one, n in measures.endings(found.total.of(kind)).items()
    ]
    return sorted(told, key=lambda line: -line["count"])
