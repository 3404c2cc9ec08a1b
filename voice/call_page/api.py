"""Serves over REST the picture of a session, and the bundle for a ticket."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from portal.rest.viewsets import ACCOUNT, PortalViewSet
from voice.call_page import bundle, picture
from voice.call_page.session import Session
from voice.calls.api import call_of_address, session_of_address
from voice.calls.timeline import Story
from voice.models import Call


class _FileViewSet(PortalViewSet):
    queryset = Call.objects.select_related("account")
    serializer_class = serializers.Serializer
    scope = "calls"
    permissions = {"timeline": "voice.view_call", "bundle": "voice.view_call"}
    parameters = {"timeline": (), "bundle": ()}

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Take whatever is accepted: a file is of its own type, and a refusal is JSON as everywhere."""
        return super().perform_content_negotiation(request, force=True)

    def _picture(self, call: Call) -> HttpResponse:
        return HttpResponse(picture.as_file(self._session(call)), content_type="image/svg+xml")

    def _bundle(self, call: Call) -> HttpResponse:
        session = self._session(call)
        answer = HttpResponse(bundle.packed(session, self.actor, self.request), content_type="application/zip")
        answer["Content-Disposition"] = f'attachment; filename="{bundle.file_name(session)}"'
        return answer

    def _session(self, call: Call) -> Session:
        return Session(call, Story(call, self.request.user))


class CallFileViewSet(_FileViewSet):
    """What is fetched of one leg as a file: that of its session, told from this leg."""

    @extend_schema(parameters=[ACCOUNT], responses={(200, "image/svg+xml"): OpenApiTypes.STR})
    def timeline(self, request: Request, call_control_id: str) -> HttpResponse:
        """The session as a picture: its legs as lanes, events and commands. Numbers are masked as everywhere."""
        return self._picture(self._call(call_control_id))

    @extend_schema(parameters=[ACCOUNT], responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def bundle(self, request: Request, call_control_id: str) -> HttpResponse:
        """What a ticket at Telnyx needs: ``summary.txt``, ``call.json``, webhooks, commands, the picture. Audited."""
        return self._bundle(self._call(call_control_id))

    def _call(self, call_control_id: str) -> Call:
        return call_of_address(self.get_queryset(), self.request, call_control_id)


class SessionFileViewSet(_FileViewSet):
    """What is fetched of a session as a file, told from its first leg."""

    @extend_schema(parameters=[ACCOUNT], responses={(200, "image/svg+xml"): OpenApiTypes.STR})
    def timeline(self, request: Request, call_session_id: str) -> HttpResponse:
        """The session as a picture: its legs as lanes, events and commands. Numbers are masked as everywhere."""
        return self._picture(self._first(call_session_id))

    @extend_schema(parameters=[ACCOUNT], responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def bundle(self, request: Request, call_session_id: str) -> HttpResponse:
        """What a ticket at Telnyx needs: ``summary.txt``, ``call.json``, webhooks, commands, the picture. Audited."""
        return self._bundle(self._first(call_session_id))

    def _first(self, call_session_id: str) -> Call:
        return session_of_address(self.get_queryset(), self.request, call_session_id)[0]
