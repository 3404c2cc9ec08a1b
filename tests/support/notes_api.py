"""A REST view of the tests' own, and the URLs that serve it beside the portal's."""

import threading
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import OperationalError
from django.urls import include, path
from django.utils import timezone
from django.utils.translation import gettext_lazy
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from portal.models import Heartbeat
from portal.rest.viewsets import PortalViewSet
from portal.telnyx.errors import TelnyxRefused, TelnyxUnavailable, TelnyxUncertain

NOTES = "/api/v1/notes/"


class Notes(PortalViewSet):
    """A view of the tests' own: its POST leaves a row, and fails as told."""

    scope = "calls"
    permissions = {"create": "voice.dial", "list": "voice.view_call"}
    entered, leave = threading.Event(), threading.Event()

    def create(self, request) -> Response:
        name = str(request.data["name"])
        if name == "slow":
            self.entered.set()
            assert self.leave.wait(60)
        Heartbeat.objects.create(name=f"{name}-{Heartbeat.objects.count()}", at=timezone.now())
        if name in FAILURES:
            raise FAILURES[name]
        headers = {"Location": f"{NOTES}{name}/", "ETag": f'"of {name}"'}
        told = {"name": name, "count": Heartbeat.objects.count()}
        return Response({"odd": told | ODD, "list": [told], "none": None}.get(name, told), 201, headers=headers)

    def list(self, request) -> Response:
        return Response([])


ODD: dict[str, object] = {  # what JSON has no type for
    "id": uuid.UUID(int=1),
    "sum": Decimal("1.10"),
    "at": datetime(2026, 1, 2, tzinfo=UTC),
    "words": gettext_lazy("Yes"),
    "all": (1, 2),
}
FAILURES = {
    "refused": TelnyxRefused("no", code="90018", http_status=422),
    "field": TelnyxRefused("no", fields={"to": ["is not a number"]}, http_status=422),
    "unavailable": TelnyxUnavailable("later", retry_after=17),
    "uncertain": TelnyxUncertain("who knows"),
    "lost": OperationalError("server closed the connection unexpectedly"),  # behind the commit
    "bug": RuntimeError("a bug with a secret in it"),
}
router = SimpleRouter()
router.register("notes", Notes, basename="note")
handler400, handler404 = "portal.rest.problems.bad_request", "portal.rest.problems.not_found"
handler500 = "portal.rest.problems.server_error"
urlpatterns = [path("api/v1/", include(router.urls)), path("", include("portal.urls"))]
notes = pytest.mark.urls("tests.support.notes_api")
