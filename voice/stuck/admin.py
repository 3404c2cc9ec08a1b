"""Shows what is stuck and why, and releases it (POST)."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from portal.actors import actor_of
from portal.admin.site import seen
from portal.refusals import PortalRefusal
from portal.telnyx.errors import TelnyxError
from voice.dispatch import circuit_breaker
from voice.models import Suspension
from voice.stuck import findings, release
from voice.suspensions import standing

_NEEDED = ("voice.view_callevent", "voice.view_callcommand")
_SHOWN = 20


def _page(request: HttpRequest) -> HttpResponse:
    """Show all of it, worst first; what is well is one line."""
    _check(request)
    sections, suspended = findings.sections(request.user), _suspended(request.user)
    context = {
        **admin.site.each_context(request),
        "title": "Stuck",
        "sections": [one for one in sections if one.rows],
        "well": [one for one in sections if not one.rows],
        "breakers": circuit_breaker.not_closed(),
        "suspended": suspended[:_SHOWN],
        "more_suspended": len(suspended) > _SHOWN,
        "silent_sweep": findings.silent_sweep(),
    }
    return TemplateResponse(request, "voice/stuck/page.html", context)


def _suspended(user: Any) -> list[str]:
    if not (user.has_perm("voice.view_suspension") or user.has_perm("voice.suspend")):
        return []
    return [standing.words(row) for row in Suspension.objects.select_related("account")[: _SHOWN + 1]]


def _release(request: HttpRequest, kind: str, verb: str, row_id: uuid.UUID) -> HttpResponse:
    """Release one thing, unless somebody owns it."""
    _check(request)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if (kind, verb) not in release.RELEASES:
        raise Http404
    try:
        messages.success(request, release.release(kind, verb, row_id, actor_of(request)))
    except release.Owned as owned:
        messages.warning(request, owned.words)
    except PortalRefusal as refused:
        messages.error(request, seen(refused.words))
    except TelnyxError as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("admin:voice_stuck"))


def _check(request: HttpRequest) -> None:
    if not request.user.has_perms(_NEEDED):
        raise PermissionDenied


def _add(site: Any) -> None:
    found = (
        ("stuck/", _page, "voice_stuck"),
        ("stuck/<slug:kind>/<slug:verb>/<uuid:row_id>/", _release, "voice_stuck_release"),
    )
    site.add_pages([path(at, site.admin_view(view), name=name) for at, view, name in found])


_add(admin.site)
