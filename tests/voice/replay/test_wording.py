"""A replay in words, for those who may see numbers and for those who may not."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from portal.models import TelnyxAccount
from portal.view_times import TimePreference
from tests.support.events import tell
from tests.support.factories import FROM, make_event, run_owed
from tests.support.replay_pages import look, text
from tests.support.replays import ROOM
from tests.support.rows import Call, CallEvent, Conference, ConferenceParticipant, Replay
from tests.support.webhooks import post_webhook

pytestmark = pytest.mark.django_db
ONLY = "voice.replay_event"


def test_it_says_clearly_that_nothing_would_change(browser: Client, account: TelnyxAccount) -> None:
    assert post_webhook(Client(), account, make_event()).status_code == 200
    run_owed()
    assert "Nothing would change: every call is already what these events tell." in text(browser.get(look(browser)))
    none = text(browser.get(look(browser, statuses="dead")))
    assert "No event is like that." in none
    assert "Run again" not in none


def test_times_of_a_replay_say_that_they_are_utc(browser: Client, operator: User, wrong_call: Call) -> None:
    TimePreference.objects.create(user=operator, time_zone="Asia/Tokyo")
    CallEvent.objects.filter(event_type="call.hangup").update(status="dead")
    page = text(browser.get(look(browser, received_from="2020-01-01 09:00:00+09:00")))
    assert "received from 2020-01-01 00:00:00 UTC" in page
    hung_up = CallEvent.objects.get(event_type="call.hangup")
    ended = hung_up.occurred_at.replace(tzinfo=None).isoformat(" ", "milliseconds")
    assert f"Ended nothing → {ended} UTC" in page
    assert f"{hung_up.received_at:%Y-%m-%d %H:%M:%S} UTC" in page
    assert f"{Replay.objects.get().created_at:%Y-%m-%d %H:%M} UTC" in str(Replay.objects.get())


def test_a_room_a_seat_in_it_and_an_event_are_named(browser: Client, account: TelnyxAccount) -> None:
    tell(account, make_event(seconds=-60), make_event("conference.participant.joined", -50, conference_id=ROOM))
    tell(account, make_event("call.hangup", -40))
    CallEvent.objects.filter(event_type="call.hangup").update(status="dead")
    Conference.objects.update(connection_id="")
    ConferenceParticipant.objects.update(joined_at=None)
    parts = browser.get(look(browser)).context["parts"]
    titles = {part["title"]: [one.title for one in part["told"]] for part in parts}
    room, seat = "Conference …ef9657c1", "Conference …ef9657c1, leg …v3:a-leg"
    assert titles == {"Conferences": [room, seat], "Quarantined, dead and failed events": ["Hung up"]}


def test_numbers_are_masked_for_those_who_may_not_see_them(signed_in: Any, wrong_call: Call) -> None:
    masked, whole = signed_in(ONLY, username="a"), signed_in(ONLY, "voice.view_full_number", username="b")
    page = look(masked)
    assert "+1312•••0101" in text(masked.get(page))
    assert FROM not in masked.get(page).content.decode()
    assert FROM[::-1] not in masked.get(page).content.decode()
    assert "+1 312-555-0101" in text(whole.get(page))


@pytest.mark.parametrize(
    ("spoiled", "said", "unsaid"),
    [
        ({"from_reversed": "gone"}, "From, for the search put right", "From nothing"),
        ({"from_reversed": "", "from_number": ""}, "From nothing → +1 312-555-0101", "for the search"),
    ],
)
def test_a_number_that_is_put_right_for_the_search_alone_is_told_without_its_digits(
    browser: Client, account: TelnyxAccount, spoiled: dict[str, str], said: str, unsaid: str
) -> None:
    tell(account, make_event())
    Call.objects.update(**spoiled)
    page = text(browser.get(look(browser)))
    assert (said in page, unsaid in page, FROM[:0:-1] in page) == (True, False, False)


@pytest.mark.parametrize("is_gone", [False, True])
def test_what_stays_and_is_told_by_another_event_is_named_unless_all_of_the_call_is_new(
    browser: Client, account: TelnyxAccount, is_gone: bool
) -> None:
    tell(account, make_event())
    if is_gone:
        Call.objects.all().delete()
    else:
        Call.objects.update(facts={}, to_number="", to_reversed="")
    (part,) = browser.get(look(browser)).context["parts"]
    (one,) = part["told"]
    told = {what: after for what, _, after in one.pairs}
    assert told["To"] == "+1 312-555-0199"
    names = told.get("Now told by another event", "").split(", ")
    assert ({"from", "state"} <= set(names), "to" in names) == (not is_gone, False)  # what changed is told above
