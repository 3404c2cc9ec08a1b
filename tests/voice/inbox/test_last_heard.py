"""When an application was last heard of, and what of it had to be fetched."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from applications.models import CallControlApplication, TexmlApplication
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.factories import CONNECTION
from tests.support.rows import CallEvent
from tests.support.times import ago
from voice.inbox.last_heard import LastHeard

pytestmark = pytest.mark.django_db


def text(answer: Any) -> str:
    """Without tags and with single spaces."""
    return " ".join(strip_tags(answer.content.decode()).replace("\xa0", " ").split())


@pytest.mark.parametrize("model", [CallControlApplication, TexmlApplication])
def test_an_applications_page_says_when_it_was_heard_and_what_was_recovered(
    browser: Client, account: TelnyxAccount, model: type[CallControlApplication]
) -> None:
    here = {"account": account, "telnyx_id": CONNECTION}
    row = model.objects.create(**here)
    page = reverse(f"admin:applications_{model._meta.model_name}_change", args=[row.pk])
    assert "Nothing has been heard of it yet" in browser.get(page).content.decode()
    store(account, "backfill", 60)
    store(account, "backfill", 25 * 3600)
    store(account, "webhook", 30, status="dead")
    store(account, "webhook", 40, connection_id="another")
    shown = text(browser.get(page))
    assert "Nothing has been heard of it yet" in shown
    assert "1 event recovered in the last 24 hours: no webhook had brought it." in shown
    store(account, "webhook" if model is CallControlApplication else "texml", 3 * 60)
    store(account, "webhook", 4 * 60)
    store(account, "backfill", 30)
    store(make_account("other"), "backfill", 20)
    answer = browser.get(page)
    assert "Last heard from Telnyx 3 minutes ago; 2 events recovered in the last 24 hours" in text(answer)
    (events,) = re.findall(r'href="([^"]+source__exact=backfill[^"]+)"', answer.content.decode())
    listed = browser.get(unescape(events)).context["cl"].result_list
    assert [(event.source, event.account) for event in listed] == [("backfill", account)] * 2


@pytest.mark.parametrize(("recovered", "words"), [(1, "1"), (1000, "1,000"), (1001, "more than 1,000")])
def test_very_many_recovered_events_are_told_as_more_than_a_thousand(recovered: int, words: str) -> None:
    assert LastHeard(None, recovered, "", "").recovered_words == words


def store(account: TelnyxAccount, source: str, seconds: float, **columns: Any) -> None:
    told = {"event_type": "call.answered", "status": "processed", "connection_id": CONNECTION, "body": b"{}"} | columns
    key = f"{source} {seconds}"
    CallEvent.objects.create(account=account, source=source, received_at=ago(seconds), dedupe_key=key, **told)
