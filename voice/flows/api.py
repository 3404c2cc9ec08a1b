"""Serves flows over REST."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from rest_framework import mixins, serializers
from rest_framework.exceptions import NotFound

from portal.rest.filters import StrictFilters, YesNo
from portal.rest.viewsets import ReadOnlyViewSet
from voice.flows import service
from voice.flows.serializers import FlowSerializer
from voice.models import Flow


class FlowFilters(django_filters.FilterSet):
    """The filters of the flow list."""

    account = django_filters.CharFilter(field_name="account__name")
    active = YesNo(method="by_active")

    class Meta:
        model = Flow
        fields = ("connection_id", "name")

    def by_active(self, flows: QuerySet[Flow], name: str, value: str) -> QuerySet[Flow]:
        return flows.filter(active=value == "true")


class FlowViewSet(mixins.CreateModelMixin, mixins.UpdateModelMixin, mixins.DestroyModelMixin, ReadOnlyViewSet):
    """Flows with their rules inline."""

    queryset = Flow.objects.select_related("account").prefetch_related("rules")
    serializer_class = FlowSerializer
    filter_backends = (StrictFilters,)
    filterset_class = FlowFilters
    scope = "flows"
    ordering = ("name", "id")
    permissions = {
        "list": "voice.view_flow",
        "retrieve": "voice.view_flow",
        "create": "voice.add_flow",
        "update": "voice.change_flow",
        "partial_update": "voice.change_flow",
        "destroy": "voice.delete_flow",
    }

    def get_success_headers(self, data: dict[str, Any]) -> dict[str, str]:
        return {"Location": f"/api/v1/flows/{data['id']}/"}

    def perform_update(self, serializer: serializers.BaseSerializer[Flow]) -> None:
        try:
            serializer.save()
            serializer.instance = self.get_queryset().get(pk=self.kwargs["pk"])  # without the rules read before
        except Flow.DoesNotExist:  # somebody deleted it meanwhile
            raise NotFound from None

    def perform_destroy(self, instance: Flow) -> None:
        service.delete_flow(instance, self.actor)
