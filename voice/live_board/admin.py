"""Draws the live board, and has Telnyx asked while somebody looks."""

import hashlib
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import path, reverse

from portal.admin.site import answer_dialog
from portal.telnyx.errors import TelnyxError
from voice.calls import status
from voice.live_board import board, listings
from voice.models import Call


def _live(request: HttpRequest) -> HttpResponse:
    """Show the page: the board as it is now, then what changes of it every 3 s while it is in sight."""
    _check(request, "voice.view_call")
    table = _drawn(request)
    context = {**admin.site.each_context(request), "opts": Call._meta, "title": "Live calls"}
    return TemplateResponse(request, "voice/live_board/page.html", context | {"table": table, "have": _digest(table)})


def _table(request: HttpRequest) -> HttpResponse:
    """Draw the board alone; 204, which htmx does not draw, while it is what the page already shows."""
    _check(request, "voice.view_call")
    table = _drawn(request)
    digest = _digest(table)
    if request.GET.get("have") == digest:
        return HttpResponse(status=204)
    return TemplateResponse(request, "voice/live_board/table.html", {"table": table, "have": digest})


def _ask(request: HttpRequest) -> HttpResponse:
    """Have Telnyx asked, if 15 s have passed. What it says shows with the board's next refresh."""
    _check(request, "voice.view_call")
    listings.ask_telnyx()
    return HttpResponse(status=204)


def _refresh(request: HttpRequest, call_id: str) -> HttpResponse:
    """Ask for the status of one call that Telnyx does not list any more (POST)."""
    _check(request, "voice.view_call")
    call = get_object_or_404(Call.objects.select_related("account"), pk=call_id)
    if request.method == "POST":
        _tell_status(request, call)
    return answer_dialog(request, reverse("admin:voice_call_live"))


def _tell_status(request: HttpRequest, call: Call) -> None:
    try:
        is_known, words = status.asked(call)
        messages.add_message(request, messages.INFO if is_known else messages.WARNING, words)
    except TelnyxError as error:
        messages.error(request, str(error))


def _drawn(request: HttpRequest) -> str:
    return render_to_string("voice/live_board/rows.html", {"board": board.board_for(request.user)}, request)


def _digest(table: str) -> str:
    return hashlib.sha256(table.encode()).hexdigest()[:16]


def _check(request: HttpRequest, *permissions: str) -> None:
    if not request.user.has_perms(permissions):
        raise PermissionDenied


def _add(site: Any) -> None:
    """Add the pages below the call log's address."""
    found = (
        ("", _live, "voice_call_live"),
        ("table/", _table, "voice_call_live_table"),
        ("telnyx/", _ask, "voice_call_live_telnyx"),
        ("refresh/<uuid:call_id>/", _refresh, "voice_call_live_refresh"),
    )
    site.add_pages([path(f"voice/call/live/{at}", site.admin_view(view), name=name) for at, view, name in found])


_add(admin.site)
