"""Serves the alerts over REST: what is wrong now, and what was."""

from typing import Any

import django_filters
from django.conf import settings
from django.db.models import QuerySet
from rest_framework import serializers

from portal import sql
from portal.masking import masked_for
from portal.rest.filters import Choice, StrictFilters, YesNo
from portal.rest.serializers import WordsField
from portal.rest.viewsets import ReadOnlyViewSet
from voice.alerts import checks, mutes
from voice.models import Alert


class AlertSerializer(serializers.ModelSerializer[Alert]):
    """A condition that somebody should know of. ``closed_at`` is null while it lasts."""

    kind = serializers.ChoiceField(checks.kinds(), read_only=True)
    account = serializers.CharField(source="account.name", default=None, read_only=True, allow_null=True)
    link = serializers.SerializerMethodField()
    summary = WordsField(read_only=True)
    details = serializers.SerializerMethodField()
    muted = serializers.BooleanField(read_only=True)

    class Meta:
        model = Alert
        fields = (
            "id",
            "kind",
            "subject",
            "account",
            "summary",
            "link",
            "details",
            "opened_at",
            "seen_at",
            "closed_at",
            "muted",
        )
        read_only_fields = fields

    def get_details(self, alert: Alert) -> dict[str, Any]:
        """What was found, in figures."""
        details: dict[str, Any] = masked_for(self.context["request"].user, alert.details)
        return details

    def get_link(self, alert: Alert) -> str | None:
        """The page to look at."""
        return settings.PORTAL_PUBLIC_URL + alert.link if alert.link else None


class AlertFilters(django_filters.FilterSet):
    """The filters of the alerts."""

    account = django_filters.CharFilter(field_name="account__name")
    kind = Choice(choices=checks.kinds())
    open = YesNo(method="by_open")

    def by_open(self, alerts: QuerySet[Alert], name: str, value: str) -> QuerySet[Alert]:
        return alerts.filter(closed_at__isnull=value == "true")

    class Meta:
        model = Alert
        fields = ("subject",)


class AlertViewSet(ReadOnlyViewSet):
    """Alerts, newest first."""

    queryset = Alert.objects.select_related("account")
    serializer_class = AlertSerializer
    filter_backends = (StrictFilters,)
    filterset_class = AlertFilters
    scope = "events"
    ordering = ("-opened_at", "-id")
    permissions = {"list": "voice.view_alert", "retrieve": "voice.view_alert"}

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        shown = args[0] if args and isinstance(args[0], list) else [one for one in args if isinstance(one, Alert)]
        if shown:
            mutes.tell_muted(shown, sql.clock())
        return super().get_serializer(*args, **kwargs)
