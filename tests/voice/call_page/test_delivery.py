"""How webhooks came in and commands went out."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.call_pages import page
from tests.support.commands import act
from tests.support.ending_rows import BY_ID, store
from tests.support.factories import make_call
from tests.support.rows import Call, CallCommand, CallEvent

pytestmark = pytest.mark.django_db


def delivery(client: Client, call: Call) -> str:
    text = client.get(page(call)).content.decode()
    part = re.split(r'id="(?:notes|call-poll)"', text[text.index('id="call-delivery"') :])[0]
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", part).split()))


def came(account: TelnyxAccount, call: Call, key: str, late: float, **columns: Any) -> None:
    at = call.started_at
    values = {"event_type": "call.answered", "source": "webhook", "status": "processed", "attempt": 1, "body": b""}
    CallEvent.objects.create(
        **({"account": account, "call": call, "dedupe_key": key, "occurred_at": at} | values | columns),
        received_at=at + timedelta(seconds=late),
        processed_at=at + timedelta(seconds=late + 0.2),
    )


def test_delays_tries_and_what_was_fetched_stand_out(browser: Client, account: TelnyxAccount) -> None:
    call = make_call(account)
    came(account, call, "a", 0.3)
    came(account, call, "b", 0.5)
    came(account, call, "c", 9, attempt=2)
    told = delivery(browser, call)
    assert "3 webhooks, usually after 0.5 s, the slowest after 9.0 s, 1 late or sent again" in told
    came(account, call, "d", 3600, source="backfill")
    told = delivery(browser, call)
    assert "3 webhooks, usually after 0.5 s, the slowest after 9.0 s, 1 late or sent again, 1 brought by" in told
    CallEvent.objects.exclude(source="backfill").delete()
    assert "no webhook came, 1 brought by no webhook but fetched" in delivery(browser, call)


def test_a_command_says_how_long_it_waited_and_why(browser: Client, account: TelnyxAccount) -> None:
    (call,) = store(account, BY_ID["p26-in-answer-held-back"])
    told = delivery(browser, call)
    assert "1 command held back" in told
    assert "Telnyx rejects the account's key" in told
    assert "never sent" in told


def test_a_command_that_waits_is_not_sent_yet(browser: Client, account: TelnyxAccount) -> None:
    call = make_call(account)
    command = act(call, "hangup")
    told = delivery(browser, call)
    assert ("not sent yet" in told, "never sent" in told) == (True, False)
    CallCommand.objects.filter(pk=command.pk).update(status="expired", error="Too late.")
    told = delivery(browser, call)
    assert ("not sent yet" in told, "never sent" in told) == (False, True)


def test_a_call_without_a_webhook_says_so_and_leads_to_the_inbox(browser: Client, account: TelnyxAccount) -> None:
    told = delivery(browser, make_call(account))
    assert "no webhook came" in told
    assert "No webhook of this call came in." in told


def test_it_is_for_who_may_see_events_or_commands(signed_in: Any, account: TelnyxAccount) -> None:
    (call,) = store(account, BY_ID["p26-in-answer-held-back"])
    assert (
        delivery(signed_in("voice.view_call"), call) == 'id="call-delivery"> <div class="portal-grid portal-grid-side"'
    )
    told = delivery(signed_in("voice.view_call", "voice.view_callevent", username="b"), call)
    assert "2 webhooks" in told
    assert "never sent" not in told


def test_who_may_see_commands_alone_is_told_nothing_of_webhooks(signed_in: Any, account: TelnyxAccount) -> None:
    call, client = make_call(account), signed_in("voice.view_call", "voice.view_callcommand")
    assert "Delivery" not in delivery(client, call)
    act(call, "hangup")
    told = delivery(client, call)
    assert ("not sent yet" in told, "webhook" in told.lower()) == (True, False)


def test_who_may_not_open_the_inbox_is_not_led_there(signed_in: Any, account: TelnyxAccount) -> None:
    text = signed_in("voice.view_call", "voice.view_callevent").get(page(make_call(account))).content.decode()
    assert ("No webhook of this call came in." in text, reverse("admin:voice_inbox") in text) == (True, False)


def test_a_page_of_many_says_that_it_cuts(browser: Client, account: TelnyxAccount) -> None:
    call, now = make_call(account), timezone.now()
    CallEvent.objects.bulk_create(
        CallEvent(
            account=account, call=call, dedupe_key=str(n), source="webhook", received_at=now, event_type="x", body=b""
        )
        for n in range(101)
    )
    told = delivery(browser, call)
    assert "over 100 webhooks" in told
    assert "The first 100 of each are listed." in told
