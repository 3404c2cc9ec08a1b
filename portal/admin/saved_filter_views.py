"""Gives an admin list search while typing, and filters saved under a name."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from portal.saved_filters import LONGEST, SavedFilter, clean_list_query, filters_of

_LONGEST_NAME = 60


class KeptFilters:
    """Gives a ModelAdmin's list its ``saved_filters``. The template is ``portal/admin/saved_filters.html``.

    ``search_as_you_type`` asks for the list anew 250 ms after the last key; without JavaScript the form works as ever.
    """

    search_as_you_type = True
    opts: Any
    admin_site: Any
    has_view_permission: Any
    get_changelist_instance: Any

    def get_urls(self) -> list[URLPattern]:
        name = self._kept_name()
        own = [
            path("filters/", self.admin_site.admin_view(self.keep_filter_view), name=f"{name}_keep_filter"),
            path("filters/<slug:pk>/", self.admin_site.admin_view(self.drop_filter_view), name=f"{name}_drop_filter"),
        ]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        bar = self._filter_bar(request)
        return super().changelist_view(request, {**(extra_context or {}), "saved_filters": bar})  # type: ignore[misc]

    def keep_filter_view(self, request: HttpRequest) -> HttpResponse:
        """Save the query that was posted; one of the same name is replaced."""
        if request.method != "POST" or not self.has_view_permission(request):
            raise PermissionDenied
        name = request.POST.get("name", "").replace("\0", "").strip()
        query = self.kept(request.POST.get("query", ""))
        if why_not := _why_not(name, query):
            messages.error(request, why_not)
        elif not self._takes(request, query):
            return HttpResponseRedirect(self._kept_list())
        else:
            owner: Any = request.user
            values = {"query": query, "shared": request.POST.get("shared") == "on"}
            SavedFilter.objects.update_or_create(owner=owner, listing=self._kept_of(), name=name, defaults=values)
        return HttpResponseRedirect(f"{self._kept_list()}?{query}")

    def kept(self, query: str) -> str:
        """Write a query as it is saved: so that it asks a colleague in another zone for the same times."""
        return clean_list_query(query)

    def _takes(self, request: HttpRequest, query: str) -> bool:
        """Tell whether the list can be narrowed so; if not, why is among the messages."""
        request.GET = QueryDict(query)
        try:
            self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return False
        return True

    def drop_filter_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Delete a saved filter: one's own, or any with the right to delete saved filters."""
        if request.method != "POST" or not self.has_view_permission(request):
            raise PermissionDenied
        user: Any = request.user
        rows = SavedFilter.objects.filter(pk=int(pk) if pk.isdecimal() and len(pk) < 19 else 0, listing=self._kept_of())
        if not user.has_perm("portal.delete_savedfilter"):
            rows = rows.filter(owner=user)
        rows.delete()
        return HttpResponseRedirect(self._kept_list())

    def _filter_bar(self, request: HttpRequest) -> SafeString:
        query = clean_list_query(request.GET.urlencode())
        rows = filters_of(request.user, self._kept_of()) if request.user.is_authenticated else []
        context: dict[str, Any] = {
            "filters": rows,
            "query": query,
            "list_url": self._kept_list(),
            "name": self._kept_name(),
        }
        context["may_drop_any"] = request.user.has_perm("portal.delete_savedfilter")
        return render_to_string("portal/admin/saved_filters.html", context, request)

    def _kept_of(self) -> str:
        return str(self.opts.label_lower)

    def _kept_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"

    def _kept_list(self) -> str:
        return reverse(f"admin:{self._kept_name()}_changelist")


def _why_not(name: str, query: str) -> str:
    """Say what is wrong with a filter that is to be saved; empty for a good one."""
    if not name or len(name) > _LONGEST_NAME:
        return f"Name: a filter needs one of at most {_LONGEST_NAME} characters."
    if not query:
        return "Nothing is filtered: choose what the filter is to show, and save it then."
    return f"What is filtered is too long to be saved: {len(query):,} characters." if len(query) > LONGEST else ""
