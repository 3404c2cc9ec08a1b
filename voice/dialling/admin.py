"""Shows dial batches: a form that first only checks its lines, and a page of their progress."""

import hashlib
import json
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from unfold.decorators import display

from applications.models import CallControlApplication
from portal import keyset
from portal.actors import actor_of
from portal.admin.filters import CountedRelatedFilter
from portal.admin.pages import PageAdmin
from portal.admin.site import seen
from portal.models import AuditEvent
from portal.refusals import PortalRefusal
from portal.telnyx.schemas import InvalidParameters
from portal.templatetags.portal import status_badge
from portal.texts import pluralised
from voice.dialling import batches, lines
from voice.dialling.forms import BatchForm, chosen_application
from voice.dialling.own_numbers import own_numbers
from voice.models import CallCommand, DialBatch

_SHOWN = 200  # of a list that is looked at before it is dialled
_PER_PAGE = 50
_STEERING = {"pause": batches.pause, "resume": batches.resume, "cancel": batches.cancel}
_Status = CallCommand.Status
_ORDER = (_Status.OK, _Status.SENDING, _Status.QUEUED, _Status.REFUSED, _Status.UNCERTAIN, _Status.EXPIRED)
_IN_ORDER = ("sequence", "id")
_SEE_LINES = "voice.view_callcommand"


