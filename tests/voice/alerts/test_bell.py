"""The bell counts what is open and not muted, for who may see alerts."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from voice.models import Alert, AlertMute

BELL = 'aria-label="{} open"'


def raise_alert(subject: str) -> None:
    now = timezone.now()
    Alert.objects.create(kind="dead_events", subject=subject, summary="x", opened_at=now, seen_at=now)


def test_it_counts_what_is_open_and_not_muted(browser: Client) -> None:
    assert BELL.format("No alerts are") in browser.get("/admin/preferences/").content.decode()
    raise_alert("one")
    assert BELL.format("1 alert is") in browser.get("/admin/preferences/").content.decode()
    raise_alert("two")
    page = browser.get("/admin/preferences/").content.decode()
    assert BELL.format("2 alerts are") in page
    assert 'href="/admin/voice/alert/"' in page
    AlertMute.objects.create(subject="two", reason="known", by="ada", created_at=timezone.now())
    assert BELL.format("1 alert is") in browser.get("/admin/preferences/").content.decode()


def test_it_hangs_for_nobody_else(client: Client, user_with: Any) -> None:
    raise_alert("one")
    client.force_login(user_with("voice.view_call"))
    assert "alert is open" not in client.get("/admin/preferences/").content.decode()


@pytest.mark.parametrize(("count", "text"), [(99, "99"), (100, "99+")])
def test_of_very_many_it_says_that_there_are_more(browser: Client, count: int, text: str) -> None:
    for at in range(count):
        raise_alert(str(at))
    page = browser.get("/admin/preferences/").content.decode()
    assert BELL.format(f"{count} alerts are") in page
    assert f"<b>{text}</b>" in page
