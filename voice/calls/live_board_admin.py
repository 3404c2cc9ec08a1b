"""Draws the live board, and Telnyx's own record on a call's page: what is asked of Telnyx while somebody looks."""

import hashlib
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from portal.admin.site import as_json
from portal.telnyx.errors import TelnyxError
from voice.calls import live_board, status, telnyx_record
from voice.models import Call


def urls(admin: Any) -> list[URLPattern]:
    """List the addresses, for the call log's admin to add before its own."""
    wrap = admin.admin_site.admin_view

    def live_view(request: HttpRequest) -> HttpResponse:
        return _live(admin, request)

    return [
        path("live/", wrap(live_view), name="voice_call_live"),
        path("live/table/", wrap(_table), name="voice_call_live_table"),
        path("live/telnyx/", wrap(_ask), name="voice_call_live_telnyx"),
        path("live/refresh/<uuid:call_id>/", wrap(_refresh), name="voice_call_live_refresh"),
        path("<uuid:call_id>/telnyx-events/", wrap(_record), name="voice_call_record"),
    ]


def _live(admin: Any, request: HttpRequest) -> HttpResponse:
    """Show the page: the board as it is now, then what changes of it every 3 s while it is in sight."""
    _check(request, "voice.view_call")
    table = _drawn(request)
    context = {**admin.admin_site.each_context(request), "opts": admin.opts, "title": "Live calls"}
    return TemplateResponse(request, "voice/calls/live.html", context | {"table": table, "have": _digest(table)})


def _table(request: HttpRequest) -> HttpResponse:
    """Draw the board alone; 204, which htmx does not draw, while it is what the page already shows."""
    _check(request, "voice.view_call")
    table = _drawn(request)
    digest = _digest(table)
    if request.GET.get("have") == digest:
        return HttpResponse(status=204)
    return TemplateResponse(request, "voice/calls/live_table.html", {"table": table, "have": digest})


def _ask(request: HttpRequest) -> HttpResponse:
    """Have Telnyx asked, if 15 s have passed. What it says shows with the board's next refresh."""
    _check(request, "voice.view_call")
    live_board.ask_telnyx()
    return HttpResponse(status=204)


def _refresh(request: HttpRequest, call_id: str) -> HttpResponse:
    """Ask for the status of one call that Telnyx does not list any more (POST)."""
    _check(request, "voice.view_call")
    call = get_object_or_404(Call.objects.select_related("account"), pk=call_id)
    if request.method == "POST":
        _tell_status(request, call)
    board_page = reverse("admin:voice_call_live")
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": board_page})
    return HttpResponseRedirect(board_page)


def _tell_status(request: HttpRequest, call: Call) -> None:
    try:
        answer = status.status(call)
        if answer is None:
            messages.warning(request, "Telnyx does not know this call any more: it has ended.")
        else:
            messages.info(request, f"Telnyx was asked: the call is {status.merge_answer(call, answer).state}.")
    except TelnyxError as error:
        messages.error(request, str(error))


def _record(request: HttpRequest, call_id: str) -> HttpResponse:
    """Show Telnyx's own record of a call, for the section on its page."""
    _check(request, "voice.view_call", "voice.view_callevent")
    call = get_object_or_404(Call.objects.select_related("account"), pk=call_id)
    user: Any = request.user
    context: dict[str, Any] = {"call": call, "may_see_raw": user.has_perm("voice.view_raw_event")}
    try:
        record = telnyx_record.of_call(call)
        lines = telnyx_record.lines(record, user)
        context |= {"lines": [(line, as_json(line.detail)) for line in lines], "complete": record.complete}
    except TelnyxError as error:
        context["error"] = str(error)
    return TemplateResponse(request, "voice/calls/record.html", context)


def _drawn(request: HttpRequest) -> str:
    return render_to_string("voice/calls/live_rows.html", {"board": live_board.board_for(request.user)}, request)


def _digest(table: str) -> str:
    return hashlib.sha256(table.encode()).hexdigest()[:16]


def _check(request: HttpRequest, *permissions: str) -> None:
    if not request.user.has_perms(permissions):
        raise PermissionDenied
