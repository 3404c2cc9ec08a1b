"""Filters lists of applications by what people look for: where they go, whether there is something to know of them."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter

from applications import addresses
from applications.models import CallControlApplication, TelnyxApplication
from applications.notices import host_of
from applications.pulls import number_counts
from portal.admin.filters import Counted
from portal.models import TelnyxAccount
from portal.view_times import moment_text

_MOST = 500  # different addresses that are looked through
_NOWHERE = "-"
_ENDS = ("/", "?", "#")


class HostFilter(DropdownFilter):
    """Filters by the host (and port) that events or fetches go to."""

    title, parameter_name = "goes to", "host"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        model = model_admin.model
        urls = _different(model.objects.filter(missing_since=None), model.url_field)
        hosts = {host_of(url) for url in urls} - {""}
        return [*((host, host) for host in sorted(hosts)), (_NOWHERE, "nowhere: no address")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        host, name = self.value(), queryset.model.url_field
        if not host:
            return queryset
        if host == _NOWHERE:
            return queryset.filter(**{name: ""})
        wanted = Q()
        for begin in (f"http://{host}", f"https://{host}"):
            wanted |= Q(**{name: begin})
            for end in _ENDS:
                wanted |= Q(**{f"{name}__startswith": f"{begin}{end}"})
        # behind a user name and a password
        named = _different(queryset.model.objects.filter(**{f"{name}__contains": f"@{host}"}), name)
        return queryset.filter(wanted | Q(**{f"{name}__in": [url for url in named if host_of(url) == host]}))


class NumbersFilter(Counted, DropdownFilter):
    """Filters by whether a phone number is assigned: as Telnyx listed them when it was last asked, which is said."""

    title, parameter_name = "phone numbers", "numbers"

    def conditions(self) -> dict[str, Q]:
        return {"none": Q(numbers_count=0), "some": Q(numbers_count__gt=0), "unknown": Q(numbers_count=None)}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        at = number_counts.as_of()
        since = f", as read at {moment_text(at, 'minute')} or later" if at else ""
        return [("none", f"No number{since}"), ("some", f"With a number{since}"), ("unknown", "Not read yet")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        condition = self.conditions().get(self.value() or "")
        return queryset if condition is None else queryset.filter(condition)


class WarningFilter(SimpleListFilter):
    """Filters by whether there is something to know: what ``notices.warnings_for`` says of each, asked of many."""

    title, parameter_name = "warnings", "warnings"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "With a warning"), ("no", "Without")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in {"yes", "no"}:
            return queryset
        warned = _warned(queryset.model)
        return queryset.filter(warned) if self.value() == "yes" else queryset.exclude(warned)


def _warned(model: type[TelnyxApplication]) -> Q:
    """Return the condition of a warning. Of unreachable addresses the first few hundred different ones are judged."""
    accounts = list(TelnyxAccount.objects.all())
    warned = Q(missing_since__isnull=False)
    if issubclass(model, CallControlApplication):
        warned |= ~Q(webhook_api_version="2")
        for account in accounts:
            warned |= Q(account=account) & ~Q(webhook_event_url=account.webhook_url)
    live = [account.pk for account in accounts if account.is_live]
    fields = [field.name for field in model._meta.concrete_fields if addresses.is_address(field.name)]
    for name in fields if live else ():
        urls = _different(model._default_manager.filter(account__in=live), name)
        if lost := [url for url in urls if addresses.unreachable(url)]:
            warned |= Q(account__in=live, **{f"{name}__in": lost})
    return warned


def _different(rows: QuerySet[Any], name: str) -> Iterable[str]:
    return rows.exclude(**{name: ""}).order_by().values_list(name, flat=True).distinct()[:_MOST]
