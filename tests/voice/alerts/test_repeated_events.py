"""An event that comes again under another id is told: its rules may have run twice."""

import copy
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.models import TelnyxAccount
from tests.support.alerts import look, only, opened
from tests.support.events import tell
from tests.support.factories import make_event, run_owed
from tests.support.rows import Call, CallCommand, CallEvent
from tests.support.texml import form
from tests.support.times import ago
from tests.support.webhooks import post_texml

pytestmark = pytest.mark.django_db


def again(event: dict[str, Any], **payload: Any) -> dict[str, Any]:
    """The same event under an id of its own."""
    twin = copy.deepcopy(event)
    twin["data"]["id"] = str(uuid.uuid4())
    twin["data"]["payload"] |= payload
    return twin


def test_the_same_event_under_another_id_opens_an_alert_and_nothing_is_dropped(account: TelnyxAccount) -> None:
    event = make_event()
    tell(account, event)
    look()
    assert opened("repeated_events") == []
    tell(account, again(event))
    look()
    assert opened("repeated_events") == ["main"]
    assert "call.initiated" in only("repeated_events").summary
    assert CallEvent.objects.filter(status="processed").count() == 2
    look(minutes=61)
    assert opened("repeated_events") == []


def test_it_is_told_with_the_types_and_leads_to_the_events_of_the_account(account: TelnyxAccount) -> None:
    for event in (make_event(), make_event("call.answered", 1)):
        tell(account, event, again(event))
    look()
    told = only("repeated_events")
    words = "Telnyx sent events of main again under another id (call.answered, call.initiated). Each ran its rules"
    assert told.summary.startswith(words)
    assert (told.account, told.link) == (account, f"/admin/voice/callevent/?account__id__exact={account.pk}")


def test_it_is_found_whenever_the_first_one_came(account: TelnyxAccount) -> None:
    event = make_event()
    tell(account, event)
    CallEvent.objects.update(received_at="2026-01-01T00:00:00Z")
    tell(account, again(event))
    look()
    assert opened("repeated_events") == ["main"]


def test_members_in_another_order_make_no_other_event(account: TelnyxAccount) -> None:
    event = make_event()
    twin = again(event)
    twin["data"]["payload"] = dict(reversed(event["data"]["payload"].items()))
    tell(account, event, twin)
    look()
    assert opened("repeated_events") == ["main"]


@pytest.mark.parametrize(
    "other",
    [
        {"digit": "2"},
        {"call_control_id": "v3:b-leg"},
    ],
)
def test_events_that_differ_in_payload_or_leg_are_no_repeat(account: TelnyxAccount, other: dict[str, Any]) -> None:
    event = make_event("call.dtmf.received", digit="1")
    tell(account, event, again(event, **other))
    look()
    assert opened("repeated_events") == []


def test_nor_are_a_later_one_one_of_another_type_or_a_texml_callback(account: TelnyxAccount, client: Any) -> None:
    event = make_event("call.dtmf.received", digit="1")
    later, other = again(event), again(event)
    later["data"]["occurred_at"] = make_event(seconds=1)["data"]["occurred_at"]
    other["data"]["event_type"] = "call.hold"
    tell(account, event, later, other)
    for digits in ("Digits=1&SpeechResult=", "SpeechResult=&Digits=1"):
        post_texml(client, account, form(OccurredAt=event["data"]["occurred_at"]) + f"&{digits}".encode())
    run_owed()
    assert CallEvent.objects.exclude(occurred_at=None).exclude(call=None).count() == 5
    look()
    assert opened("repeated_events") == []


def test_a_round_asks_a_fixed_number_of_times_however_many_came_twice(account: TelnyxAccount) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            look()
        return len([one for one in queries if "voice_callevent" in one["sql"]])

    event = make_event()
    tell(account, event, again(event))
    look()
    few = statements()
    for at in range(20):
        event = make_event(leg=str(at))
        tell(account, event, again(event))
    assert statements() == few
    assert (Call.objects.count(), CallCommand.objects.count()) == (21, 0)


def test_of_a_call_only_what_came_twice_lately_is_told(account: TelnyxAccount) -> None:
    old, elsewhere, new = make_event("call.hold"), make_event("call.unhold", leg="b"), make_event("call.answered", 1)
    elsewhere["data"]["occurred_at"] = new["data"]["occurred_at"]
    for event in (old, elsewhere):
        tell(account, event, again(event))
    CallEvent.objects.update(received_at=ago(7200))
    tell(account, new, again(new))
    look()
    assert "again under another id (call.answered)." in only("repeated_events").summary
