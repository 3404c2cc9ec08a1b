"""A search finds the calls that its words ask for, and says what it did not understand."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from applications.models import CallControlApplication
from portal.actors import Actor
from portal.models import AuditEvent, TelnyxAccount
from tests.support.accounts import make_account
from tests.support.events import tell
from tests.support.factories import CONNECTION, make_call, make_event, make_flow, run_owed
from tests.support.rows import Call, CallEvent
from tests.support.texml import form
from tests.support.webhooks import post_texml
from voice.call_log import query
from voice.call_log.language import conditions
from voice.calls import search
from voice.models import CallNote, CallTag, Contact
from voice.notes import contacts, notes

pytestmark = [pytest.mark.django_db, pytest.mark.alone("it searches what there is, of every account")]
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SESSION = "1ccc7b54-4df3-4bca-a65a-3da1ecc777f1"
BUSY = {"ending": "busy", "ending_category": "busy", "ended_by": "callee", "hangup_cause": "user_busy"}


@pytest.fixture(autouse=True)
def log(account: TelnyxAccount) -> None:
    CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION, application_name="Front desk")
    CallControlApplication.objects.create(account=account, telnyx_id="88", application_name="Back office")
    at = NOW - timedelta(hours=1)
    make_call(account, "a", started_at=at, answered_at=at + timedelta(seconds=5), from_number="+442071838750")
    ended = {"state": "ended", "answered_at": None, "ended_at": at + timedelta(seconds=30), "sip_hangup_cause": "486"}
    make_call(
        account, "b", started_at=at, direction="outgoing", connection_id="88", call_session_id=SESSION, **ended, **BUSY
    )
    long = {"answered_at": NOW - timedelta(days=2), "ended_at": NOW - timedelta(days=2) + timedelta(minutes=3)}
    refused = {"state": "ended", "ending": "refused_d13", "ending_category": "configuration", "ended_by": "nobody"}
    refused["answered_by"] = "machine"
    make_call(account, "c", started_at=NOW - timedelta(days=2, seconds=2), has_recording=True, **long, **refused)
    CallTag.objects.create(call=Call.objects.get(call_control_id="v3:b-leg"), name="vip", tagged_by="user: ada", at=NOW)
    CallTag.objects.create(call=Call.objects.get(call_control_id="v3:c-leg"), name="call-back", tagged_by="ada", at=NOW)
    named = {"name": "Ada", "company": "Lovelace", "name_folded": "ada", "company_folded": "lovelace"}
    Contact.objects.create(number="+442071838750", **named)
    note = {"text": "She wants a Refund, ring +13125550123", "written_by": "ada", "at": NOW}
    CallNote.objects.create(call=Call.objects.get(call_control_id="v3:a-leg"), **note)
    measured = {"mos": 3.41, "cost_amount": Decimal("0.12"), "late_seconds": 9.5, "queue": "Support"}
    Call.objects.filter(call_control_id="v3:c-leg").update(**measured)
    Call.objects.filter(call_control_id="v3:b-leg").update(mos=4.2, cost_amount=Decimal("0.0055"))
    make_call(account, "d", state="lost", started_at=NOW - timedelta(days=9), answered_at=None, direction="")


def asked(text: str, user: Any) -> query.Query:
    return query.read(text, user, now=NOW)


def found(text: str, user: Any) -> str:
    return "".join(sorted(call.call_control_id[3] for call in asked(text, user).calls()))


@pytest.mark.parametrize(
    ("text", "legs"),
    [
        ("", "abcd"),
        ("+442071838750", "a"),
        ("from:8750", "a"),
        ("to:8750", ""),
        ("number:8750", "a"),
        ("-number:8750", "bcd"),
        ("dir:in", "ac"),
        ("dir:outgoing", "b"),
        ("dir:unknown", "d"),
        ("-dir:incoming", "bd"),
        ("dir:in dir:out", "abc"),
        ("ending:busy", "b"),
        ("ending:busy ending:configuration", "bc"),
        ("ending:refused_d13", "c"),
        ("-ending:busy is:ended", "c"),
        ("code:d13", "c"),
        ("code:PE1", ""),
        ("D13", "c"),
        ("sip:486", "b"),
        ("SIP 486", "b"),
        ("cause:user_busy", "b"),
        ("who:callee", "b"),
        ("by:machine", "c"),
        ("by:robot by:person", "c"),
        ("who:nobody", "c"),
        ("app:front", ""),
        ('app:"front desk"', "acd"),
        ("app:88", ""),  # no name of one, and no id
        ("Back", "b"),
        ("Back Office", "b"),
        ("greet", "acd"),
        ("flow:greeting", "acd"),
        (CONNECTION, "acd"),
        (f"app:{CONNECTION}", "acd"),
        ("account:default", "abcd"),
        ("is:running", "a"),
        ("is:lost", "d"),
        ("is:answered", "ac"),
        ("-is:answered is:ended", "b"),
        ("rec:yes", "c"),
        ("rec:no", "abd"),
        ("talk:>60", "c"),
        ("talk:>=3m talk:<=3:00", "c"),
        ("talk:<10", ""),
        ("setup:>10", "b"),
        ("setup:<=5", "ac"),
        (f"session:{SESSION}", "b"),
        (SESSION, "b"),
        ("v3:b-leg", "b"),
        ("id:v3:b-leg", "b"),
        ("tag:Vip", "b"),
        ("tag:#VIP", "b"),
        ('tag:"Call Back"', "c"),
        ("-tag:vip", "acd"),
        ("mos:<3.6", "c"),
        ("mos:>=3.41", "bc"),
        ("-mos:<3.6", "abd"),
        ("mos:>3 mos:<4", "c"),
        ("cost:>0.1", "c"),
        ("cost:<=.0055", "b"),
        ("is:late", "c"),
        ("is:poor", "c"),
        ("-is:poor", "abd"),
        ("is:late is:answered", "c"),
        ("queue:Support", "c"),
        ("queue:support", ""),
        ("note:refund", "a"),
        ('note:"wants a refund"', "a"),
        ("note:0123", "a"),
        ("-note:refund", "bcd"),
        ("note:elephant", ""),
        ("contact:ada", "a"),
        ("contact:lovelace", "a"),
        ("contact:babbage", ""),
        ("since:2h", "ab"),
        ("until:2h", "cd"),
        ("day:today", "ab"),
        ("day:2026-11-26", "c"),
        ("since:2026-11-26 until:2026-11-28T11:00Z", "c"),
        ("since:2026-11-28T11:00:00Z", "ab"),
        ("since:2h dir:in", "a"),
        ("dir:in nobody", ""),
        ("rows:legs", "abcd"),
    ],
)
def test_a_search_finds_what_it_asks_for(account: TelnyxAccount, operator: User, text: str, legs: str) -> None:
    if "account:" in text:
        text = f"account:{account.name}"
    make_flow(account, name="Greeting")
    assert found(text, operator) == legs
    assert asked(text, operator).wrong == ()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("colour:red", "colour"),
        ("dir:up", "dir"),
        ("ending:bussy", "ending"),
        ("who:me", "who"),
        ("by:cat", "by"),
        ("is:great", "is"),
        ("rec:maybe", "rec"),
        ("talk:60", "talk"),
        ("talk:>x", "talk"),
        ("sip:999", "sip"),
        ("mos:3.6", "mos"),
        ("mos:<x", "mos"),
        ("cost:>1e9", "cost"),
        ("cost:>١", "cost"),
        ("queue:", "queue"),
        ("note:x", "note"),
        ("code:", "code"),
        ("since:soon", "since"),
        ("since:9999-12-31", "since"),
        ("since:2026-13-40", "since"),
        ("since:2026-11-28T25:00", "since"),
        ("-since:2h", "since"),
        ("since:2h since:3h", "since"),
        ("day:monday", "day"),
        ("from:ada", "from"),
        ("rows:cows", "rows"),
        ("app:", "app"),
        ("tag:", "tag"),
        ("contact:", "contact"),
    ],
)
def test_what_is_not_understood_is_named_and_the_rest_counts(operator: User, text: str, named: str) -> None:
    read = asked(f"ending:busy {text}", operator)
    assert named in read.wrong[0]
    assert [call.call_control_id[3] for call in read.calls()] == ["b"]


@pytest.mark.parametrize("text", ["app:nowhere", "flow:nowhere", "account:nobody"])
def test_what_is_called_like_nothing_finds_nothing_and_says_so(operator: User, text: str) -> None:
    read = asked(text, operator)
    assert read.notes
    assert not read.calls()


def test_an_event_and_a_command_lead_to_their_call(account: TelnyxAccount, operator: User) -> None:
    tell(account, make_event(leg="e", call_session_id=str(uuid.uuid4())))
    event = CallEvent.objects.get()
    for text in (str(event.pk), event.event_id or "", str(Call.objects.get(call_control_id="v3:e-leg").pk)):
        assert found(text, operator) == "e", text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("DIR:in  talk:>1:30 0143", "0143 dir:incoming talk:>90"),
        ('app:"front desk" rows:sessions', 'app:"front desk"'),
        ("since:2026-11-28T11:00:00+00:00", "since:2026-11-28T11:00:00Z"),
        ("-who:we rows:legs", "-who:us rows:legs"),
        ("colour:red ending:busy", "ending:busy"),
    ],
)
def test_a_query_is_written_for_good(operator: User, text: str, written: str) -> None:
    read = asked(text, operator)
    assert read.text == written
    again = asked(written, operator)
    assert (again.text, again.tokens) == (written, read.tokens)
    assert list(again.calls()) == list(read.calls())


def test_a_query_is_narrowed_and_widened(operator: User) -> None:
    read = asked("since:2h ending:busy", operator)
    assert read.with_token("ending", "rejected") == "since:2h ending:busy ending:rejected"
    assert read.with_token("since", "7d") == "ending:busy since:7d"
    assert read.with_token("day", "today") == "ending:busy day:today"
    assert asked("day:yesterday ending:busy", operator).with_token("since", "15m") == "ending:busy since:15m"
    assert asked("until:1h", operator).with_token("since", "7d") == "until:1h since:7d"
    assert read.with_token("ending", "hung_up") == "since:2h ending:hung_up"
    assert asked("-ending:busy ending:declined", operator).with_token("ending", "hung_up") == (
        "-ending:busy ending:declined ending:hung_up"
    )
    assert read.narrowed_to("ending", "declined") == "since:2h ending:declined"
    assert asked("-ending:busy is:lost", operator).narrowed_to("is", "running") == "-ending:busy is:lost is:running"
    assert read.without(read.tokens[1]) == "since:2h"
    assert query.address("since:2h") == "/admin/voice/call/?q=since%3A2h"


def test_who_sees_no_whole_number_pieces_none_together(account: TelnyxAccount, user_with: Any) -> None:
    bob = user_with("voice.view_call")
    for text in ("from:143", "+44207", "number:20718387", "-from:87", "to:sip:ad from:2"):
        assert not asked(text, bob).calls(), text
    assert asked("from:143", bob).refused
    assert found("from:8750", bob) == "a"
    noted = AuditEvent.objects.filter(action="call.search")
    assert all("20718387" not in str(event.details) for event in noted)
    assert noted.exists()


def test_searches_for_numbers_are_limited_whatever_token_they_stand_in(user_with: Any) -> None:
    bob = user_with("voice.view_call")
    for _ in range(search.PER_MINUTE):
        assert asked("from:8750", bob).refused is None
    for text in ("from:8750", "number:8750", "8750", "-to:8750", "dir:in from:8750"):
        read = asked(text, bob)
        assert read.refused, text
        assert not read.calls()


def test_rest_of_a_query_needs_no_number_and_costs_none(user_with: Any) -> None:
    bob = user_with("voice.view_call")
    for _ in range(search.PER_MINUTE + 5):
        assert asked("ending:busy since:2h", bob).refused is None
    assert not AuditEvent.objects.filter(action="call.search").exists()


def test_the_actor_of_a_token_is_noted(user_with: Any) -> None:
    bob = user_with("voice.view_call")
    query.read("8750", bob, actor=Actor("token: crm", bob))
    assert AuditEvent.objects.get(action="call.search").actor == "token: crm"


@pytest.mark.parametrize("text", ["tag:vip", "contact:ada"])
def test_what_one_may_not_see_is_not_searched_for(django_user_model: Any, text: str) -> None:
    nobody = django_user_model.objects.create_user("nobody")
    read = asked(text, nobody)
    assert "may not see" in read.wrong[0]
    assert read.text == ""


def test_a_name_leads_to_the_calls_of_its_own_account(operator: User, account: TelnyxAccount) -> None:
    other = make_account(account.name.capitalize())
    make_call(other, "e", started_at=NOW)
    CallControlApplication.objects.create(account=other, telnyx_id=CONNECTION, application_name="Reception")
    assert found(f"account:{other.name}", operator) == "e"
    assert found(f"account:{account.name}", operator) == "abcd"
    assert found("app:reception", operator) == "e"
    assert found("Recep", operator) == "e"


def test_a_note_is_found_by_what_its_reader_sees_of_it(user_with: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    may = ("voice.view_call", "voice.view_callnote")
    less = user_with(*may)
    assert found("note:refund", less) == "a"
    assert found("note:0123", less) == "a"  # four digits are shown to everybody
    for hidden in ("50123", "555012", "13125550123"):
        assert found(f"note:{hidden}", less) == ""
    assert found("note:13125550123", user_with(*may, "voice.view_full_number", username="seer")) == "a"
    blind = asked("note:refund", user_with("voice.view_call", username="blind"))
    assert "may not see" in blind.wrong[0]
    for at in range(3):
        told = {"text": "refund", "written_by": "ada", "at": NOW - timedelta(days=at + 1)}
        CallNote.objects.create(call=Call.objects.get(call_control_id=f"v3:{'bcd'[at]}-leg"), **told)
    monkeypatch.setattr(notes, "MOST_NOTED", 2)
    assert found("note:refund", less) == "ab"
    assert "Only the 2 calls" in asked("note:refund", less).notes[0]
    monkeypatch.setattr(notes, "LOOKED_THROUGH", 1)
    assert found("note:refund", less) == "a"
    assert "newest 1 notes" in asked("note:refund", less).notes[0]


def test_a_search_that_does_not_look_at_all_it_asks_for_says_so(
    operator: User, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    Contact.objects.create(number="+442071838751", name="Adam", name_folded="adam")
    CallControlApplication.objects.create(account=account, telnyx_id="89", application_name="Front office")
    for connection_id in (CONNECTION, "88"):
        make_flow(account, name="Menu", connection_id=connection_id)
        make_flow(account, name="Desk", active=False)
    searches = ("contact:ada", "Front", "flow:menu", "note:refund", "app:nobody")
    assert [asked(text, operator).cuts for text in searches] == [()] * 5
    monkeypatch.setattr(contacts, "MOST_FOUND", 1)
    for name in ("_MOST_NAMED", "_MOST_FLOWS"):
        monkeypatch.setattr(conditions, name, 1)
    for text in ("app:nobody", "contact:adam", "app:front-desk", "flow:nobody", "flow:desk", "Desk"):
        assert asked(text, operator).cuts == (), text
    for text, told in zip(searches, ("first 1 of these contacts", "name one", "name one"), strict=False):
        cut = asked(text, operator)
        assert (told in cut.cuts[0], cut.cuts) == (True, cut.notes), text


def test_the_queue_that_a_call_waited_in_last_is_its_own(account: TelnyxAccount, operator: User) -> None:
    for name, seconds in (("first", 1), ("second", 2)):
        tell(account, make_event("call.enqueued", seconds, leg="q", queue=name, current_position=1))
    call = Call.objects.get(call_control_id="v3:q-leg")
    assert call.queue == "second"
    assert list(query.read("queue:second", operator).calls()) == [call]


def test_a_queue_of_texml_is_found_by_what_its_callbacks_tell(
    account: TelnyxAccount, operator: User, client: Client
) -> None:
    for fields in ({"QueuePosition": "1", "CurrentQueueSize": "1"}, {"QueueResult": "bridged", "QueueTime": "9"}):
        assert post_texml(client, account, form(QueueSid="support line", **fields)).status_code == 200
    run_owed()
    call = Call.objects.get(call_control_id="v3:one-leg")
    assert (call.queue, call.is_texml) == ("support line", True)
    assert list(query.read('queue:"support line"', operator).calls()) == [call]


@pytest.mark.parametrize(
    ("text", "legs"),
    [
        ("note:ärger", "a"),
        ("note:MÜLLER", "a"),
        ("flow:überlauf", "a"),
        ("flow:ÜBERLAUF", "a"),
        ("app:süd", "b"),
        ("ÜBER", "a"),
        ("sü", "b"),
    ],
)
def test_capitals_of_every_alphabet_are_capitals(account: TelnyxAccount, operator: User, text: str, legs: str) -> None:
    make_flow(account, name="Überlauf", connection_id="77")
    Call.objects.filter(call_control_id="v3:a-leg").update(connection_id="77")
    Call.objects.exclude(call_control_id="v3:b-leg").filter(connection_id="88").delete()
    CallControlApplication.objects.filter(telnyx_id="88").update(application_name="Süd")
    call = Call.objects.get(call_control_id="v3:a-leg")
    CallNote.objects.create(call=call, text="Ärger mit Müller", written_by="ada", at=NOW)
    assert found(text, operator) == legs
