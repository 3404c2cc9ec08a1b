"""Gives a list the columns that each person has chosen, and writes times in them as that person reads them."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.contrib.admin.utils import label_for_field
from django.core.exceptions import PermissionDenied
from django.db.models import DateTimeField, Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.text import capfirst
from unfold.admin import ModelAdmin
from unfold.decorators import display

from portal import list_columns
from portal.saved_filters import clean_list_query
from portal.templatetags.portal import moment


@cache
def _time_column(model: type[Model], name: str) -> Any:
    """Return a column of times as its reader wants them, in the place of Django's own, which is in UTC."""

    @display(description=str(model._meta.get_field(name).verbose_name), ordering=name)  # type: ignore[union-attr]
    def shown(row: Model) -> str:
        return moment(getattr(row, name))

    shown.__name__ = name
    return shown


def readable(model: type[Model], name: Any) -> Any:
    """Return what a list has under this name: its column of times as their reader wants them, or the name alone."""
    fields = {field.name for field in model._meta.concrete_fields if isinstance(field, DateTimeField)}
    return _time_column(model, name) if name in fields else name


class ChosenColumns(ModelAdmin):
    """Shows of a list the columns that a person wants, and keeps which these are."""

    # columns beside those of ``list_display``, for who wants them
    list_display_more: tuple[str, ...] = ()

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.columns_view)
        return [path("columns/", view, name=f"{self._url_name}_columns"), *super().get_urls()]

    def get_list_display(self, request: HttpRequest) -> Any:
        """Return the columns that this person has chosen, in the order of the list."""
        usual = super().get_list_display(request)
        names = list_columns.chosen_by(request.user, self.opts.label_lower) if len(usual) > 1 else None
        chosen = [name for name in self._offered(usual) if name in (names or ())]
        if not chosen:  # or none of them is there any more
            return usual
        return [name for name in self._offered(usual) if name in chosen or name in self._fixed(usual)]

    def get_sortable_by(self, request: HttpRequest) -> Any:
        """Return None for every column: Django's own would ask again which these are."""
        return self.sortable_by

    def offers(self, shown: Sequence[Any]) -> list[list_columns.Offer]:
        """List what the list can show; nothing where there is no choice."""
        fixed = self._fixed(self.list_display)
        offered = self._offered(self.list_display) if len(self.list_display) > 1 else []
        return [
            list_columns.Offer(
                name, capfirst(str(label_for_field(name, self.model, self))), name in shown, name in fixed
            )
            for name in offered
        ]

    def columns_view(self, request: HttpRequest) -> HttpResponse:
        """Keep which columns this person has (POST), and go back to the list as it was narrowed."""
        if request.method != "POST" or not self.has_view_permission(request):
            raise PermissionDenied
        if "usual" in request.POST:
            list_columns.forget(request.user, self.opts.label_lower)
        else:
            wanted = {*request.POST.getlist("column"), *self._fixed(self.list_display)}
            names = [name for name in self._offered(self.list_display) if name in wanted]
            list_columns.choose(request.user, self.opts.label_lower, names)
        query = clean_list_query(request.POST.get("query", ""))  # without the order, which counts columns
        address = reverse(f"admin:{self._url_name}_changelist")
        return HttpResponseRedirect(f"{address}?{query}" if query else address)

    @property
    def _url_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"

    def _offered(self, usual: Sequence[Any]) -> list[Any]:
        return [*usual, *self.list_display_more]

    def _fixed(self, usual: Sequence[Any]) -> list[Any]:
        """Return the columns that lead to the row, or the first where none does."""
        return list(self.list_display_links or usual[:1])