@admin.register(DialBatch)
class DialBatchAdmin(PageAdmin):
    """Lists and shows dial batches; who may dial starts and steers them."""

    when_empty = "“Dial a list” takes numbers, and dials one after the other."
    page_template = "voice/dialling/page.html"
    list_display = (
        "name_shown",
        "state_shown",
        "progress_shown",
        "lines",
        "per_second",
        "account",
        "by_shown",
        "created_at",
    )
    list_display_more = ("connection_id", "began_at")
    list_select_related = ("account",)
    list_before_template: Any = "voice/dialling/list_before.html"
    list_filter = (("account", CountedRelatedFilter),)
    list_filter_submit = list_filter_sheet = True
    search_fields = ("name__startswith",)
    sortable_by = ("created_at",)
    list_per_page = 25  # the lines of each are counted
    search_fields_masked = ("name__exact",)

    def complete(self, rows: list[Any]) -> None:
        batches.tell_line_counts(rows)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        ours = [
            path("new/", wrap(self.new_view), name="voice_dialbatch_new"),
            path("own-numbers/", wrap(self.numbers_view), name="voice_dialbatch_numbers"),
            path("<path:object_id>/lines.csv", wrap(self.csv_view), name="voice_dialbatch_csv"),
            path("<path:object_id>/steer/<str:word>/", wrap(self.steer_view), name="voice_dialbatch_steer"),
        ]
        return [*ours, *super().get_urls()]

    def new_view(self, request: HttpRequest) -> HttpResponse:
        """Check every line and dial nothing; with ``go``, which names what was checked, begin a batch of that."""
        _demand_dial(request)
        given = {"connection_id": request.GET.get("application", "")}
        form = BatchForm(request.POST or None, request.FILES or None, initial=given)
        planned: batches.Plan | None = None
        checked = ""
        if request.method == "POST" and form.is_valid():
            if batch := batches.made_before(_intent(form)):  # pressed twice: by now its own lines may fill a limit
                return self._led_to(request, batch)
            try:
                planned = self._plan(request, form)
                checked = _digest(form, planned)
                if request.POST.get("go") == checked and not planned.problems:
                    return self._begin(request, form)
            except (InvalidParameters, PortalRefusal) as error:
                if batch := batches.made_before(_intent(form)):  # by the other press, meanwhile
                    return self._led_to(request, batch)
                form.take(error.errors)
        back = "admin:voice_dialbatch_changelist" if self.has_view_permission(request) else "admin:index"
        context = {"title": "Dial a list", "form": form, "plan": planned, "most": _SHOWN, "back": reverse(back)}
        context |= {"checked": checked, "is_another": "go" in request.POST}
        return TemplateResponse(request, "voice/dialling/new.html", self.context(request) | context)

    def page(self, request: HttpRequest, batch: DialBatch) -> dict[str, Any]:
        progress = batches.progress(batch)
        of_lines = _lines(request, batch) if request.user.has_perm(_SEE_LINES) else {}
        return {
            "title": seen(batch.name),
            "batch": batch,
            "progress": progress,
            "counts": [(name, progress.counts[name]) for name in _ORDER if progress.counts[name]],
            "application": CallControlApplication.objects.filter(
                account=batch.account, telnyx_id=batch.connection_id
            ).first(),
            "next": batch.commands.filter(status=_Status.QUEUED).order_by("sequence").first(),
            "may_dial": request.user.has_perm("voice.dial"),
            "may_see_lines": bool(of_lines),
            **of_lines,
        }

    def csv_view(self, request: HttpRequest, object_id: str) -> StreamingHttpResponse:
        """Answer the lines as CSV (POST), all or those of one outcome; noted."""
        if not request.user.has_perm(_SEE_LINES):
            raise PermissionDenied
        batch = self.row(request, object_id)
        if request.method != "POST":
            raise Http404
        outcome = request.POST.get("outcome", "")
        if outcome and outcome not in lines.ORDER:
            raise Http404
        rows = lines.lines(batch, request.user)
        AuditEvent.note(actor_of(request), "batch.export", batch, outcome=outcome or "all")
        text = lines.csv(rows.filter(outcome=outcome) if outcome else rows, request.user)
        answer = StreamingHttpResponse(text, content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="batch-{batch.created_at:%Y-%m-%d-%H%M}Z.csv"'
        answer["Cache-Control"] = "no-store"
        return answer

    def steer_view(self, request: HttpRequest, object_id: str, word: str) -> HttpResponse:
        """Pause, resume or cancel the batch (POST)."""
        _demand_dial(request)
        batch = self.row(request, object_id)
        if request.method != "POST" or word not in _STEERING:
            raise Http404
        try:
            _STEERING[word](batch, actor_of(request))
        except PortalRefusal as refused:
            messages.error(request, seen(refused.words))
        return HttpResponseRedirect(_page(batch))

    def numbers_view(self, request: HttpRequest) -> HttpResponse:
        """Answer the account's own numbers as options, for the list that hangs on a text box."""
        _demand_dial(request)
        application = chosen_application(request.GET.get("connection_id", ""))
        numbers = own_numbers(application.account) if application else []
        return HttpResponse(format_html_join("", '<option value="{}"></option>', ((number,) for number in numbers)))

    @display(description="Name")
    def name_shown(self, batch: DialBatch) -> str:
        return seen(batch.name)

    @display(description="Requested by")
    def by_shown(self, batch: DialBatch) -> str:
        return seen(batch.requested_by)

    @display(description="Status")
    def state_shown(self, batch: DialBatch) -> str:
        return status_badge(batches.progress(batch).state)

    @display(description="Done")
    def progress_shown(self, batch: DialBatch) -> str:
        progress = batches.progress(batch)
        return format_html('<span class="portal-number">{} %</span>', progress.percent)

    def _plan(self, request: HttpRequest, form: BatchForm) -> batches.Plan:
        lines = batches.read_lines(form.cleaned_data["numbers"])
        shared, rate = form.values(), form.cleaned_data["per_second"]
        return batches.plan(form.application.account, shared, lines, rate, actor_of(request))

    def _begin(self, request: HttpRequest, form: BatchForm) -> HttpResponse:
        values = form.cleaned_data
        batch = batches.make(
            form.application.account,
            form.values(),
            batches.read_lines(values["numbers"]),
            values["per_second"],
            actor_of(request),
            name=values["name"],
            intent=_intent(form),
        )
        which = pluralised(batch.lines, "number is", "numbers are")
        messages.success(request, f"{which} being dialled, {batch.per_second:g} a second.")
        return self._led_to(request, batch)

    def _led_to(self, request: HttpRequest, batch: DialBatch) -> HttpResponse:
        """Lead to the page of a batch; home, who may not see it: a 403 would say that it was not begun."""
        return HttpResponseRedirect(_page(batch) if self.has_view_permission(request) else reverse("admin:index"))


def _lines(request: HttpRequest, batch: DialBatch) -> dict[str, Any]:
    """Return a page of the lines, of the outcome that is asked for if one is, and how many have which."""
    outcome, rows = request.GET.get("outcome", ""), lines.lines(batch, request.user)
    if outcome and outcome not in lines.ORDER:
        messages.error(request, "Lines have no such outcome. All are shown.")
        outcome = ""
    rows = rows.filter(outcome=outcome) if outcome else rows
    try:
        text = request.GET.get(PAGE_VAR, "")
        page = keyset.page(rows, _IN_ORDER, keyset.read(text) if text else keyset.Place(), _PER_PAGE)
    except keyset.NoPlace:
        messages.error(request, "The page that you asked for is none of this list. It is shown from its beginning.")
        page = keyset.page(rows, _IN_ORDER, keyset.Place(), _PER_PAGE)
    figures = lines.figures(batch, request.user)
    return {
        "figures": [(one, "?" + urlencode({"outcome": one.outcome})) for one in figures],
        "outcome": outcome,
        "outcome_label": lines.label(outcome) if outcome else "",
        "lines": [(line, lines.number(line), lines.told(line), lines.tone(line.outcome)) for line in page.rows],
        "may_see_calls": lines.may_see_calls(request.user),
        "following": _turned(outcome, page.next),
        "previous": _turned(outcome, page.previous),
    }


def _turned(outcome: str, place: keyset.Place | None) -> str:
    """Return the address of another page of the lines; empty where there is none."""
    asked = {"outcome": outcome} if outcome else {}
    return f"?{urlencode(asked | {PAGE_VAR: place.text})}#lines" if place else ""


def _demand_dial(request: HttpRequest) -> None:
    if not request.user.has_perm("voice.dial"):
        raise PermissionDenied


def _intent(form: BatchForm) -> str:
    return f"person:{form.cleaned_data['intent']}"


def _digest(form: BatchForm, planned: batches.Plan) -> str:
    """Return what names the calls that were checked: the form can be written in until they are dialled."""
    told = [form.application.pk, planned.shared, [[line.to, line.client_state] for line in planned.lines]]
    text = json.dumps([*told, form.cleaned_data["per_second"]], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _page(batch: DialBatch) -> str:
    return reverse("admin:voice_dialbatch_change", args=[batch.pk])
