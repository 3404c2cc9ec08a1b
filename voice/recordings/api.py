"""Serves recordings over REST: what was recorded, a fresh link to a file, its deletion at Telnyx."""

import uuid
from datetime import timedelta
from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from portal.rest.filters import AccountFilter, Choice, MomentFilter
from portal.rest.problems import Problem
from portal.rest.viewsets import ReadOnlyViewSet, demand
from voice.calls import search
from voice.commands.responses import accepted
from voice.commands.serializers import CommandSerializer
from voice.models import Call, Conference, Recording
from voice.recordings import panel, service
from voice.recordings.serializers import LinkSerializer, RecordingSerializer, WholeRecordingSerializer


class RecordingFilters(django_filters.FilterSet):
    """The filters of the recordings."""

    account = AccountFilter()
    call_control_id = django_filters.CharFilter(method="by_call", help_text="Those of one leg.")
    call_session_id = django_filters.CharFilter(method="by_session", help_text="Those of all legs of a session.")
    conference_id = django_filters.CharFilter(method="by_conference")
    status = Choice(choices=Recording.Status.choices)
    started_after = MomentFilter(field_name="started_at", lookup_expr="gte")
    started_before = MomentFilter(field_name="started_at", lookup_expr="lt")

    class Meta:
        model = Recording
        fields = ("recording_id",)

    def by_call(self, rows: QuerySet[Recording], name: str, value: str) -> QuerySet[Recording]:
        demand(self.request, "voice.view_call")
        legs = Call.objects.filter(search.of_control_id(value))
        return rows.filter(call__in=list(legs.values_list("pk", flat=True)))

    def by_session(self, rows: QuerySet[Recording], name: str, value: str) -> QuerySet[Recording]:
        demand(self.request, "voice.view_call")
        calls = Call.objects.defer("facts")
        return rows.filter(call__in=[leg.pk for leg in search.session(calls, calls.filter(call_session_id=value))])

    def by_conference(self, rows: QuerySet[Recording], name: str, value: str) -> QuerySet[Recording]:
        demand(self.request, "voice.view_conference")
        rooms = Conference.objects.filter(conference_id=value)  # of each account one
        return rows.filter(conference__in=list(rooms.values_list("pk", flat=True)))


class RecordingViewSet(ReadOnlyViewSet):
    """Recordings, newest first."""

    queryset = Recording.objects.select_related("account", "call", "conference", "deletion").defer(
        "facts", "peaks", "call__facts", "conference__facts"
    )
    serializer_class = RecordingSerializer
    filterset_class = RecordingFilters
    scope = "recordings"
    ordering = ("-started_at", "-id")
    without_body = ("link",)
    good_for = {"link": timedelta(minutes=5)}  # of the ten that a link of Telnyx's is good for
    permissions = {
        "list": panel.SEE,
        "retrieve": panel.SEE,
        "link": panel.LISTEN,
        "destroy": panel.DELETE,
    }

    def get_object(self) -> Recording:
        demand(self.request, panel.SEE)
        recording: Recording = super().get_object()
        return recording

    @extend_schema(responses=WholeRecordingSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One recording, with what was said for who may read it."""
        return Response(WholeRecordingSerializer(self.get_object(), context=self.get_serializer_context()).data)

    @extend_schema(request=None, responses=LinkSerializer)
    @action(detail=True, methods=["post"])
    def link(self, request: Request, pk: str) -> Response:
        """Ask Telnyx for a fresh link to the file. Who asks is in the audit trail, as who plays it. 422 without one."""
        recording = self.get_object()
        try:
            return Response({"url": service.listen(recording, self.actor)})
        except service.NoFile as none:
            raise _no_file(none) from None

    @extend_schema(responses={202: CommandSerializer})
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete the file at Telnyx: a command, the same one however often it is asked for. The row stays."""
        recording = self.get_object()
        try:
            intent = str(uuid.uuid4())  # one that was refused may be asked for again
            return accepted(self, lambda: service.delete(recording, self.actor, intent=intent))
        except service.NoFile as none:
            raise _no_file(none) from None


def _no_file(none: service.NoFile) -> Problem:
    return Problem(422, none.words, none.code)
