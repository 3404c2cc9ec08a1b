"""Pages are written in their reader's zone, and nobody else's request is."""

from datetime import UTC, datetime
from typing import Any

from django.test import Client

from portal.view_times import TimePreference, current
from tests.support.factories import make_call, make_flow
from voice.models import Flow


def test_a_page_shows_the_readers_zone_with_utc_beside_it(browser: Client, operator: Any, account: Any) -> None:
    flow = make_flow(account, {"event_type": "call.answered", "do": [{"action": "hangup"}]})
    at = datetime(2026, 7, 1, 22, 30, 15, tzinfo=UTC)
    Flow.history.update(history_date=at)
    address = f"/admin/voice/flow/{flow.pk}/history/"
    assert ">2026-07-01 22:30:15</time>" in browser.get(address).content.decode()
    TimePreference.objects.create(user=operator, time_zone="Europe/Berlin", order="dots")
    page = browser.get(address).content.decode()
    assert 'datetime="2026-07-01T22:30:15Z" title="2026-07-01 22:30:15 UTC">02.07.2026 00:30:15</time>' in page
    assert current().name == "UTC"  # once it is answered


def test_rest_stays_in_utc(api: Any, operator: Any, account: Any) -> None:
    TimePreference.objects.create(user=operator, time_zone="Asia/Tokyo")
    call = make_call(account, "a")
    assert (
        api.get("/api/v1/calls/").json()["results"][0]["started_at"].startswith(f"{call.started_at:%Y-%m-%dT%H:%M:%S}")
    )


def test_a_zone_that_is_gone_is_utc(browser: Client, operator: Any) -> None:
    TimePreference.objects.create(user=operator, time_zone="Gone/Away")
    assert "in UTC" in browser.get("/admin/preferences/").content.decode()
