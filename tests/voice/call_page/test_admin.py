"""The drawer beside the list of calls: what a call's page says first, for who may see it."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.call_pages import page
from tests.support.ending_rows import BY_ID, store
from tests.support.factories import make_call
from tests.support.rows import Call

pytestmark = pytest.mark.django_db


def test_it_says_why_and_shows_the_session_its_recordings_and_facts(browser: Client, account: TelnyxAccount) -> None:
    first, _ = store(account, BY_ID["p05-transferred-target-left-first"])
    text = browser.get(page(first, "drawer")).content.decode()
    for part in ('id="call-verdict"', "hung up after talking", '<svg xmlns="', 'id="recordings"', 'id="call-facts"'):
        assert part in text
    assert "<html" not in text
    assert "#entry-" not in text.partition("<svg")[2].partition("</svg>")[0]  # no story stands there


def test_it_takes_the_permission_of_the_page_and_hides_what_that_hides(signed_in: Any, account: TelnyxAccount) -> None:
    first, _ = store(account, BY_ID["p05-transferred-target-left-first"])
    text = signed_in("voice.view_call").get(page(first, "drawer")).content.decode()
    assert "+1312•••0143" in text
    assert "555-0143" not in text
    assert 'id="recordings"' not in text
    nobody = signed_in("voice.view_callevent", username="nobody")
    assert nobody.get(page(first, "drawer")).status_code == 403
    assert Client().get(page(first, "drawer")).status_code == 302
    gone = Call(id=uuid.uuid4())
    assert signed_in("voice.view_call", username="other").get(page(gone, "drawer")).status_code == 404


def test_it_costs_as_many_statements_however_many_legs_there_are(browser: Client, account: TelnyxAccount) -> None:
    counts = []
    for legs in (2, 18):
        now, session = timezone.now(), str(uuid.uuid4())
        ended = {"state": "ended", "ended_at": now, "hangup_cause": "normal_clearing", "call_session_id": session}
        made = [
            make_call(account, f"{legs}-{at}", started_at=now - timedelta(seconds=90 - at), **ended)
            for at in range(legs)
        ]
        browser.get(page(made[0], "drawer"))  # that somebody saw whole numbers is noted once
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(page(made[0], "drawer")).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 30
