"""Picture and bundle over REST."""

import io
from typing import Any
from zipfile import ZipFile

import pytest
from rest_framework.test import APIClient

from portal.models import AuditEvent, TelnyxAccount
from tests.support.ending_rows import BY_ID, store
from tests.support.rest import api_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def addresses(account: TelnyxAccount) -> tuple[str, str]:
    first, _ = store(account, BY_ID["p05-transferred-target-left-first"])
    return f"/api/v1/calls/{first.call_control_id}/", f"/api/v1/sessions/{first.call_session_id}/"


def test_leg_and_session_have_a_picture_and_a_bundle(api: APIClient, addresses: tuple[str, str]) -> None:
    for at in addresses:
        drawn = api.get(f"{at}timeline.svg", HTTP_ACCEPT="image/svg+xml")
        assert (drawn.status_code, drawn["Content-Type"]) == (200, "image/svg+xml")
        assert drawn.content.startswith(b"<svg")
        packed = api.get(f"{at}bundle/", HTTP_ACCEPT="application/zip")
        assert (packed.status_code, packed["Content-Type"]) == (200, "application/zip")
        assert "summary.txt" in ZipFile(io.BytesIO(packed.content)).namelist()
    assert AuditEvent.objects.filter(action="call.bundle").count() == 2


def test_what_is_not_there_is_a_problem(api: APIClient, account: TelnyxAccount) -> None:
    for at in ("calls/none", "sessions/00000000-0000-0000-0000-000000000000"):
        for what in ("timeline.svg", "bundle/"):
            answer = api.get(f"/api/v1/{at}/{what}", HTTP_ACCEPT="image/svg+xml")
            assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_they_are_for_who_may_see_calls(user_with: Any, addresses: tuple[str, str]) -> None:
    for what in ("timeline.svg", "bundle/"):
        assert api_for(user_with(username=what)).get(addresses[0] + what).status_code == 403
