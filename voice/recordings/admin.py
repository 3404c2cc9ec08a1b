"""Shows recordings: a list, and a page with the player, which asks Telnyx for a fresh link each time it is to play."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from portal.actors import actor_of
from portal.admin.filters import MomentRangeFilter
from portal.admin.pages import PageAdmin
from portal.admin.site import seen, viewer
from portal.masking import may_see_whole
from portal.refusals import PortalRefusal
from portal.telnyx.errors import TelnyxError
from portal.telnyx.schemas import InvalidParameters
from portal.templatetags.portal import moment, phone, seconds, status_badge
from voice.commands.confirmation import wake_and_return
from voice.models import Call, Recording
from voice.recordings import files, listing, panel, peaks, service
from voice.texml.recordings import origin

_NOT_WHOLE = "{} found, and not all of Telnyx's list was read: it was slow, or has over 1,000. Look again."


@admin.register(Recording)
class RecordingAdmin(PageAdmin):
    """Lists and shows recordings."""

    when_empty = "A recording appears when Telnyx has saved it. “Start recording” on a call's page begins one."
    page_template = "voice/recordings/page.html"
    list_display = ("started", "of", "status_shown", "length", "channels", "has_words", "account")
    list_display_links = ("started",)
    list_filter = (
        ("started_at", MomentRangeFilter),
        ("status", ChoicesDropdownFilter),
        ("account", RelatedDropdownFilter),
    )
    list_filter_submit = True
    list_filter_sheet = True
    sortable_by = ("started",)
    search_fields = ("recording_id__exact",)
    search_help_text = "Recording id"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Recording]:
        rows: QuerySet[Recording] = super().get_queryset(request).select_related("account", "deletion")
        return rows.defer("facts", "peaks")

    def complete(self, rows: list[Any]) -> None:
        calls = Call.objects.defer("facts").in_bulk({row.call_id for row in rows if row.call_id})
        for row in rows:
            row.of_call = calls.get(row.call_id)

    @display(description="Began", ordering="started_at")
    def started(self, recording: Recording) -> str:
        return moment(recording.started_at)

    @display(description="Of")
    def of(self, recording: Any) -> str:
        if recording.conference_id:
            return "a conference"
        call = recording.of_call if viewer().has_perm("voice.view_call") else None
        return " → ".join(phone(one, viewer()) or "?" for one in (call.from_number, call.to_number)) if call else "—"

    @display(description="State")
    def status_shown(self, recording: Recording) -> str:
        return status_badge(panel.state(recording)["badge"] or "saved")

    @display(description="Length")
    def length(self, recording: Recording) -> str:
        return format_html('<span class="portal-number">{}</span>', seconds(recording.seconds))

    @display(description="Transcript")
    def has_words(self, recording: Recording) -> str:
        return "yes" if recording.transcript else "—"

    # --- the page of a recording ----------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        ours = [
            path("<uuid:object_id>/play/", wrap(self.play_view), name="voice_recording_play"),
            path("<uuid:object_id>/peaks/", wrap(self.peaks_view), name="voice_recording_peaks"),
            path("<uuid:object_id>/remove/", wrap(self.remove_view), name="voice_recording_remove"),
            path("of/<uuid:call_id>/", wrap(self.look_up_view), name="voice_recording_look_up"),
        ]
        return [*ours, *super().get_urls()]

    def page(self, request: HttpRequest, recording: Recording) -> dict[str, Any]:
        user: Any = request.user
        may_listen = user.has_perm(panel.LISTEN)
        may_read = may_listen and may_see_whole(user)  # callers say numbers
        call = recording.call if user.has_perm("voice.view_call") else None
        lines, more_lines = listing.lines(recording) if may_read else ([], False)
        return {
            "title": "Recording",
            "recording": recording,
            "state": panel.state(recording),
            "call": call,
            "letter_a": _party(call),
            "may_listen": may_listen,
            "may_read": may_read,
            "may_delete": user.has_perm(panel.DELETE),
            "lines": lines,
            "more_lines": more_lines,
            "paths": [peaks.path(one) for one in recording.peaks or ()] if may_listen else [],
        }

    def play_view(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
        """Draw the page with the player (POST): Telnyx is asked for a fresh link, and it is noted who listens."""
        recording = self.row(request, object_id)
        if not request.user.has_perm(panel.LISTEN):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseRedirect(_page(recording))
        url, error = self._link(request, recording)
        context = self.page(request, recording) | {"media": url, "error": error}
        context |= {"may_draw": bool(url) and recording.peaks is None and not recording.peaks_error}
        answer = TemplateResponse(request, self.page_template, self.context(request) | context)
        answer.media_origin = origin(url)  # type: ignore[attr-defined]  # portal.runtime.middleware lets it be heard
        return answer

    def peaks_view(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
        """Compute the picture of a recording that is being played (POST), and keep it."""
        recording = self.row(request, object_id)
        if not request.user.has_perm(panel.LISTEN):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if recording.peaks is None and not recording.peaks_error:
            self._draw(recording)
        return TemplateResponse(request, "voice/recordings/peaks.html", self.page(request, recording))

    def remove_view(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
        """Ask whether to delete the file at Telnyx; on POST make the command."""
        recording = self.row(request, object_id)
        if not request.user.has_perm(panel.DELETE):
            raise PermissionDenied
        if request.method == "POST":
            try:
                intent = str(uuid.UUID(request.POST.get("intent", "")))
            except ValueError:
                messages.error(request, "Nothing was deleted: this form was not whole. Confirm once more.")
                return HttpResponseRedirect(request.path)
            try:
                command = service.delete(recording, actor_of(request), intent=intent)
            except (InvalidParameters, PortalRefusal) as error:
                messages.error(request, seen(str(error)))
            else:
                return wake_and_return(request, command, _page(recording))
        context = {"title": "Delete recording", "recording": recording, "intent": uuid.uuid4()}
        context |= {"state": panel.state(recording)}
        return TemplateResponse(request, "voice/recordings/remove.html", self.context(request) | context)

    def look_up_view(self, request: HttpRequest, call_id: uuid.UUID) -> HttpResponse:
        """Ask Telnyx which recordings it has of a call (POST), and keep what no webhook told."""
        if not request.user.has_perms(["voice.view_call", "voice.view_recording"]):
            raise PermissionDenied
        call = get_object_or_404(Call.objects.select_related("account"), pk=call_id)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            found = service.look_up(call)
        except TelnyxError as error:
            messages.error(request, str(error))
        else:
            words = {0: "Telnyx has no recording of this leg.", 1: "Telnyx has one recording of this leg."}
            told = words.get(found.count, f"Telnyx has {found.count:,} recordings of this leg.")
            if found.complete:
                messages.info(request, told)
            else:
                were = "One recording was" if found.count == 1 else f"{found.count:,} recordings were"
                messages.warning(request, _NOT_WHOLE.format(were))
        return HttpResponseRedirect(reverse("admin:voice_call_change", args=[call.pk]))

    def _link(self, request: HttpRequest, recording: Recording) -> tuple[str, str]:
        """Return a fresh link that this person may be given, or why there is none."""
        try:
            return service.listen(recording, actor_of(request)), ""
        except (PortalRefusal, TelnyxError) as error:
            return "", str(error)

    def _draw(self, recording: Recording) -> None:
        try:
            url = service.fresh_link(recording)
            if not url or not service.may_be_fetched(recording.account, url):
                return
            if ".wav" not in url.partition("?")[0]:
                raise peaks.NotDrawn(peaks.NO_WAV)
            recording.peaks = peaks.of_wav(files.read_file(url))
        except TelnyxError:
            return  # next time, perhaps
        except peaks.NotDrawn as error:
            recording.peaks_error = str(error)
        recording.save(update_fields=["peaks", "peaks_error"])


def _party(call: Call | None) -> str:
    """Name who is on the first channel: the leg that was recorded (the SDK's ``start_recording``, ``channels``)."""
    if call is None:
        return "the recorded leg"
    return {"incoming": "the caller", "outgoing": "the called party"}.get(call.direction, "the recorded leg")


def _page(recording: Recording) -> str:
    return reverse("admin:voice_recording_change", args=[recording.pk])
