"""Shows the call log. It is searched with a customer on the phone: whatever they can tell finds the call."""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from portal import keyset
from portal.actors import actor_of
from portal.admin.change_list.listing import SearchForm, TolerantChangeList
from portal.admin.saved_filter_views import KeptFilters
from portal.masking import may_see_whole
from portal.times import read_time
from portal.view_times import TimePreference, current, moment_text
from voice.call_log import columns, completions, facets, listing, nothing_found, old_addresses, views
from voice.call_log import query as queries
from voice.call_log.columns import Look
from voice.call_log.query import Query
from voice.calls.admin import CallAdmin
from voice.models import Call


class _SearchForm(SearchForm):
    """Takes more words: a search may have a condition for each of many filters."""

    most_words, longest = 60, 1000


class CallChangeList(TolerantChangeList):
    """Lists what the search asks for. It is read once: who may not see whole numbers has each search noted."""

    search_form_class = _SearchForm
    asked: Query
    listed: listing.Listing

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        told = self.get_filters(request)  # there are none: whatever else the address has is refused by name
        self.filter_specs, self.has_filters, self.has_active_filters = told[0], told[1], told[4]
        self.asked = queries.read(self.query, request.user, actor=actor_of(request))
        if self.asked.refused:
            messages.error(request, self.asked.refused.words)
        return self.asked.calls()

    def drawn(self) -> list[Any]:
        return [leg for row in self.listed.rows for leg in (row.call, row.found, *row.legs)]

    def _turn_to(self, request: HttpRequest, place: keyset.Place) -> None:
        self.listed = listing.page(self.asked, place, self.list_per_page)
        self.result_list = [row.found for row in self.listed.rows]
        self.turn(self.listed.next, self.listed.previous)


@admin.register(Call)
class CallLogAdmin(KeptFilters, CallAdmin):  # type: ignore[misc]  # as each list that keeps filters
    """Lists calls, and has the pages of each."""

    change_list_template = "voice/call_log/list.html"
    list_per_page = listing.SIZE
    search_fields = ("from_number",)  # only so that there is a box: CallChangeList reads what is typed

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return CallChangeList

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        ours = [
            path("views/", wrap(self.views_view), name="voice_call_views"),
            path("newer/", wrap(self.newer_view), name="voice_call_newer"),
            path("completions/", wrap(self.completions_view), name="voice_call_completions"),
        ]
        return [*ours, *super().get_urls()]

    def kept(self, query: str) -> str:
        asked = QueryDict(super().kept(query), mutable=True)
        if text := asked.get("q"):
            asked["q"] = queries.with_offsets(text)
        return super().kept(asked.urlencode())

    def newer_view(self, request: HttpRequest) -> HttpResponse:
        """Tell how many legs of a search began since, for a list that is watched: 100 at most."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        since, text = read_time(request.GET.get("since")), request.GET.get("q", "")[:1000]
        # a look every few seconds at a number would be a search for it each time
        if since is None or not _is_watched(request, text):
            return JsonResponse({"newer": None})
        asked = queries.read(text, request.user, actor=actor_of(request))
        newer = asked.calls().filter(started_at__gt=since).order_by("started_at").values_list("pk")[: views.MOST]
        return JsonResponse({"newer": len(newer)})

    def completions_view(self, request: HttpRequest) -> HttpResponse:
        """Draw what the word that is being typed may become, for the search box."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        offered = completions.of(request.GET.get("word", ""), request.user)
        return TemplateResponse(request, "voice/call_log/completions.html", {"offered": offered})

    def columns_view(self, request: HttpRequest) -> HttpResponse:
        """Keep which columns this person has (POST), and go back to the search."""
        if request.method != "POST" or not self.has_view_permission(request):
            raise PermissionDenied
        columns.choose(request.user, [] if "usual" in request.POST else request.POST.getlist("column"))
        return HttpResponseRedirect(queries.address(request.POST.get("q", "")[:1000]))

    def views_view(self, request: HttpRequest) -> HttpResponse:
        """Show the named searches with their counts, for the list that opens them."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {"views": views.shipped(request.user, counted=True), "text": request.GET.get("now", "")}
        return TemplateResponse(request, "voice/call_log/views.html", context)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if request.method == "GET" and (text := old_addresses.search_of(request.GET)) is not None:
            return HttpResponseRedirect(queries.address(text))
        answer: Any = super().changelist_view(request, extra_context)
        if (cl := getattr(answer, "context_data", {}).get("cl")) is not None:
            answer.context_data |= self._told(request, cl)
        return answer

    def _newest(self, listed: listing.Listing) -> str:
        """Return since when what begins is newer than this page."""
        return (listed.newest or timezone.now() - timedelta(minutes=1)).isoformat()

    def _told(self, request: HttpRequest, cl: CallChangeList) -> dict[str, Any]:
        dials = None if cl.listed.rows else nothing_found.dials(cl.asked, request.user)
        look, asked, listed = Look(request.user, cl.asked), cl.asked, cl.listed
        shown = columns.chosen_by(request.user)
        return {
            "typed": cl.query or request.GET.get("q", "")[:1000],
            "asked": asked,
            "columns": shown,
            "offered": [*shown, *(one for one in columns.COLUMNS.values() if one not in shown)],
            "rows": [
                (
                    row,
                    look.draw(row.call, shown),
                    [(leg, look.draw(leg, shown)) for leg in row.legs],
                )
                for row in listed.rows
            ],
            "views": views.shipped(request.user),
            "text": asked.text,
            "chips": facets.chips(asked),
            "filters": facets.filters(asked, request.user),
            "looked_back_to": moment_text(listed.looked_back_to, "minute") if listed.looked_back_to else "",
            "watched": "" if request.GET.get("p") or not _is_watched(request, cl.query) else self._newest(listed),
            "dials": dials,
            "counts": [] if listed.rows else nothing_found.counts(dials, request.user),
            "everywhere": "" if listed.rows or asked.refused else _without_window(asked),
            "zone": timezone.get_current_timezone_name(),
            "half_days": current().order == TimePreference.Order.AMERICAN,  # their AM and PM take room
        }


def _is_watched(request: HttpRequest, text: str) -> bool:
    """Tell whether a list of this search may be watched: not one for a number, by who has such searches noted."""
    return may_see_whole(request.user) or not queries.asks_for_numbers(text)


def _without_window(asked: Query) -> str:
    """Return the address of the same search in all of the log; empty where it is that already."""
    within = [token for token in asked.tokens if token.key in queries.WINDOWS]
    return queries.address(asked.without(*within)) if within and len(within) < len(asked.tokens) else ""
