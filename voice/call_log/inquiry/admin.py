"""Asks Telnyx for what a search did not find (POST), and brings a session in from its record (POST)."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone

from portal.actors import actor_of
from portal.models import TelnyxAccount
from portal.telnyx.errors import TelnyxError
from portal.texts import pluralised
from voice.call_log import query as queries
from voice.call_log.inquiry import inquiry
from voice.calls import search
from voice.recovery import imports
from voice.wakeups import wake_event

_NEEDED = ("voice.view_call", "voice.view_callevent")
_IMPORTS = (*_NEEDED, "voice.recover_events")
_NOT_WHOLE = (
    "Not all was read: Telnyx was slow, and a second import may bring more, or it has over 1,000 entries of it."
)
_MOST_WOKEN = 50  # the sweep takes the others


def _ask(request: HttpRequest) -> HttpResponse:
    """Ask each account that the search is of, and draw what it said: alone for the list, else as a page."""
    _check(request, *_NEEDED)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    text = request.POST.get("q", "")[:1000]
    asked = queries.read(text, request.user, actor=actor_of(request))
    (wanted, left), whom = inquiry.questions(asked), inquiry.accounts(asked)
    context = {
        "text": text,
        "asked": asked,
        "wanted": wanted,
        "of_address": any(one.parties for one in wanted),
        "asked_at": timezone.now(),
        "answers": inquiry.ask_all(whom[: inquiry.MOST_ACCOUNTS], wanted) if wanted else [],
        "not_asked_for": left,
        "not_asked": whom[inquiry.MOST_ACCOUNTS :],
        "may_import": request.user.has_perms(_IMPORTS),
        "back": queries.address(text),
    }
    if request.headers.get("HX-Request"):
        return TemplateResponse(request, "voice/call_log/asked.html", context)
    whole = {**admin.site.each_context(request), "title": "What Telnyx knows", **context}
    return TemplateResponse(request, "voice/call_log/asked_page.html", whole)


def _import(request: HttpRequest) -> HttpResponse:
    """Bring in the session, or the leg, that is named; Telnyx is asked anew for what it has of it."""
    _check(request, *_IMPORTS)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    account, wanted = _named(request)
    if account is None or not wanted:
        messages.error(request, "account, session, leg: this form names none that there is. Ask Telnyx anew.")
    else:
        try:
            _tell(request, imports.bring(account, wanted, actor_of(request)))
        except TelnyxError as error:
            messages.error(request, str(error))
    return HttpResponseRedirect(queries.address(request.POST.get("q", "")[:1000]))


def _named(request: HttpRequest) -> tuple[TelnyxAccount | None, dict[str, str]]:
    told = {
        name: value
        for name, member in (("application_session_id", "session"), ("leg_id", "leg"))
        if search.UUID.fullmatch(value := request.POST.get(member, ""))
    }
    try:
        account = TelnyxAccount.objects.filter(pk=uuid.UUID(request.POST.get("account", ""))).first()
    except ValueError:
        return None, {}
    return account, dict(list(told.items())[:1])  # all legs of the session, where Telnyx told it


def _tell(request: HttpRequest, brought: imports.Brought) -> None:
    for event in brought.events[:_MOST_WOKEN]:
        wake_event(event.pk)
    if count := len(brought.events):
        told = f"{pluralised(count, 'event', 'events')} came in from Telnyx's record. Search again in a moment."
        messages.success(request, told)
    elif brought.is_whole and not brought.young and not brought.elsewhere:
        messages.info(request, "Everything that Telnyx has of it is here already.")
    if brought.young:
        messages.info(request, "What is younger than two minutes was left: its webhooks may be on the way.")
    if brought.elsewhere:
        messages.warning(request, "It ran in an application whose webhooks go elsewhere: that was left where it is.")
    if not brought.is_whole:
        messages.warning(request, _NOT_WHOLE)


def _check(request: HttpRequest, *permissions: str) -> None:
    user: Any = request.user
    if not user.has_perms(permissions):
        raise PermissionDenied


def _add(site: Any) -> None:
    pages = (("ask-telnyx", _ask, "voice_call_ask"), ("import", _import, "voice_call_import"))
    site.add_pages([path(f"voice/call/{at}/", site.admin_view(view), name=name) for at, view, name in pages])


_add(admin.site)
