"""Draws the page that takes calls out as a file, and says how far that is."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse

from portal import sql
from portal.actors import actor_of
from portal.admin.site import answer_dialog
from portal.masking import may_see_whole
from voice.call_log import query
from voice.exports import service
from voice.exports.columns import COLUMNS, SHOWN
from voice.exports.files import answer_with
from voice.exports.formats import FORMATS
from voice.models import CallExport


def _page(request: HttpRequest) -> HttpResponseBase:
    """Show what can be taken out of a search; on POST answer with the file."""
    _check(request)
    if request.method == "POST":
        return _file(request)
    return _draw(request, request.GET.get("q", "")[:1000])


def _file(request: HttpRequest) -> HttpResponseBase:
    asked, actor = request.POST.get("q", "")[:1000], actor_of(request)
    try:
        found = query.read(asked, request.user, actor=actor)
        export = service.begin(found, request.POST.get("format", ""), _names(request), actor, _identifier(request))
    except service.ExportRefused as refused:
        messages.error(request, f"{refused.field}: {refused.words}" if refused.field else refused.words)
        return _draw(request, asked, status=400)
    return answer_with(export)


def _names(request: HttpRequest) -> list[str]:
    which, ticked = request.POST.get("which"), request.POST.getlist("columns")
    if which == "chosen" and not ticked:
        raise service.ExportRefused("columns", "Tick at least one, or take those of the list.")
    return ticked if which == "chosen" else [column.name for column in COLUMNS] if which == "all" else list(SHOWN)


def _identifier(request: HttpRequest) -> uuid.UUID:
    try:
        return uuid.UUID(request.POST.get("id", ""))
    except ValueError:
        raise service.ExportRefused("id", "This form is not complete. Open the page anew.") from None


def _draw(request: HttpRequest, asked: str, status: int = 200) -> HttpResponse:
    # read without a search: what somebody may not see whole is noted and limited when they export, not before
    sent = request.POST
    context = {
        **admin.site.each_context(request),
        "title": "Export calls",
        "asked": asked,
        "back": query.address(asked),
        "formats": FORMATS.values(),
        "columns": COLUMNS,
        "shown": SHOWN,
        "chosen": form if (form := sent.get("format", "")) in FORMATS else next(iter(FORMATS)),
        "which": sent.get("which", "shown"),
        "ticked": sent.getlist("columns") if sent else SHOWN,
        "identifier": uuid.uuid4(),
        "may_see_numbers": may_see_whole(request.user),
        "most": service.MOST_OF_ONE,
        **_running(request),
    }
    return TemplateResponse(request, "voice/exports/page.html", context, status=status)


def _progress(request: HttpRequest) -> HttpResponse:
    """Draw the exports of who asks, as far as they are."""
    _check(request)
    return TemplateResponse(request, "voice/exports/progress.html", _running(request))


def _cancel(request: HttpRequest, export_id: uuid.UUID) -> HttpResponseBase:
    """Cancel an export of who asks (POST)."""
    _check(request)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    row = get_object_or_404(CallExport, pk=export_id, user=request.user)
    if not service.cancel(row, actor_of(request)):
        messages.info(request, "This export is over already.")
    return answer_dialog(request, reverse("admin:voice_exports"))


def _running(request: HttpRequest) -> dict[str, Any]:
    now = sql.clock()
    return {"exports": [(row, row.is_running(now)) for row in service.latest(request.user)]}


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm("voice.view_call"):
        raise PermissionDenied


def _add(site: Any) -> None:
    found: tuple[tuple[str, Any, str], ...] = (
        ("", _page, "voice_exports"),
        ("progress/", _progress, "voice_exports_progress"),
        ("<uuid:export_id>/cancel/", _cancel, "voice_exports_cancel"),
    )
    site.add_pages([path(f"voice/call/export/{at}", site.admin_view(view), name=name) for at, view, name in found])


_add(admin.site)
