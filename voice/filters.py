"""What the lists of calls, events, commands and flows can be narrowed by."""

import django_filters
from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError

from portal.rest.filters import MomentFilter, YesNo
from voice import search
from voice.models import Call, CallCommand, CallEvent, Flow


class CallFilters(django_filters.FilterSet):
    """The filters of the call list."""

    account = django_filters.CharFilter(field_name="account__name")
    application = django_filters.CharFilter(method="by_application", help_text="The application's name.")
    number = django_filters.CharFilter(method="by_number", help_text="From or to: whole with +, or the last digits.")
    to = django_filters.CharFilter(method="by_to")
    started_after = MomentFilter(field_name="started_at", lookup_expr="gte")
    started_before = MomentFilter(field_name="started_at", lookup_expr="lt")
    direction = django_filters.ChoiceFilter(choices=[("incoming", "incoming"), ("outgoing", "outgoing")])
    state = django_filters.ChoiceFilter(choices=Call.State.choices)
    has_recording = YesNo(method="by_recording")

    def by_recording(self, calls: QuerySet[Call], name: str, value: str) -> QuerySet[Call]:
        return calls.filter(has_recording=value == "true")

    class Meta:
        model = Call
        fields = ("connection_id", "hangup_cause", "call_session_id", "call_leg_id")

    def by_application(self, calls: QuerySet[Call], name: str, value: str) -> QuerySet[Call]:
        return calls.filter(connection_id__in=search.connection_ids_of(value))

    def by_number(self, calls: QuerySet[Call], name: str, value: str) -> QuerySet[Call]:
        return calls.filter(search.number(_number(name, value)))

    def by_from(self, calls: QuerySet[Call], name: str, value: str) -> QuerySet[Call]:
        return calls.filter(search.number(_number(name, value), ("from",)))

    def by_to(self, calls: QuerySet[Call], name: str, value: str) -> QuerySet[Call]:
        return calls.filter(search.number(_number(name, value), ("to",)))


# "from" is a Python keyword: no class body can have it
CallFilters.base_filters["from"] = django_filters.CharFilter(field_name="from", method="by_from")  # type: ignore[attr-defined]


def _number(name: str, value: str) -> str:
    if not any(character.isdigit() for character in value) and "@" not in value:
        raise ValidationError({name: ["Give a number, its last digits, or a sip: address."]})
    return value


class EventFilters(django_filters.FilterSet):
    """The filters of the event list."""

    account = django_filters.CharFilter(field_name="account__name")
    received_after = MomentFilter(field_name="received_at", lookup_expr="gte")
    received_before = MomentFilter(field_name="received_at", lookup_expr="lt")
    status = django_filters.ChoiceFilter(choices=CallEvent.Status.choices)
    source = django_filters.ChoiceFilter(choices=CallEvent.Source.choices)

    class Meta:
        model = CallEvent
        fields = ("event_type", "event_id", "call_control_id", "connection_id")


class CommandFilters(django_filters.FilterSet):
    """The filters of the journal."""

    account = django_filters.CharFilter(field_name="account__name")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")
    status = django_filters.ChoiceFilter(choices=CallCommand.Status.choices)

    class Meta:
        model = CallCommand
        fields = ("action", "call_control_id")


class FlowFilters(django_filters.FilterSet):
    """The filters of the flow list."""

    account = django_filters.CharFilter(field_name="account__name")
    active = YesNo(method="by_active")

    class Meta:
        model = Flow
        fields = ("connection_id", "name")

    def by_active(self, flows: QuerySet[Flow], name: str, value: str) -> QuerySet[Flow]:
        return flows.filter(active=value == "true")
