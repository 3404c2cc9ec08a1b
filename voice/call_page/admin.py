"""Adds to a call's page what is fetched of it: the bundle for a ticket, the picture as a file, the list's drawer."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.module_loading import import_string

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


def drawer_view(request: HttpRequest, call_id: Any) -> HttpResponse:
    """Draw what the page says first of a call's session, for the drawer beside the list of calls."""
    session = _session(request, call_id)
    panels = [import_string(name)(request, session.call) for name in settings.CALL_DRAWER]
    return TemplateResponse(request, "voice/call_page/drawer.html", {"session": session, "panels": panels})


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
            path(f"{at}/drawer/", site.admin_view(drawer_view), name="voice_call_drawer"),
            path(f"{at}/timeline.svg", site.admin_view(picture_view), name="voice_call_picture"),
        ]
    )


_add(admin.site)
