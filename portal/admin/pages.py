"""Provides PageAdmin: a list whose rows have a page of their own in place of a form."""

from typing import Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse

from portal.admin.site import ReadOnlyAdmin


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
        context = self.page(request, self.row(request, object_id))
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
