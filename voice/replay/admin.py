"""Shows replays: choose stored events, see what running them again would change, run them, watch it being done."""

import uuid
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.decorators import display

from portal.actors import actor_of
from portal.admin.pages import PageAdmin
from portal.admin.site import seen
from portal.templatetags.portal import status_badge
from voice.events.following import wake_following
from voice.models import Replay, ReplayLine
from voice.replay import forms, runs, wording
from voice.replay.forms import ReplayForm
from voice.replay.selection import MOST_LOOKED_THROUGH, Selection, count_events
from voice.wakeups import wake_replay

PERMISSION = "voice.replay_event"
_SHOWN = 100  # lines of a kind on a page
_AT_ONCE_SECONDS = 1.5  # most are done while the browser waits; the rest is the workers'
_WORDS = {
    "voice.control_call": "control calls",
    "voice.dial": "dial",
    "voice.listen_recording": "listen to recordings",
    PERMISSION: "run events again",
}


@admin.register(Replay)
class ReplayAdmin(PageAdmin):
    """Lists dry runs and runs of the last month. All of it takes the permission to run events again."""

    when_empty = "Pick events in the list of events, and choose there to run them again."
    page_template = "voice/replay/page.html"
    list_display = ("created_at", "what_shown", "state_shown", "done_shown", "effects_shown", "by_shown")
    list_before_template: Any = "voice/replay/replays_before.html"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(PERMISSION))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        ours = [
            path("new/", wrap(self.new_view), name="voice_replay_new"),
            path("<uuid:replay_id>/run/", wrap(self.run_view), name="voice_replay_run"),
            path("<uuid:replay_id>/cancel/", wrap(self.cancel_view), name="voice_replay_cancel"),
        ]
        return [*ours, *super().get_urls()]

    def new_view(self, request: HttpRequest) -> HttpResponse:
        """Choose and count events; with ``look`` begin the dry run. The list of events opens it with its filter."""
        _demand(request)
        form = ReplayForm(request.POST) if request.method == "POST" else _opened(request)
        context: dict[str, Any] = {"title": "Replay", "form": form}
        if form.is_bound and form.is_valid():
            if request.method == "POST" and "look" in request.POST:
                return begin_dry_run(request, form.selection())
            context["count"] = count_events(form.selection())
            context["most_looked_through"] = MOST_LOOKED_THROUGH
        context |= {"event_types": forms.event_types(), "applications": forms.known_applications()}
        return TemplateResponse(request, "voice/replay/new.html", self.context(request) | context)

    def page(self, request: HttpRequest, row: Replay) -> dict[str, Any]:
        """Collect whatever there is to see of it by now."""
        total, selection = row.total or 0, Selection.from_json(row.selection)
        lacking = [_WORDS.get(name, name) for name in runs.missing_rights(request.user, selection)]
        return {
            "title": "Replay" if row.has_run else "Replay: dry run",
            "replay": row,
            "words": selection.words(),
            "percent": 100 * row.done // max(total, 1),
            "counts": wording.counts(row.counts),
            "parts": _parts(row, request.user),
            "lacking": lacking,
            "narrowed": forms.values_of(selection),
        }

    def run_view(self, request: HttpRequest, replay_id: uuid.UUID) -> HttpResponse:
        """Run what was looked at (POST)."""
        row = self.row(request, str(replay_id))
        if request.method != "POST":
            raise Http404
        side_effects = "side_effects" in request.POST
        if side_effects and runs.missing_rights(request.user, Selection.from_json(row.selection)):
            raise PermissionDenied
        if runs.begin(row, actor_of(request), side_effects=side_effects):
            _work(row)
        return HttpResponseRedirect(_page(row))

    def cancel_view(self, request: HttpRequest, replay_id: uuid.UUID) -> HttpResponse:
        """Cancel it where it is (POST)."""
        row = self.row(request, str(replay_id))
        if request.method != "POST":
            raise Http404
        runs.cancel(row, actor_of(request))
        return HttpResponseRedirect(_page(row))

    @display(description="Requested by")
    def by_shown(self, row: Replay) -> str:
        return seen(row.requested_by)

    @display(description="Events")
    def what_shown(self, row: Replay) -> str:
        words = Selection.from_json(row.selection).words()
        return "; ".join(f"{name} {value}" for name, value in words) or "all"

    @display(description="State")
    def state_shown(self, row: Replay) -> str:
        return status_badge(row.state)

    @display(description="Done")
    def done_shown(self, row: Replay) -> str:
        return format_html('<span class="portal-number">{} of {}</span>', f"{row.done:,}", f"{row.total or 0:,}")

    @display(description="Kind")
    def effects_shown(self, row: Replay) -> str:
        if not row.has_run:
            return "dry run"
        return "run, with rules and commands" if row.side_effects else "run"


def _demand(request: HttpRequest) -> None:
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied


def _opened(request: HttpRequest) -> ReplayForm:
    """Fill the form from the address, by the list of events."""
    given = forms.initial_of(request.GET)
    return ReplayForm(given) if given else ReplayForm()


def begin_dry_run(request: HttpRequest, selection: Selection) -> HttpResponse:
    """Begin a dry run and go to its page."""
    row = runs.request_dry_run(selection, actor_of(request))
    _work(row)
    return HttpResponseRedirect(_page(row))


def _work(row: Replay) -> None:
    """Work at it at once, if that is short; reading a large table through is a worker's."""
    if count_events(Selection.from_json(row.selection)).is_exact:
        wake_following(runs.work(row.pk, _AT_ONCE_SECONDS))
    if runs.is_due(row.pk):
        wake_replay(row.pk)


def _parts(row: Replay, user: Any) -> list[dict[str, Any]]:
    """Collect calls, conferences and single events, each with how many there are and the first of them."""
    kinds = ReplayLine.Kind
    says_something = Q(kind=kinds.EVENT) | ~Q(changes={}, is_new=False)
    lines = row.lines.filter(says_something, is_rehearsed=not row.has_run)
    counts = dict(lines.order_by().values_list("kind").annotate(Count("pk")))
    wanted = (
        ("Calls", (kinds.CALL,)),
        ("Conferences", (kinds.CONFERENCE, kinds.PARTICIPANT)),
        ("Quarantined, dead and failed events", (kinds.EVENT,)),
    )
    parts = []
    for title, kinds_here in wanted:
        if count := sum(counts.get(kind, 0) for kind in kinds_here):
            descriptions = wording.describe(lines.filter(kind__in=kinds_here)[:_SHOWN], user)
            parts.append({"title": title, "count": count, "told": descriptions, "more": max(count - _SHOWN, 0)})
    return parts


def _page(row: Replay) -> str:
    return reverse("admin:voice_replay_change", args=[row.pk])
