"""Pages lists by cursor: any depth costs the same, and nothing is counted."""

import re
from typing import Any

from django.core.exceptions import ValidationError as ModelError
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

PAGE_SIZE, MAX_PAGE_SIZE = 50, 250
_SIZE = re.compile(r"[0-9]{1,9}", re.ASCII)  # Python refuses to read a number of 5000 digits
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}", re.ASCII)
_NO_CURSOR = {"cursor": ["This is no cursor of ours. Follow next and previous as they are."]}


def page_size_of(request: Request) -> int:
    """Return how many rows a page is to have."""
    text = request.query_params.get("page_size", str(PAGE_SIZE))
    if not _SIZE.fullmatch(text) or not 1 <= int(text) <= MAX_PAGE_SIZE:
        raise ValidationError({"page_size": [f"Must be a whole number from 1 to {MAX_PAGE_SIZE}."]})
    return int(text)


class Cursor(CursorPagination):
    """``{"next": url|null, "previous": url|null, "results": […]}``; a view names its ``ordering``."""

    page_size = PAGE_SIZE
    max_page_size = MAX_PAGE_SIZE
    page_size_query_param = "page_size"

    def get_page_size(self, request: Request) -> int:
        return page_size_of(request)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, OverflowError, ModelError):
            if "cursor" not in request.query_params:
                raise
            raise ValidationError(_NO_CURSOR) from None  # its position is nothing this list is ordered by

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        ordering: tuple[str, ...] = view.ordering
        return ordering

    def decode_cursor(self, request: Request) -> Any:
        try:
            cursor = super().decode_cursor(request)
        except NotFound:
            raise ValidationError(_NO_CURSOR) from None
        if cursor and not _is_ours(cursor, request.query_params["cursor"]):
            raise ValidationError(_NO_CURSOR)
        return cursor


def _is_ours(cursor: Any, text: str) -> bool:
    """Return whether it says anything: DRF reads nonsense as the first page, and a client would read that for ever."""
    position = cursor.position or ""
    is_meaningful = bool(position or cursor.offset or cursor.reverse)
    return is_meaningful and "\x00" not in position and bool(_BASE64.fullmatch(text))  # PostgreSQL fails on a NUL
