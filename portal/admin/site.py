"""Provides the admin site and the building blocks of its pages."""

import json
from collections.abc import Sequence
from contextvars import ContextVar
from functools import cache, partial, wraps
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import label_for_field
from django.contrib.admin.views.main import PAGE_VAR, SEARCH_VAR, ChangeListSearchForm
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.core.paginator import Page, Paginator
from django.db import DataError, IntegrityError, OperationalError, transaction
from django.db.models import DateTimeField, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.module_loading import import_string
from django.utils.text import capfirst
from unfold import paginator as unfold_paginator
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.sites import UnfoldAdminSite
from unfold.views import ChangeList

from portal import keyset, list_columns
from portal.actors import actor_of
from portal.admin import navigation, sign_in
from portal.handbook import topics
from portal.masking import addresses_for, masked_for, may_see_whole
from portal.models import AuditEvent
from portal.saved_filters import clean_list_query
from portal.sql import is_outage
from portal.templatetags.portal import moment
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
        """Change one's own password and note that, or do neither."""
        if request.method != "POST":  # on SQLite a transaction is the only writer
            return super().password_change(request, extra_context)
        with transaction.atomic():
            answer: HttpResponse = super().password_change(request, extra_context)
            if answer.status_code == 302:  # else the form is drawn again
                actor = actor_of(request)
                AuditEvent.note(actor, "password.change", actor.user)
        return answer

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
                setattr(self, told, [_readable(self.model, name) for name in names])
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


@cache
def _time_column(model: type[Model], name: str) -> Any:
    """Return a column of times as its reader wants them, in the place of Django's own, which is in UTC."""

    @display(description=str(model._meta.get_field(name).verbose_name), ordering=name)  # type: ignore[union-attr]
    def shown(row: Model) -> str:
        return moment(getattr(row, name))

    shown.__name__ = name
    return shown


def _readable(model: type[Model], name: Any) -> Any:
    fields = {field.name for field in model._meta.concrete_fields if isinstance(field, DateTimeField)}
    return _time_column(model, name) if name in fields else name


_viewer: ContextVar[Any] = ContextVar("viewer", default=None)


def viewer() -> Any:
    """Return the person whose page is being drawn: Django gives a column the row, and not the request."""
    return _viewer.get()


def seen(text: str) -> str:
    """Return a sentence, a name or a value as the person whose page is being drawn may see it."""
    return visible(str(masked_for(viewer(), text)))


class PortalAdmin(ModelAdmin):
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

    # columns beside those of ``list_display``, for who wants them
    list_display_more: tuple[str, ...] = ()

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Judge a form anew when what it asks for was taken between being judged and being saved: then it says so."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except (IntegrityError, ValidationError):
            if request.method != "POST":
                raise
            return super().changeform_view(request, *args, **kwargs)

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
