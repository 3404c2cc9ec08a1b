"""A session told in order, as this person may see it."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.commands import act
from tests.support.documents import FETCH, fetch, publish_anew, published
from tests.support.events import tell
from tests.support.factories import make_call, make_event, run_owed
from tests.support.reconciliation import sent_ok, uncertain
from tests.support.rows import Call, CallCommand, CallEvent
from voice.calls import search, timeline
from voice.commands import outbox
from voice.models import TexmlFetch

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]


def told(user: Any) -> list[timeline.Entry]:
    return timeline.entries(timeline.legs(Call.objects.order_by("started_at")[0]), user)


def test_legs_have_letters_in_the_order_they_started(account: TelnyxAccount) -> None:
    second = make_call(account, "b")
    Call.objects.update(started_at=second.started_at + timedelta(seconds=9))
    first = make_call(account, "a", started_at=second.started_at)
    make_call(account, "c", call_session_id="another")
    assert [(letter, leg.pk) for letter, leg in timeline.legs(second)] == [("A", first.pk), ("B", second.pk)]


def test_a_call_without_a_session_stands_alone(account: TelnyxAccount) -> None:
    make_call(account, "b", call_session_id="")
    call = make_call(account, "a", call_session_id="")
    assert timeline.legs(call) == [("A", call)]


def test_another_accounts_session_of_the_same_id_is_not_shown(
    account: TelnyxAccount, sandbox_account: TelnyxAccount
) -> None:
    make_call(sandbox_account, "b")
    assert len(timeline.legs(make_call(account, "a"))) == 1


def test_events_and_commands_stand_in_order_with_offsets(account: TelnyxAccount, operator: Any) -> None:
    tell(account, make_event(), make_event("call.answered", 3), make_event("call.hangup", 75))
    call = Call.objects.get()
    command = outbox.act(call, "speak", {"payload": "Hello", "voice": "female"}, PORTAL)
    CallCommand.objects.update(first_sent_at=call.started_at + timedelta(seconds=4))
    assert [(entry.kind, entry.title, entry.offset) for entry in told(operator)] == [
        ("event", "Call initiated", 0.0),
        ("event", "Answered", 3.0),
        ("command", "Speak", 4.0),
        ("event", "Hung up", 75.0),
    ]
    spoken = next(entry for entry in told(operator) if entry.kind == "command")
    assert (spoken.id, spoken.status, spoken.leg) == (str(command.pk), "expired", "A")
    assert spoken.detail == "by portal · “Hello” · The call has already ended."


def test_a_command_that_was_carried_out_names_the_event_that_answers_it(account: TelnyxAccount, operator: Any) -> None:
    """Each its own; of one that nobody knows the outcome of none is named."""
    spoken = [make_event("call.speak.started", seconds) for seconds in (-37, -36)]
    tell(account, make_event(seconds=-60), make_event("call.answered", -50), *spoken)
    call = Call.objects.get()
    commands = [sent_ok(call, "speak", {"payload": "Hello", "voice": "female"}, seconds) for seconds in (40, 38)]
    commands.append(uncertain(call, "speak", {"payload": "Hello", "voice": "female"}, sent=45))
    commands.append(outbox.act(call, "speak", {"payload": "Not yet", "voice": "female"}, PORTAL))
    answers = {entry.id: entry.answered.id for entry in told(operator) if entry.answered}
    events = [CallEvent.objects.get(event_id=event["data"]["id"]) for event in spoken]
    assert answers == {str(one.pk): str(event.pk) for one, event in zip(commands[:2], events, strict=True)}


def test_what_two_asked_for_answers_both(account: TelnyxAccount, operator: Any) -> None:
    tell(account, make_event(seconds=-60))
    for seconds in (40, 38):
        sent_ok(Call.objects.get(), "hangup", {}, seconds)
    tell(account, make_event("call.hangup", -30))
    assert [entry.answered and entry.answered.title for entry in told(operator)] == [None, "Hung up", "Hung up", None]


def test_a_command_comes_after_the_event_of_the_same_moment(account: TelnyxAccount, operator: Any) -> None:
    tell(account, make_event())
    outbox.act(Call.objects.get(), "answer", {}, PORTAL)
    CallCommand.objects.update(created_at=Call.objects.get().started_at)
    assert [entry.kind for entry in told(operator)] == ["event", "command"]


def test_numbers_are_masked_for_who_may_not_see_them(account: TelnyxAccount, operator: Any, user_with: Any) -> None:
    tell(account, make_event())
    outbox.act(Call.objects.get(), "transfer", {"to": "+13125550001"}, PORTAL)
    support = user_with("voice.view_call", "voice.view_callevent", "voice.view_callcommand")
    assert "312-555-0101" in str(told(operator))
    assert "312-555-0001" in str(told(operator))
    for number in ("5550101", "555-0101", "5550001", "555-0001"):
        assert number not in str(told(support))


def test_a_number_within_what_is_said_is_masked_too(account: TelnyxAccount, user_with: Any) -> None:
    said = {"payload": "Please call +13125550001", "voice": "female"}
    outbox.act(make_call(account), "speak", said, PORTAL)
    support = user_with("voice.view_call", "voice.view_callcommand")
    assert "5550001" not in told(support)[0].detail
    assert "Please call" in told(support)[0].detail


def test_what_an_assistant_made_of_a_caller_s_words_is_hidden_as_they_are(
    account: TelnyxAccount, user_with: Any
) -> None:
    tell(account, make_event("call.ai_gather.ended", result={"name": "Ada Fitzroy"}))
    assert "Fitzroy" not in told(user_with("voice.view_call", "voice.view_callevent"))[0].detail


@pytest.mark.parametrize(
    ("permission", "kinds"),
    [("voice.view_callevent", ["event"]), ("voice.view_callcommand", ["command"]), ("voice.dial", [])],
)
def test_only_what_a_person_may_see_is_told(
    account: TelnyxAccount, user_with: Any, permission: str, kinds: list[str]
) -> None:
    tell(account, make_event())
    outbox.act(Call.objects.get(), "answer", {}, PORTAL)
    assert [entry.kind for entry in told(user_with(permission))] == kinds
    assert told(AnonymousUser()) == []


@pytest.mark.parametrize(
    ("event_type", "payload", "detail"),
    [
        ("call.hangup", {"hangup_cause": "originator_cancel"}, "The caller gave up, on the caller's side"),
        ("call.hangup", {"hangup_cause": "new_cause", "hangup_source": "unknown"}, "New cause"),
        ("call.gather.ended", {"digits": "12", "status": "valid"}, "digits 12 (valid)"),
        ("call.gather.ended", {"digits": "", "status": "timeout"}, "digits none (timeout)"),
        ("call.dtmf.received", {"digit": "5"}, "digit 5"),
        ("call.speak.ended", {"status": "completed"}, "completed"),
        ("call.machine.detection.ended", {"result": "human"}, "human"),
        ("call.levitated", {}, ""),
    ],
)
def test_an_event_says_what_matters_in_words(
    account: TelnyxAccount, operator: Any, event_type: str, payload: dict[str, Any], detail: str
) -> None:
    tell(account, make_event(event_type, **payload))
    assert told(operator)[0].detail == detail


@pytest.mark.parametrize(
    ("event_type", "is_media"),
    [
        ("call.speak.started", True),
        ("call.playback.started", True),
        ("call.recording.saved", True),
        ("call.gather.ended", True),
        ("call.dtmf.received", True),
        ("call.transcription", True),
        ("call.conversation.ended", True),
        ("call.conversation_insights.generated", True),
        ("streaming.started", True),
        ("call.answered", False),
        ("call.hangup", False),
        ("call.enqueued", False),
    ],
)
def test_what_was_heard_said_or_pressed_is_media(
    account: TelnyxAccount, operator: Any, event_type: str, is_media: bool
) -> None:
    tell(account, make_event(event_type))
    assert [entry.is_media for entry in told(operator)] == [is_media]


@pytest.mark.parametrize(("action", "is_media"), [("stop_ai_assistant", True), ("hangup", False)])
def test_a_command_that_has_to_do_with_what_is_heard_is_media(
    account: TelnyxAccount, operator: Any, action: str, is_media: bool
) -> None:
    act(make_call(account), action)
    assert [entry.is_media for entry in told(operator)] == [is_media]


def test_a_long_session_costs_no_more_statements(
    account: TelnyxAccount, operator: Any, django_assert_max_num_queries: Any
) -> None:
    tell(account, *(make_event("call.hold", at) for at in range(30)))
    operator.has_perm("voice.view_call")
    with django_assert_max_num_queries(6):
        assert len(told(operator)) == 30


def test_a_fetch_is_told_beside_its_event_and_one_that_nobody_signed_in_a_line_of_its_own(
    client: Client, account: TelnyxAccount, operator: Any, user_with: Any
) -> None:
    menu, sales = published(account, name="Menu"), published(account, name="Sales")
    fetch(client, menu)
    publish_anew(sales, "<Response><Hangup/></Response>")
    fetch(client, sales, Digits="2")
    client.get(f"/texml/{menu.token}/", FETCH)
    run_owed()
    call = Call.objects.get()
    lines = [(line.kind, line.title, line.detail) for line in timeline.entries(timeline.legs(call), operator)]
    assert lines == [
        ("event", "Instructions asked for (TeXML)", "fetched Menu v1"),
        ("event", "Gather ended (TeXML)", "pressed 2 · fetched Sales v2"),
        ("fetch", "Document fetched", "fetched Menu v1"),
    ]
    blind = user_with("voice.view_callevent")
    told = [(line.kind, line.detail) for line in timeline.entries(timeline.legs(call), blind)]
    assert told == [("event", ""), ("event", "pressed •")]


def test_fetches_that_are_one_event_are_each_told_at_their_time(
    client: Client, account: TelnyxAccount, operator: Any
) -> None:
    menu = published(account, name="Menu")
    fetch(client, menu, Digits="2")
    publish_anew(menu, "<Response><Hangup/></Response>")
    fetch(client, menu, Digits="2")  # the same key in the same menu: equal to the byte
    run_owed()
    call = Call.objects.get()
    first, second = TexmlFetch.objects.order_by("at")
    lines = [(line.kind, line.detail) for line in timeline.entries(timeline.legs(call), operator)]
    assert lines == [("event", "pressed 2 · fetched Menu v1"), ("fetch", "fetched Menu v2")]
    assert first.event_id == second.event_id


def many_events(call: Call, number: int) -> None:
    """Rows as the intake makes them, a second apart; the last one is the hang-up."""
    at, rows = call.started_at, []
    for place in range(number):
        kind = {0: "call.initiated", number - 1: "call.hangup"}.get(place, "call.dtmf.received")
        told = {"event_type": kind, "payload": {"hangup_cause": "normal_clearing"}, "status": "processed", "body": b""}
        when = at + timedelta(seconds=place)
        told |= {"received_at": when, "occurred_at": when, "dedupe_key": str(place), "source": "webhook"}
        rows.append(CallEvent(account=call.account, call=call, call_control_id=call.call_control_id, **told))
    CallEvent.objects.bulk_create(rows)


def test_a_long_call_keeps_its_first_and_its_last_events_and_says_what_it_leaves_out(
    browser: Client, account: TelnyxAccount, operator: Any
) -> None:
    session = str(uuid.uuid4())
    call = make_call(account, "a", call_session_id=session)
    many_events(call, 800)
    entries = told(operator)
    assert [entry.kind for entry in entries].count("event") == 500
    assert (entries[0].title, entries[-1].title) == ("Call initiated", "Hung up")
    (at,) = [at for at, entry in enumerate(entries) if entry.kind == "cut"]
    assert (at, entries[at].title) == (250, "300 events between these not shown")
    assert (entries[at - 1].offset, entries[at + 1].offset) == (249, 550)
    page = browser.get(page_of(call)).content.decode()
    assert "300 events between these not shown" in page
    link = f"/admin/voice/callevent/?q={session}"
    assert link in page
    assert len(browser.get(link).context["cl"].result_list) == 50
    assert not browser.get(f"{link[:-1]}x").context["cl"].result_list


def test_a_call_of_500_events_is_shown_whole(account: TelnyxAccount, operator: Any) -> None:
    many_events(make_call(account, "a"), 500)
    assert [entry.kind for entry in told(operator)] == ["event"] * 500


def test_commands_are_cut_in_the_middle_too(browser: Client, account: TelnyxAccount, operator: Any) -> None:
    call = make_call(account, "a", call_session_id=str(uuid.uuid4()))
    at = call.started_at
    CallCommand.objects.bulk_create(
        CallCommand(
            account=account, call=call, action="speak", intent_key=str(n), created_at=at, expires_at=at, sequence=n
        )
        for n in range(501)
    )
    titles = [entry.title for entry in told(operator)]
    assert titles.count("1 command between these not shown") == 1
    assert f"/admin/voice/callcommand/?q={call.call_session_id}" in browser.get(page_of(call)).content.decode()
    answer = browser.get(f"/admin/voice/callcommand/?q={call.call_session_id}")
    assert len(answer.context["cl"].result_list) == 50


@pytest.mark.parametrize(
    ("legs", "letter", "words"),
    [(27, "AA", "1 leg between these is not listed"), (40, "AN", "14 legs between these are not listed")],
)
def test_a_session_of_many_legs_shows_the_first_and_the_last_and_names_them_all(
    browser: Client, account: TelnyxAccount, legs: int, letter: str, words: str
) -> None:
    session = str(uuid.uuid4())
    at = make_call(account, "0", call_session_id=session).started_at
    for place in range(1, legs):
        call = make_call(account, str(place), call_session_id=session, started_at=at + timedelta(seconds=place))
    many_events(call, 2)
    answer = browser.get(page_of(call))
    page = answer.content.decode()
    assert page.count('class="portal-leg"') == 26
    assert words in page
    assert f"/admin/voice/call/?q={session}" in page
    assert 'aria-current="true"' in page  # the last one, whose page this is
    assert answer.context["letter"] == letter
    assert [entry.leg for entry in answer.context["entries"]] == [letter, letter]


def test_a_leg_beyond_the_first_of_very_many_is_told_all_the_same(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_call(account, "a")
    last = make_call(account, "b", started_at=first.started_at + timedelta(seconds=5))
    many_events(last, 2)
    event = CallEvent.objects.filter(call=last)[0]
    monkeypatch.setattr(search, "_MOST_LEGS", 1)
    assert [(letter, leg.pk) for letter, leg in timeline.legs(last)] == [("A", first.pk), ("?", last.pk)]
    assert browser.get(f"/admin/voice/call/{last.pk}/raw/{event.pk}/").status_code == 200
    assert browser.get(page_of(last)).context["letter"] == "?"


def page_of(call: Call) -> str:
    return f"/admin/voice/call/{call.pk}/change/"


def test_of_a_long_call_without_a_session_all_events_are_found_by_its_own_id(
    browser: Client, account: TelnyxAccount
) -> None:
    call = make_call(account, "a", call_session_id="")
    many_events(call, 501)
    page = browser.get(page_of(call)).content.decode()
    assert "1 event between these not shown" in page
    assert "/admin/voice/callevent/?q=v3%3Aa-leg" in page


def test_the_legs_of_a_session_have_their_letters_on_the_page(browser: Client, account: TelnyxAccount) -> None:
    tell(account, make_event(seconds=-9), make_event(seconds=-5, leg="b", direction="outgoing"))
    page = browser.get(page_of(Call.objects.get(call_control_id="v3:b-leg"))).content.decode()
    for text in ('title="Leg A"', 'title="Leg B"', "leg B of 2"):
        assert text in page, text
