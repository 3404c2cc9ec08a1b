"""The admin site and the building blocks of its pages."""

import json
from typing import Any

from django.contrib.admin import ShowFacets
from django.core.paginator import Page
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import cached_property
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.paginator import InfinitePaginator
from unfold.sites import UnfoldAdminSite


class PortalSite(UnfoldAdminSite):
    """Django's admin on Unfold. A missing slash is added here alone: ``APPEND_SLASH`` is off for the webhooks' sake."""

    def catch_all_view(self, request: HttpRequest, url: str) -> HttpResponse:
        if request.method in {"GET", "HEAD"} and not url.endswith("/"):
            query = request.META.get("QUERY_STRING", "")
            return HttpResponseRedirect(f"{request.path}/" + (f"?{query}" if query else ""))
        raise Http404


class CountlessPage(Page[Any]):
    """Knows of a next page because one row more than a page was asked for."""

    def has_next(self) -> bool:
        paginator = self.paginator
        assert isinstance(paginator, CountlessPaginator)
        return paginator.more


class CountlessPaginator(InfinitePaginator):
    """Previous and next without ``COUNT(*)``, which takes half a second over ten million calls."""

    more = False

    def page(self, number: Any) -> CountlessPage:
        at = self.validate_number(number)
        first = (at - 1) * self.per_page
        rows = list(self.object_list[first : first + self.per_page + 1])
        self.more = len(rows) > self.per_page
        return CountlessPage(rows[: self.per_page], at, self)

    @cached_property
    def num_pages(self) -> int:
        return 10_000 // self.per_page  # deeper is a question for a filter, and OFFSET gets slow there


class ReadOnlyAdmin(ModelAdmin):
    """Rows that people look at and never write by hand. Paged without counting."""

    paginator = CountlessPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def as_json(value: Any) -> str:
    """A JSON value as readable, escaped text."""
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True, default=str)
    return format_html('<pre class="portal-json">{}</pre>', text)
