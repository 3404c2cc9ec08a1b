"""Shows dial batches: a form that first only checks its lines, and a page of their progress."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from applications.models import CallControlApplication
from portal.actors import actor_of
from portal.admin.pages import PageAdmin
from portal.admin.site import seen
from portal.refusals import PortalRefusal
from portal.telnyx.schemas import InvalidParameters
from portal.templatetags.portal import status_badge
from voice.dialling import batches
from voice.dialling.forms import BatchForm
from voice.dialling.own_numbers import own_numbers
from voice.models import CallCommand, DialBatch

_SHOWN = 200
_STEERING = {"pause": batches.pause, "resume": batches.resume, "cancel": batches.cancel}
_Status = CallCommand.Status
_ORDER = (_Status.OK, _Status.SENDING, _Status.QUEUED, _Status.REFUSED, _Status.UNCERTAIN, _Status.EXPIRED)


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
            path("<path:object_id>/steer/<str:word>/", wrap(self.steer_view), name="voice_dialbatch_steer"),
        ]
        return [*ours, *super().get_urls()]

    def new_view(self, request: HttpRequest) -> HttpResponse:
        """Begin a batch; without ``go`` check every line and dial nothing."""
        _demand_dial(request)
        given = {"connection_id": request.GET.get("application", "")}
        form = BatchForm(request.POST or None, request.FILES or None, initial=given)
        planned: batches.Plan | None = None
        if request.method == "POST" and form.is_valid():
            if batch := batches.made_before(_intent(form)):  # pressed twice: by now its own lines may fill a limit
                return HttpResponseRedirect(_page(batch))
            try:
                planned = self._plan(request, form)
                if "go" in request.POST and not planned.problems:
                    return self._begin(request, form)
            except (InvalidParameters, PortalRefusal) as error:
                form.take(error.errors)
        context = {"title": "Dial a list", "form": form, "plan": planned, "most": _SHOWN}
        return TemplateResponse(request, "voice/dialling/new.html", self.context(request) | context)

    def page(self, request: HttpRequest, batch: DialBatch) -> dict[str, Any]:
        progress, failed = batches.progress(batch), (_Status.REFUSED, _Status.UNCERTAIN, _Status.EXPIRED)
        return {
            "title": seen(batch.name),
            "batch": batch,
            "progress": progress,
            "counts": [(name, progress.counts[name]) for name in _ORDER if progress.counts[name]],
            "application": CallControlApplication.objects.filter(
                account=batch.account, telnyx_id=batch.connection_id
            ).first(),
            "failed": batch.commands.filter(status__in=failed).order_by("sequence")[:_SHOWN],
            "next": batch.commands.filter(status=_Status.QUEUED).order_by("sequence").first(),
            "may_dial": request.user.has_perm("voice.dial"),
            "may_see_lines": request.user.has_perm("voice.view_callcommand"),
        }

    def steer_view(self, request: HttpRequest, object_id: str, word: str) -> HttpResponse:
        """Pause, resume or cancel the batch (POST)."""
        _demand_dial(request)
        batch = self.row(request, object_id)
        if request.method != "POST" or word not in _STEERING:
            raise Http404
        try:
            _STEERING[word](batch, actor_of(request))
        except PortalRefusal as refused:
            messages.error(request, refused.words)
        return HttpResponseRedirect(_page(batch))

    def numbers_view(self, request: HttpRequest) -> HttpResponse:
        """Answer the account's own numbers as options, for the list that hangs on a text box."""
        _demand_dial(request)
        wanted = CallControlApplication.objects.select_related("account").filter(missing_since=None)
        application = wanted.filter(telnyx_id=request.GET.get("connection_id", "")).first()
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
        messages.success(request, f"{batch.lines:,} numbers are being dialled, {batch.per_second:g} a second.")
        return HttpResponseRedirect(_page(batch))


def _demand_dial(request: HttpRequest) -> None:
    if not request.user.has_perm("voice.dial"):
        raise PermissionDenied


def _intent(form: BatchForm) -> str:
    return f"person:{form.cleaned_data['intent']}"


def _page(batch: DialBatch) -> str:
    return reverse("admin:voice_dialbatch_change", args=[batch.pk])
