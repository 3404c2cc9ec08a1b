"""Lists rows, a page at a time, narrowed and ordered by nothing but what the list offers."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR, SEARCH_VAR, ChangeListSearchForm
from django.db import DataError, OperationalError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from unfold.views import ChangeList

from portal import keyset
from portal.admin import navigation
from portal.admin.change_list.columns import readable
from portal.sql import is_outage


class SearchForm(ChangeListSearchForm):
    """Bounds what is searched for: each word is one more condition on every searched column."""

    longest, most_words = 600, 10  # a call control id has up to 512 characters

    def clean(self) -> dict[str, Any]:
        text = self.cleaned_data.get(SEARCH_VAR) or ""
        if len(text) > self.longest or len(text.split()) > self.most_words:
            del self.cleaned_data[SEARCH_VAR]
            raise forms.ValidationError(
                f"Search for at most {self.most_words} words and {self.longest} characters. The list was not searched."
            )
        return self.cleaned_data


class TolerantChangeList(ChangeList):
    """Draws a list whatever stands in its address, narrowed by nothing but the filters that the list declares.

    Django would take any look-up of any column, and read a hidden one letter by letter for whoever may see the list.
    """

    search_form_class = SearchForm
    next_url = previous_url = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.columns = self.model_admin.offers(self.list_display)  # type: ignore[attr-defined]
        # for the page alone: what the list is ordered and narrowed by is known by names
        for told in ("list_display", "list_display_links", "sortable_by"):
            if names := getattr(self, told):
                setattr(self, told, [readable(self.model, name) for name in names])
        # Django's own: "Select call to view"
        self.title = navigation.name_of(args[0].path) or str(capfirst(self.opts.verbose_name_plural))

    def narrowed(self, request: HttpRequest) -> QuerySet[Any]:
        """Return all rows of the list, for a file. ``IncorrectLookupParameters`` where its search was refused.

        The list then says so, and shows everything; a file could not say it.
        """
        if request.GET.get(SEARCH_VAR, "").strip() and not self.query:
            raise IncorrectLookupParameters("the search was refused")
        return self.get_queryset(request)

    def get_filters(self, request: HttpRequest) -> Any:
        try:
            found = super().get_filters(request)
            undeclared = ", ".join(found[2])  # what no filter has taken
        except DisallowedModelAdminLookup:
            undeclared = ", ".join(self.get_filters_params())
        if undeclared:
            messages.error(request, f"This list cannot be filtered by {undeclared[:200]}. It is shown unfiltered.")
            raise IncorrectLookupParameters(undeclared)
        return found

    def get_ordering_field(self, field_name: Any) -> Any:
        """Order by what the list offers alone: by another column every row would be read."""
        offered, field_name = self.sortable_by, getattr(field_name, "__name__", field_name)
        offered = offered and [getattr(one, "__name__", one) for one in offered]
        return super().get_ordering_field(field_name) if offered is None or field_name in offered else None

    def get_results(self, request: HttpRequest) -> None:
        """Find the rows of the page by where the one before it ended: they move when others come or go."""
        self.page_num, self.request = 1, request
        try:
            super().get_results(request)
            if self.show_all and self.can_show_all:
                self.result_list = list(self.result_list)
            else:
                self._turn_to_asked(request)
            self.model_admin.complete(self.drawn())  # type: ignore[attr-defined]
        except (ValueError, OverflowError, DataError, OperationalError) as error:
            if is_outage(error):
                raise
            raise IncorrectLookupParameters(error) from error  # it fails only when asked

    def drawn(self) -> list[Any]:
        """Return the rows that are drawn, whatever they are beside those of the page."""
        return self.result_list  # type: ignore[no-any-return]

    def _turn_to_asked(self, request: HttpRequest) -> None:
        text = request.GET.get(PAGE_VAR, "")
        try:
            self._turn_to(request, keyset.read(text) if text else keyset.Place())
        except keyset.NoPlace:
            messages.error(request, "The page that you asked for is none of this list. It is shown from its beginning.")
            self._turn_to(request, keyset.Place())

    def _turn_to(self, request: HttpRequest, place: keyset.Place) -> None:
        ordering = self.get_ordering(request, self.queryset)
        page = keyset.page(self.queryset, ordering, place, self.list_per_page)
        self.result_list = page.rows
        self.turn(page.next, page.previous)

    def turn(self, following: keyset.Place | None, previous: keyset.Place | None) -> None:
        """Keep the addresses of the pages beside this one."""
        self.next_url, self.previous_url = (
            self.get_query_string({PAGE_VAR: one.text}) if one else "" for one in (following, previous)
        )
