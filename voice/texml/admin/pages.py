"""Provides what TeXML's pages share: who may see them, the account, what Telnyx says or why it says nothing."""

import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils import timezone

from portal.actors import actor_of
from portal.models import TelnyxAccount
from portal.rest.pagination import PAGE_SIZE
from portal.telnyx.errors import TelnyxError
from portal.telnyx.schemas import InvalidParameters
from voice.catalogue import actions
from voice.models import CallCommand
from voice.texml import listings
from voice.texml.requests import Page

T = TypeVar("T")
_LATELY = timedelta(hours=1)  # of commands that no index finds by what they are about
_NONE = "There is nothing of this id at Telnyx (any more)."


def demand(user: Any, *permissions: str) -> None:
    if not user.has_perms(permissions):
        raise PermissionDenied


def draw(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    """Draw a page of the admin that belongs to no model."""
    frame = {**admin.site.each_context(request), "title": title}
    return TemplateResponse(request, f"voice/texml/{template}.html", frame | context)


def account_of(account_id: uuid.UUID) -> TelnyxAccount:
    return get_object_or_404(TelnyxAccount, pk=account_id)


def chosen(request: HttpRequest) -> tuple[TelnyxAccount | None, list[TelnyxAccount]]:
    """Return the account that ``?account=`` names, else the first one; and all to choose from."""
    accounts = list(TelnyxAccount.objects.order_by("name"))
    wanted = request.GET.get("account", "")
    if not wanted:
        return (accounts[0] if accounts else None), accounts
    account = next((one for one in accounts if str(one.pk) == wanted), None)
    if account is None:
        raise Http404
    return account, accounts


def asked(ask: Callable[[], T | None]) -> tuple[T | None, str]:
    """Return what Telnyx says; if nothing, why."""
    try:
        found = ask()
    except TelnyxError as error:
        return None, str(error)
    return found, "" if found is not None else _NONE


def part(
    request: HttpRequest, listed: listings.Listed, ask: Callable[[Mapping[str, str]], Page | None], at: str
) -> dict[str, Any]:
    """Read a page of a list for a page of its own or a part of one; ``at`` is the parameter with its cursor.

    A refused filter is told by ``errors``, and Telnyx is not asked.
    """
    told: dict[str, Any] = {"rows": [], "error": "", "errors": {}, "as_of": None}
    try:
        query = listings.query(listed, actor_of(request), request.GET.get(at), PAGE_SIZE)
    except InvalidParameters as error:
        return told | {"errors": error.errors, "error": " ".join(error.errors.get("cursor", []))}
    except listings.SideRefused as refused:
        return told | {"errors": {refused.side: [str(refused)]}}
    found, told["error"] = asked(lambda: ask(query))
    if found is not None:
        told |= {"rows": found.rows, "as_of": found.as_of}
        for way, neighbour in (("next", found.next), ("previous", found.previous)):
            told[way] = _turned(request, at, listings.cursor(neighbour, listed)) if neighbour else ""
    return told


def _turned(request: HttpRequest, at: str, cursor: str) -> str:
    address = request.GET.copy()
    address[at] = cursor
    return f"?{address.urlencode()}"


def commands(user: Any, **where: Any) -> list[tuple[CallCommand, str]]:
    """List what was asked of a resource lately, with its name, for who may see the journal."""
    if not user.has_perm("voice.view_callcommand"):
        return []
    rows = CallCommand.objects.filter(action__startswith="texml.", **where).order_by("-created_at")
    if "path__0" in where:
        rows = rows.filter(created_at__gt=timezone.now() - _LATELY)
    return [(row, actions.label(row.action).removeprefix("TeXML: ")) for row in rows[:20]]
