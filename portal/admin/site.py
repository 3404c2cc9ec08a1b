"""Provides the admin site and the building blocks of its pages."""

import json
from contextvars import ContextVar
from functools import partial, wraps
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.admin import ShowFacets
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import BadRequest, ValidationError
from django.db import IntegrityError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.module_loading import import_string
from unfold.sites import UnfoldAdminSite

from portal.actors import actor_of
from portal.admin import navigation, sign_in
from portal.admin.change_list.columns import ChosenColumns
from portal.admin.change_list.listing import TolerantChangeList
from portal.admin.change_list.paging import CountedPaginator, InfinitePaginator
from portal.handbook import topics
from portal.masking import addresses_for, masked_for, may_see_whole
from portal.models import AuditEvent
from portal.texts import visible


class PortalSite(UnfoldAdminSite):
    """Runs Django's admin on Unfold.

    A missing slash is added here alone: ``APPEND_SLASH`` is off for the webhooks' sake.
    """

    index_title = "Home"
    login_form = sign_in.SignInForm

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pages: list[URLPattern] = []

    def add_pages(self, pages: list[URLPattern]) -> None:
        """Add pages that belong to no model: what Telnyx alone keeps has no row here."""
        self._pages += pages

    def get_urls(self) -> Any:  # Django and Unfold annotate it differently
        return [*self._pages, *super().get_urls()]

    def each_context(self, request: HttpRequest) -> Any:
        """Give every page what its frame shows: the bell, and where its help is. The bell is rung only where drawn."""
        context: dict[str, Any] = super().each_context(request)
        context["bell"] = partial(import_string(settings.BELL), request)
        return context | {"help_url": topics.address(request.resolver_match)}

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        answer: HttpResponse = super().login(request, extra_context)
        if request.method == "POST":
            return sign_in.follow_up(request, answer)
        return answer

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if request.method == "POST" and request.user.is_authenticated:
            AuditEvent.note(actor_of(request), "sign-out")
        return super().logout(request, extra_context)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        request.current_app = self.name
        context = {**self.each_context(request), **(extra_context or {})}
        return sign_in.OwnPasswordView.as_view(extra_context=context)(request)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        @wraps(view)
        def seen_by(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            _viewer.set(request.user)
            return view(request, *args, **kwargs)

        return sign_in.led_to_it(self, super().admin_view(seen_by, cacheable))

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        """Answer nothing: no field here is filled in while typing, and Django would search any model it is told."""
        raise Http404

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


_viewer: ContextVar[Any] = ContextVar("viewer", default=None)


def viewer() -> Any:
    """Return the person whose page is being drawn: Django gives a column the row, and not the request."""
    return _viewer.get()


def seen(text: str) -> str:
    """Return a sentence, a name or a value as the person whose page is being drawn may see it."""
    return visible(str(masked_for(viewer(), text)))


class PortalAdmin(ChosenColumns):
    """Gives every list of the admin its viewer, and answers 400 where a bad address would be a 500."""

    paginator: ClassVar[Any] = CountedPaginator
    show_facets = ShowFacets.NEVER  # Django's count every row; see ``portal.admin.filters.Counted``

    when_empty = ""  # what to do for a first row, below "No … yet"
    # in place of ``search_fields`` for who may not see whole numbers, where these are of a column that is masked
    search_fields_masked: tuple[str, ...] = ()

    def get_search_fields(self, request: HttpRequest) -> Any:
        """Search masked columns by a whole value for who may not see numbers; else these could be read by searches."""
        is_whole = may_see_whole(request.user) or not self.search_fields_masked
        return super().get_search_fields(request) if is_whole else self.search_fields_masked

    # Django draws a link to another row for everybody
    readonly_preprocess_fields: Any = {
        name: lambda drawn, name=name: navigation.followed(viewer(), name, drawn) for name in navigation.FOLLOWED
    }

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Judge a form anew when what it asks for was taken between being judged and being saved: then it says so."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except (IntegrityError, ValidationError):
            if request.method != "POST":
                raise
            return super().changeform_view(request, *args, **kwargs)

    def complete(self, rows: list[Any]) -> None:
        """Give the rows of a page what their columns tell beside them: for the page alone, not for the list."""

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
    """Shows rows that people look at and never write by hand. Paged without counting.

    ``sortable_by`` names the columns that an index has in their order; ``None``: the list is short.
    """

    paginator = InfinitePaginator
    show_full_result_count = False
    list_per_page = 50
    actions = None
    sortable_by: ClassVar[Any] = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def as_json(value: Any, *, of_a_call: bool = True) -> str:
    """Draw a JSON value as readable, escaped text: as the person whose page is being drawn may see it.

    Not ``of_a_call`` is what is set up at Telnyx: whoever may see it sees it whole.
    """
    value = masked_for(viewer(), value) if of_a_call else addresses_for(viewer(), value)
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True, default=str)
    return format_html('<pre class="portal-json" tabindex="0">{}</pre>', visible(text))
