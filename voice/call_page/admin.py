"""Adds to a call's page what is fetched from it: the bundle for a ticket, the picture as a file."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path

from portal.actors import actor_of
from voice.call_page import bundle, picture
from voice.call_page import session as sessions
from voice.call_page.session import Session
from voice.models import Call


def bundle_view(request: HttpRequest, call_id: Any) -> HttpResponse:
    """Send the bundle of a call's session."""
    session = _session(request, call_id)
    answer = HttpResponse(bundle.packed(session, actor_of(request), request), content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="{bundle.file_name(session)}"'
    return answer


def picture_view(request: HttpRequest, call_id: Any) -> HttpResponse:
    """Send the picture of a call's session as a file."""
    return HttpResponse(picture.as_file(_session(request, call_id)), content_type="image/svg+xml")


def _session(request: HttpRequest, call_id: Any) -> Session:
    if not request.user.has_perm("voice.view_call"):
        raise PermissionDenied
    call = Call.objects.select_related("account").filter(pk=call_id).first()
    if call is None:
        raise Http404
    return sessions.of(request, call)


def _add(site: Any) -> None:
    at = "voice/call/<uuid:call_id>"
    site.add_pages(
        [
            path(f"{at}/bundle/", site.admin_view(bundle_view), name="voice_call_bundle"),
            path(f"{at}/timeline.svg", site.admin_view(picture_view), name="voice_call_picture"),
        ]
    )


_add(admin.site)
