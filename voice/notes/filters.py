"""Filters the list of follow-ups."""

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter

from voice.models import FollowUp


class OpenFilter(DropdownFilter):
    """Filters by whether they are done."""

    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, str], ...]:
        return ("open", "open"), ("done", "done")

    def queryset(self, request: HttpRequest, queryset: QuerySet[FollowUp]) -> QuerySet[FollowUp]:
        return queryset.filter(done_at__isnull=self.value() == "open") if self.value() else queryset


class MineFilter(DropdownFilter):
    """Filters to those of the person who looks, or of nobody in particular."""

    title, parameter_name = "for", "for"

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, str], ...]:
        return ("me", "me"), ("me-or-anyone", "me or anyone"), ("anyone", "anyone")

    def queryset(self, request: HttpRequest, queryset: QuerySet[FollowUp]) -> QuerySet[FollowUp]:
        mine, anyone = Q(assignee=request.user.pk), Q(assignee=None)
        chosen = {"me": mine, "me-or-anyone": mine | anyone, "anyone": anyone}.get(self.value() or "")
        return queryset.filter(chosen) if chosen else queryset
