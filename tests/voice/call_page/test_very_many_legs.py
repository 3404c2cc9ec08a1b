"""A session of more legs than are listed: each of them has its page, its reason and its bundle."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from tests.support.call_pages import page
from tests.support.rows import Call
from voice.calls import search

pytestmark = pytest.mark.django_db


@pytest.fixture
def last(account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch) -> Call:
    """The last leg of a session of three more legs than are listed."""
    monkeypatch.setattr(search, "_MOST_LEGS", 20)
    begun, session = timezone.now() - timedelta(hours=1), str(uuid.uuid4())
    told: dict[str, Any] = {"account": account, "call_session_id": session, "state": "ended", "connection_id": "1"}
    told |= {"hangup_cause": "normal_clearing", "ended_at": begun + timedelta(minutes=9)}
    legs = [
        Call(call_control_id=f"v3:{at}", call_leg_id=str(at), started_at=begun + timedelta(seconds=at), **told)
        for at in range(23)
    ]
    Call.objects.bulk_create(legs)
    return legs[-1]


def test_it_is_shown_explained_and_taken_away(browser: Client, last: Call) -> None:
    for what in ("change", "drawer", "bundle"):
        assert browser.get(page(last, what)).status_code == 200, what


def test_it_is_explained_over_rest(api: APIClient, last: Call) -> None:
    told = api.get(f"/api/v1/calls/{last.call_control_id}/explanation/")
    assert (told.status_code, told.json()["call_control_id"]) == (200, last.call_control_id)
