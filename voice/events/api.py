"""Serves stored events over REST."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.masking import addresses_for, may_see_whole
from portal.models import AuditEvent
from portal.rest.filters import AccountFilter, Choice, MomentFilter, StrictFilters
from portal.rest.viewsets import ReadOnlyViewSet
from voice.calls.search import of_event
from voice.calls.serializers import EventSerializer
from voice.models import CallEvent


class RawEventSerializer(EventSerializer):
    """With the bytes as they came, for users with ``voice.view_raw_event`` and ``voice.view_full_number``."""

    body = serializers.SerializerMethodField(
        help_text="The raw body, only with voice.view_raw_event and voice.view_full_number."
    )

    class Meta(EventSerializer.Meta):
        fields = (*EventSerializer.Meta.fields, "body")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]

    def get_body(self, event: CallEvent) -> str | None:
        user = self.context["request"].user
        if not (user.has_perm("voice.view_raw_event") and may_see_whole(user)):
            return None
        return str(addresses_for(user, bytes(event.body).decode("utf-8", "replace")))


class EventFilters(django_filters.FilterSet):
    """The filters of the event list."""

    account = AccountFilter()
    received_after = MomentFilter(field_name="received_at", lookup_expr="gte")
    received_before = MomentFilter(field_name="received_at", lookup_expr="lt")
    status = Choice(choices=CallEvent.Status.choices)
    source = Choice(choices=CallEvent.Source.choices)
    event_id = django_filters.CharFilter(method="by_event_id")

    class Meta:
        model = CallEvent
        fields = ("event_type", "call_control_id", "connection_id")

    def by_event_id(self, events: QuerySet[CallEvent], name: str, value: str) -> QuerySet[CallEvent]:
        return events.filter(of_event(value), event_id=value.strip().lower())


class EventViewSet(ReadOnlyViewSet):
    """Stored events, newest first."""

    queryset = CallEvent.objects.all()
    filter_backends = (StrictFilters,)
    filterset_class = EventFilters
    scope = "events"
    ordering = ("-received_at", "-id")
    permissions = {"list": "voice.view_callevent", "retrieve": "voice.view_callevent"}

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        answer = super().retrieve(request, *args, **kwargs)
        if answer.data["body"] is not None:
            AuditEvent.note_look(self.actor, "event.view_raw", str(answer.data["id"]))
        return answer

    def get_serializer_class(self) -> type[EventSerializer]:
        return RawEventSerializer if self.action == "retrieve" else EventSerializer

    def get_queryset(self) -> QuerySet[CallEvent]:
        rows = super().get_queryset()
        return rows if self.action == "retrieve" else rows.defer("body", "headers")
