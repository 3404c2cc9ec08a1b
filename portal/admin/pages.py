"""Provides pages of a row beside its form: PageAdmin has one in place of it, HistoryPages those of its history."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from portal.admin.site import ReadOnlyAdmin

_PER_PAGE = 50
_MOST_OFFERED = 100  # versions to compare with
_MOST = 2**63 - 1


class PageAdmin(ReadOnlyAdmin):
    """Subclasses give ``page_template`` and implement ``page``; the rest need not be overridden."""

    page_template: str

    def page(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return what the page of ``row`` shows, its ``title`` among it."""
        raise NotImplementedError

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        row = self.row(request, object_id)
        context = {"page_row": row} | self.page(request, row)
        return TemplateResponse(request, self.page_template, self.context(request) | context | (extra_context or {}))

    def row(self, request: HttpRequest, object_id: object) -> Any:
        """Find the row for a person who may see it: 403 for others, 404 when there is none."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, unquote(str(object_id or "")))
        if row is None:
            raise Http404
        return row

    def context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what every page of this admin needs."""
        return {**self.admin_site.each_context(request), "opts": self.opts}


@dataclass(frozen=True)
class Change:
    """Holds one field of two versions, as texts. ``name`` is what Telnyx, or REST, calls it."""

    label: str
    name: str
    old: str
    new: str


@dataclass(frozen=True)
class WayBack:
    """Says where a form is sent that restores a version, and what it holds."""

    url: str
    fields: Sequence[tuple[str, str]]


class HistoryPages:
    """Adds to a ModelAdmin who changed what and when, one version beside another, and the way back to it.

    Versions are simple_history's rows, newest first.
    """

    opts: Any
    admin_site: Any
    get_object: Any
    has_view_permission: Any
    has_change_permission: Any

    def versions(self, row: Any) -> QuerySet[Any]:
        """Return the versions of ``row``, newest first."""
        raise NotImplementedError

    def said(self, version: Any) -> str:
        """Return who made a version, and how, in words."""
        raise NotImplementedError

    def changed(self, request: HttpRequest, versions: Sequence[Any]) -> Iterable[tuple[Any, list[Change]]]:
        """Return each of ``versions``, which follow each other, with what it changed."""
        raise NotImplementedError

    def differences(self, request: HttpRequest, one: Any, other: Any) -> list[Change]:
        """Return what is another in ``other`` than in ``one``."""
        raise NotImplementedError

    def whole(self, version: Any) -> str:
        """Draw all of a version."""
        raise NotImplementedError

    def way_back(self, request: HttpRequest, row: Any, version: Any) -> WayBack | None:
        """Return how to restore a version; None for who may not, or where nothing can be."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_simple_history"
        view = self.admin_site.admin_view(self.history_form_view)
        return [path("<path:object_id>/history/<version_id>/", view, name=name), *super().get_urls()]  # type: ignore[misc]

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """List the versions of a row with what each of them changed."""
        row = self._row(request, object_id)
        page = Paginator(self.versions(row), _PER_PAGE).get_page(request.GET.get(PAGE_VAR))
        entries = [
            {"version": version, "said": self.said(version), "changes": changes, "url": self._url(row, version)}
            for version, changes in self.changed(request, list(page))
        ]
        context = {
            "title": f"History of {row}",
            "original": row,
            "entries": entries,
            "page": page,
            "page_var": PAGE_VAR,
            "here": self._address_of("history", row),
            "may_restore": self.has_change_permission(request, row),
        }
        return TemplateResponse(request, "portal/admin/history.html", self._context(request) | context)

    def history_form_view(self, request: HttpRequest, object_id: str, version_id: str) -> HttpResponse:
        """Show one version beside another one, the present one unless it is chosen, and offer to restore it."""
        row = self._row(request, object_id)
        if request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        versions = self.versions(row)
        version, now = chosen(versions, version_id), versions.first()
        other = chosen(versions, request.GET["with"]) if request.GET.get("with") else now
        way_back = self.way_back(request, row, version) if other == now != version else None
        context = {"title": f"{row} as of {version.history_date:%Y-%m-%d %H:%M:%S} UTC", "original": row}
        context |= {"version": version, "other": other, "now": now, "said": self.said(version)}
        offered = list(versions[: _MOST_OFFERED + 1])
        context |= {"offered": offered[:_MOST_OFFERED], "most": _MOST_OFFERED, "more": len(offered) > _MOST_OFFERED}
        context["differences"] = self.differences(request, version, other)
        context |= {"whole": self.whole(version), "way_back": way_back, "back": self._address_of("history", row)}
        context["here"] = self._url(row, version)
        return TemplateResponse(request, "portal/admin/history_version.html", self._context(request) | context)

    def _row(self, request: HttpRequest, object_id: str) -> Any:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        return row

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts}

    def _url(self, row: Any, version: Any) -> str:
        return self._address_of("simple_history", row, version.history_id)

    def _address_of(self, name: str, row: Any, *more: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=[row.pk, *more])


def chosen(versions: QuerySet[Any], number: str) -> Any:
    """Return the version of that number. ``Http404`` for one that is none of these."""
    if not number.isascii() or not number.isdecimal() or len(number) > 19 or int(number) > _MOST:
        raise Http404
    version = versions.filter(history_id=int(number)).first()
    if version is None:
        raise Http404
    return version
