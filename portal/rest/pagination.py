"""Pages lists by cursor, over ``keyset``.

The library's own cursor knows the first column alone, so that rows of one moment are lost or come twice. What Telnyx
tells at once, and the portal has no rows of, is cut into pages by position.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from portal import keyset

PAGE_SIZE, MAX_PAGE_SIZE = 50, 250
_SIZE = re.compile(r"[0-9]{1,9}", re.ASCII)  # Python refuses to read a number of 5000 digits
_NO_CURSOR = {"cursor": ["This is no cursor of ours. Follow next and previous as they are."]}
PAGING = ("cursor", "page_size")
CUT = [
    OpenApiParameter("cursor", str, description="Of next or previous, as it is."),
    OpenApiParameter("page_size", int, description=f"1 to {MAX_PAGE_SIZE}; without, all of them are one page."),
]


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
            self._page = self.read(queryset, names, place, size)
        except keyset.NoPlace:
            raise ValidationError(_NO_CURSOR) from None
        return self._page.rows

    def read(self, queryset: Any, ordering: tuple[str, ...], place: keyset.Place, size: int) -> keyset.Page:
        """Select the page at the place. Raises ``NoPlace``."""
        return keyset.page(queryset, ordering, place, size)

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


@dataclass(frozen=True)
class Cut:
    """Is the page that a request asks for of a list that is read whole: all of it, unless a page is asked for."""

    url: str
    begin: int = 0
    size: int | None = None

    @classmethod
    def of(cls, request: Request) -> "Cut":
        """Read what is asked for: before Telnyx is. 400 as of any list."""
        if not request.query_params.keys() & set(PAGING):
            return cls("")
        text = request.query_params.get("cursor")
        return cls(request.build_absolute_uri(), 0 if text is None else _position(text), page_size_of(request))

    def page(self, rows: Sequence[Any]) -> dict[str, Any]:
        """Return ``next``, ``previous`` and ``results``."""
        if self.size is None:
            return {"next": None, "previous": None, "results": list(rows)}
        end = self.begin + self.size
        return {
            "next": self._link(end) if end < len(rows) else None,
            "previous": self._link(max(self.begin - self.size, 0)) if self.begin else None,
            "results": list(rows[self.begin : end]),
        }

    def _link(self, begin: int) -> str:
        return str(replace_query_param(self.url, "cursor", keyset.Place(False, (str(begin),)).text))


def _position(text: str) -> int:
    try:
        values = keyset.read(text).values
    except keyset.NoPlace:
        raise ValidationError(_NO_CURSOR) from None
    if len(values) != 1 or not _SIZE.fullmatch(values[0] or ""):
        raise ValidationError(_NO_CURSOR)
    return int(values[0] or "")
