"""Provides the paginators of lists: one that counts the rows, and one that does not."""

from typing import Any

from django.core.paginator import Page, Paginator
from unfold import paginator as unfold_paginator


class CountedPaginator(Paginator):  # type: ignore[type-arg]
    """Says how many rows there are; which of them a page has, ``keyset`` finds."""

    template_name = "portal/admin/pagination.html"


class InfinitePaginator(unfold_paginator.InfinitePaginator):
    """Does without ``COUNT(*)``, which takes half a second over ten million calls.

    Named as Unfold's own: its header would else tell the made-up count that Django's change list needs.
    """

    template_name = CountedPaginator.template_name

    def page(self, number: Any) -> Page[Any]:
        return Page([], 1, self)
