"""The ways from stored events to a replay of them."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from portal.models import TelnyxAccount
from portal.view_times import TimePreference
from tests.support.factories import make_call
from tests.support.replay_pages import look, selected, text
from tests.support.rows import Call, CallEvent, Conference, Replay

pytestmark = pytest.mark.django_db


def test_the_list_of_events_brings_its_filter_along(browser: Client, wrong_call: Call) -> None:
    query = "status__exact=processed&source__exact=webhook&event_type=call.hangup&q=v3:a-leg"
    listed = browser.get(f"/admin/voice/callevent/?{query}")
    address = re.search(r'href="(/admin/voice/replay/new/[^"]+)"', listed.content.decode())
    assert address
    within = "&received_at_from_0=2020-01-01&received_at_from_1=00:00:00"
    told = browser.get(address[1].replace("&amp;", "&") + within)
    assert "1 event is like that." in text(told)
    assert 'value="call.hangup"' in told.content.decode()
    assert 'value="v3:a-leg"' in told.content.decode()
    assert 'value="2020-01-01 00:00:00+00:00"' in told.content.decode()


def make_event_at(account: TelnyxAccount, at: str, **columns: Any) -> CallEvent:
    told = {"event_type": "call.answered", "status": "processed", "source": "webhook", "body": b"{}"}
    received = datetime.fromisoformat(at).replace(tzinfo=UTC)
    return CallEvent.objects.create(account=account, dedupe_key=at, received_at=received, **told | columns)


def listed_and_replayed(browser: Client, **query: str) -> tuple[set[Any], set[Any]]:
    """The events that the list shows, and those that the replay to which it leads looks at."""
    listed = browser.get("/admin/voice/callevent/", query)
    told = browser.get(listed.context["replay_url"])
    form = told.context["form"]
    assert form.is_valid(), form.errors
    selected = form.selection().rows().values_list("pk", flat=True)
    return {row.pk for row in listed.context["cl"].result_list}, set(selected)


@pytest.mark.parametrize(
    ("zone", "clock"),
    [("Europe/Berlin", ("10:00", "11:00")), ("Asia/Tokyo", ("17:00", "18:00")), ("America/Santiago", ("4:00", "5:00"))],
)
def test_a_replay_takes_what_the_list_shows_in_the_zone_of_who_looks(
    browser: Client, operator: User, account: TelnyxAccount, zone: str, clock: tuple[str, str]
) -> None:
    TimePreference.objects.create(user=operator, time_zone=zone)
    wanted, _ = (make_event_at(account, at) for at in ("2026-06-01T08:30", "2026-06-01T10:30"))
    asked = {f"received_at_{end}_0": "2026-06-01" for end in ("from", "to")}
    asked |= {f"received_at_{end}_1": at for end, at in zip(("from", "to"), clock, strict=True)}
    assert listed_and_replayed(browser, **asked) == ({wanted.pk}, {wanted.pk})


@pytest.mark.parametrize(
    ("zone", "day", "within", "beyond"),
    [
        ("UTC", "2026-06-01", "2026-06-01T23:59:59.5", "2026-06-02T00:00"),
        ("Europe/Berlin", "2026-06-01", "2026-05-31T22:30", "2026-06-01T22:30"),
        ("Europe/Berlin", "06/01/2026", "2026-06-01T21:30", "2026-05-31T21:30"),
        ("Asia/Tokyo", "2026-06-01", "2026-05-31T15:30", "2026-06-01T15:30"),
        ("America/Santiago", "2026-09-06", "2026-09-07T02:30", "2026-09-06T03:30"),
    ],
)
def test_a_day_without_a_time_is_all_of_it_for_the_replay_too(
    browser: Client, operator: User, account: TelnyxAccount, zone: str, day: str, within: str, beyond: str
) -> None:
    TimePreference.objects.create(user=operator, time_zone=zone)
    wanted, _ = (make_event_at(account, at) for at in (within, beyond))
    asked = {"received_at_from_0": day, "received_at_to_0": day}
    assert listed_and_replayed(browser, **asked) == ({wanted.pk}, {wanted.pk})


@pytest.mark.parametrize("day", ["2h", "9999-12-31", "2026-02-31"])
def test_what_is_no_time_for_the_list_is_none_for_the_replay(browser: Client, account: TelnyxAccount, day: str) -> None:
    told = browser.get("/admin/voice/replay/new/", {"received_at_to_0": day})
    assert list(told.context["form"].errors) == ["received_until"]
    assert f"“{day}”" in told.content.decode()


@pytest.mark.parametrize("sought", ["session", "texml session", "conference", "call", "event", "nobody"])
def test_a_search_for_an_id_comes_along(browser: Client, account: TelnyxAccount, sought: str) -> None:
    session, room, key, leg = (f"0ccc7b54-4df3-4bca-a65a-3da1ecc7000{n}" for n in range(4))
    call = make_call(account, call_session_id=session, is_texml=sought == "texml session")
    conference = Conference.objects.create(account=account, conference_id=room, started_at=call.started_at)
    named = "" if call.is_texml else session
    of_call = make_event_at(account, "2026-06-01T08:30", call=call, call_session_id=named)
    of_room = make_event_at(account, "2026-06-01T08:31", conference=conference)
    other = make_event_at(account, "2026-06-01T08:32")
    of_leg = make_event_at(account, "2026-06-01T08:33", call_control_id=leg)
    CallEvent.objects.filter(pk=other.pk).update(dedupe_key=key, event_id=key)
    terms = {"session": session, "texml session": session.upper(), "conference": room, "event": key.upper()}
    found = {"session": {of_call.pk}, "texml session": {of_call.pk}, "conference": {of_room.pk}, "event": {other.pk}}
    terms, found = terms | {"call": leg}, found | {"call": {of_leg.pk}}
    told = listed_and_replayed(browser, q=terms.get(sought, session[:-1] + "9"))
    assert told == (found.get(sought, set()),) * 2


def test_a_session_that_is_searched_for_is_taken_by_its_id_and_not_event_by_event(
    browser: Client, account: TelnyxAccount
) -> None:
    session = "0ccc7b54-4df3-4bca-a65a-3da1ecc70000"
    call = make_call(account, call_session_id=session)
    make_event_at(account, "2026-06-01T08:30", call=call, call_session_id=session)
    for term, in_session, in_ids in ((session.upper(), session, None), (session[:-1] + "9", None, session[:-1] + "9")):
        form = browser.get("/admin/voice/replay/new/", {"q": term}).context["form"]
        assert (form["session"].value(), form["ids"].value()) == (in_session, in_ids)


@pytest.mark.parametrize("name", ["connection_id__exact", "connection_id"])
def test_the_application_comes_along(browser: Client, wrong_call: Call, name: str) -> None:
    told = browser.get(f"/admin/voice/replay/new/?{name}=1234567890")
    assert told.context["form"]["application"].value() == "1234567890"


def test_the_account_comes_along_by_its_name(browser: Client, account: TelnyxAccount, neighbour: TelnyxAccount) -> None:
    for of, name in ((account, "main"), (neighbour, "next-door")):
        told = browser.get("/admin/voice/replay/new/", {"account__id__exact": str(of.pk)})
        assert told.context["form"]["account"].value() == name
    told = browser.get("/admin/voice/replay/new/", {"account__id__exact": "of nobody"})
    assert not told.context["form"]["account"].value()


def test_selected_events_are_looked_at(browser: Client, wrong_call: Call) -> None:
    events = list(CallEvent.objects.all())
    answer = browser.post("/admin/voice/callevent/", selected(*events))
    assert answer.status_code == 302
    row = Replay.objects.get()
    assert (row.state, row.total) == ("ready", 2)
    assert str(row.pk) in answer["Location"]


def test_as_many_as_can_be_selected_are_looked_at(
    browser: Client, wrong_call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.replay.forms.MOST_IDS", 2)
    assert browser.post("/admin/voice/callevent/", selected(*CallEvent.objects.all())).status_code == 302
    assert Replay.objects.get().total == 2


def test_more_than_can_be_selected_is_said_and_nothing_is_begun(
    browser: Client, wrong_call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.replay.forms.MOST_IDS", 1)
    answer = browser.post("/admin/voice/callevent/", selected(*CallEvent.objects.all()), follow=True)
    assert "At most 1 can be selected: use “Replay …” and its filter." in text(answer)
    assert not Replay.objects.exists()


@pytest.mark.parametrize(
    ("status", "said"), [("dead", "was tried 8 times and given up"), ("quarantined", "is kept and not used")]
)
def test_a_dead_or_quarantined_events_page_offers_to_run_it(
    browser: Client, wrong_call: Call, status: str, said: str
) -> None:
    event = CallEvent.objects.first()
    CallEvent.objects.filter(pk=event.pk).update(status=status, attempts=8, error="why")
    shown = browser.get(f"/admin/voice/callevent/{event.pk}/change/")
    assert said in text(shown)
    assert f'name="ids" value="{event.pk}"' in shown.content.decode()
    page = look(browser, ids=str(event.pk))
    assert "would change" in text(browser.get(page))


def test_what_stands_around_a_searched_id_is_left_out(browser: Client, account: TelnyxAccount) -> None:
    session = "0ccc7b54-4df3-4bca-a65a-3da1ecc70000"
    call = make_call(account, call_session_id=session)
    make_event_at(account, "2026-06-01T08:30", call=call, call_session_id=session)
    form = browser.get("/admin/voice/replay/new/", {"q": f" {session} "}).context["form"]
    assert form["session"].value() == session


def test_a_search_brings_as_many_events_along_as_can_be_given_and_of_more_it_is_said(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.replay.forms.MOST_IDS", 2)
    room = "0ccc7b54-4df3-4bca-a65a-3da1ecc70001"
    conference = Conference.objects.create(account=account, conference_id=room, started_at=datetime.now(UTC))
    both = {make_event_at(account, f"2026-06-01T08:3{at}", conference=conference).pk for at in range(2)}
    assert listed_and_replayed(browser, q=room) == (both, both)
    make_event_at(account, "2026-06-01T08:33", conference=conference)
    told = browser.get("/admin/voice/replay/new/", {"q": room})
    assert list(told.context["form"].errors) == ["ids"]


@pytest.mark.parametrize("name", ["event_type", "q"])
def test_blanks_narrow_nothing(browser: Client, account: TelnyxAccount, name: str) -> None:
    assert not browser.get("/admin/voice/replay/new/", {name: "  "}).context["form"].is_bound
