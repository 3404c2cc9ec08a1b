"""Pages lists by cursor, over ``keyset``.

The library's own cursor knows the first column alone, so that rows of one moment are lost or come twice.
"""

import re
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from portal import keyset

PAGE_SIZE, MAX_PAGE_SIZE = 50, 250
_SIZE = re.compile(r"[0-9]{1,9}", re.ASCII)  # Python refuses to read a number of 5000 digits
_NO_CURSOR = {"cursor": ["This is no cursor of ours. Follow next and previous as they are."]}


def page_size_of(request: Request) -> int:
    """Return how many rows a page is to have."""
    text = request.query_params.get("page_size", str(PAGE_SIZE))
    if not _SIZE.fullmatch(text) or not 1 <= int(text) <= MAX_PAGE_SIZE:
        raise ValidationError({"page_size": [f"Must be a whole number from 1 to {MAX_PAGE_SIZE}."]})
    return int(text)


class Cursor(CursorPagination):
    """``{"next": url|null, "previous": url|null, "results": […]}``; a view names its ``ordering``, ending in a key."""

    page_size = PAGE_SIZE
    max_page_size = MAX_PAGE_SIZE
    page_size_query_param = "page_size"
    _page = keyset.Page([], None, None)

    def get_page_size(self, request: Request) -> int:
        return page_size_of(request)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        size, names = page_size_of(request), self.get_ordering(request, queryset, view)
        self._url, text = request.build_absolute_uri(), request.query_params.get("cursor")
        try:
            place = keyset.Place() if text is None else keyset.read(text)
            self._page = keyset.page(queryset, names, place, size)
        except keyset.NoPlace:
            raise ValidationError(_NO_CURSOR) from None
        return self._page.rows

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        ordering: tuple[str, ...] = view.ordering
        return ordering

    def get_next_link(self) -> str | None:
        return self._link(self._page.next)

    def get_previous_link(self) -> str | None:
        return self._link(self._page.previous)

    def _link(self, place: keyset.Place | None) -> str | None:
        if place is None:
            return None
        return str(replace_query_param(self._url, "cursor", place.text))
