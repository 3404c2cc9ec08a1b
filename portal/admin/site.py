"""Provides the admin site and the building blocks of its pages."""

import json
from contextvars import ContextVar
from typing import Any

from django.contrib.admin import ShowFacets
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import BadRequest, ValidationError
from django.core.paginator import Page
from django.db import DataError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import cached_property
from django.utils.html import format_html
from unfold import paginator as unfold_paginator
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite
from unfold.views import ChangeList

from portal.admin import sign_in
from portal.texts import visible


class PortalSite(UnfoldAdminSite):
    """Runs Django's admin on Unfold.

    A missing slash is added here alone: ``APPEND_SLASH`` is off for the webhooks' sake.
    """

    index_title = "Home"
    login_form = sign_in.SignInForm

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        answer: HttpResponse = super().login(request, extra_context)
        if request.method == "POST":
            return sign_in.follow_up(request, answer)
        return answer

    def catch_all_view(self, request: HttpRequest, url: str) -> HttpResponse:
        if request.method in {"GET", "HEAD"} and not url.endswith("/"):
            query = request.META.get("QUERY_STRING", "")
            return HttpResponseRedirect(f"{request.path}/" + (f"?{query}" if query else ""))
        raise Http404


def answer_dialog(request: HttpRequest, url: str) -> HttpResponse:
    """Lead on from a dialog: htmx follows ``HX-Redirect`` where it would draw a redirect's page in the dialog."""
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


_DEEPEST_ROW = 10_000  # OFFSET gets slow beyond, and nobody pages that far


class CountlessPage(Page[Any]):
    """Knows of a next page because one row more than a page was asked for."""

    def has_next(self) -> bool:
        paginator = self.paginator
        assert isinstance(paginator, InfinitePaginator)
        return paginator.more


class InfinitePaginator(unfold_paginator.InfinitePaginator):
    """Pages forth and back without ``COUNT(*)``, which takes half a second over ten million calls.

    Named as Unfold's own: its header would else tell the made-up count that Django's change list needs.
    """

    template_name = "portal/admin/pagination.html"
    at, more = 1, False

    def page(self, number: Any) -> CountlessPage:
        at = self.validate_number(number)
        first = (at - 1) * self.per_page
        rows = list(self.object_list[first : first + self.per_page + 1])
        self.at, self.more = at, len(rows) > self.per_page
        return CountlessPage(rows[: self.per_page], at, self)

    @cached_property
    def num_pages(self) -> int:
        return _DEEPEST_ROW // self.per_page

    @property
    def is_exhausted(self) -> bool:
        """Return whether more rows follow than pages do: the filter has to be narrowed."""
        return self.more and self.at == self.num_pages


class TolerantChangeList(ChangeList):
    """Draws a list whatever stands in its address."""

    def get_results(self, request: HttpRequest) -> None:
        try:
            super().get_results(request)
        except (ValueError, OverflowError, DataError) as error:  # it fails only when asked: ``?created_at__year=99999``
            raise IncorrectLookupParameters(error) from error


_viewer: ContextVar[Any] = ContextVar("viewer")


def viewer() -> Any:
    """Return the person whose list is being drawn: Django gives a column the row, and not the request."""
    return _viewer.get()


class PortalAdmin(ModelAdmin):
    """Gives every list of the admin its viewer, and answers 400 where a bad address would be a 500."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        _viewer.set(request.user)
        return super().changelist_view(request, extra_context)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:  # Unfold's annotation names no class
        return TolerantChangeList

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any) -> HttpResponse | None:
        try:
            queryset.filter(pk__in=request.POST.getlist(ACTION_CHECKBOX_NAME))  # asks nothing yet
        except (ValueError, ValidationError):
            raise BadRequest("What was picked is no row.") from None
        answer: HttpResponse | None = super().response_action(request, queryset, *args)
        return answer


class ReadOnlyAdmin(PortalAdmin):
    """Shows rows that people look at and never write by hand. Paged without counting."""

    paginator = InfinitePaginator
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
    """Draw a JSON value as readable, escaped text."""
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True, default=str)
    return format_html('<pre class="portal-json">{}</pre>', visible(text))
