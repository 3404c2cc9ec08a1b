"""A replay in words, for those who may see numbers and for those who may not."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from portal.models import TelnyxAccount
from portal.view_times import TimePreference
from tests.support.events import tell
from tests.support.factories import FROM, TO, make_event, run_owed
from tests.support.replay_pages import look, text
from tests.support.replays import ROOM
from tests.support.rows import Call, CallEvent, Conference, ConferenceParticipant, Replay, ReplayLine
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


def described(browser: Client, account: TelnyxAccount, kind: str, **line: Any) -> Any:
    """What the page of a dry run says of this one line."""
    page = look(browser, statuses="dead")
    told: dict[str, Any] = {"replay": Replay.objects.get(), "account": account, "is_rehearsed": True, "key": "one"}
    ReplayLine.objects.create(kind=kind, **told | line)
    (part,) = browser.get(page).context["parts"]
    (one,) = part["told"]
    return one


@pytest.mark.parametrize(
    ("column", "change", "told"),
    [
        ("state", ["in_progress", "completed"], ("State", "in progress", "completed")),
        ("hangup_cause", ["", "normal_clearing"], ("Ending", "nothing", "Ended normally")),
        ("is_texml", [False, True], ("TeXML", "nothing", "yes")),
        ("tags", [["a"], ["a", "b"]], ("Tags", "a", "a, b")),
        ("a_new_column", ["a", "b"], ("A new column", "a", "b")),
        ("to_reversed", ["gone", TO[::-1]], ("To, for the search", "", "put right")),
    ],
)
def test_what_a_column_holds_is_put_in_words(
    browser: Client, account: TelnyxAccount, column: str, change: list[Any], told: tuple[str, str, str]
) -> None:
    assert described(browser, account, "call", changes={column: change}).pairs == [told]


def test_a_number_that_nobody_told_is_a_question_mark(browser: Client, account: TelnyxAccount) -> None:
    one = described(browser, account, "call", about={"from": FROM}, changes={"state": ["ringing", "ended"]})
    assert (one.title, one.detail) == ("+1 312-555-0101 → ?", "")


def test_what_is_new_is_told_where_nothing_else_is(browser: Client, account: TelnyxAccount) -> None:
    one = described(browser, account, "participant", is_new=True, changes={})
    assert (one.line.is_new, one.pairs) == (True, [])


def test_of_an_event_of_which_little_is_known_nothing_is_made_up(browser: Client, account: TelnyxAccount) -> None:
    one = described(browser, account, "event", about={}, said="It is kept.")
    assert (one.detail, one.pairs, one.said) == ("", [], "It is kept.")


def test_the_status_of_a_dead_event_is_told_before_and_after(browser: Client, account: TelnyxAccount) -> None:
    tell(account, make_event())
    CallEvent.objects.update(status="dead")
    (part,) = browser.get(look(browser)).context["parts"]
    assert [one.pairs for one in part["told"]] == [[("Status", "dead", "processed")]]


def test_columns_are_told_in_the_order_in_which_people_read_a_call(browser: Client, wrong_call: Call) -> None:
    (part,) = browser.get(look(browser)).context["parts"]
    (one,) = part["told"]
    known = ("Ended", "From", "State")
    assert [what for what, _, _ in one.pairs if what in known] == ["From", "State", "Ended"]


def test_what_came_of_the_events_is_counted_in_words_and_nothing_of_what_none_came_to(
    browser: Client, account: TelnyxAccount
) -> None:
    page = look(browser, statuses="dead")
    words = {
        "changed": "Change something",
        "unchanged": "Change nothing",
        "readable": "Quarantined, can now be read",
        "through": "Dead, go through",
        "kept": "Stay quarantined",
        "waiting": "Have not had their own turn yet, and keep it",
        "failed": "Fail, and stay as they are",
        "commands": "Commands made",
    }
    Replay.objects.update(counts={name: at for at, name in enumerate(words, 1)})
    assert browser.get(page).context["counts"] == list(enumerate(words.values(), 1))
    Replay.objects.update(counts={"kept": 0, "failed": 2})
    assert browser.get(page).context["counts"] == [(2, words["failed"])]
