"""What was said and pressed."""

import html
import re
from typing import Any

import pytest
from django.test import Client

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.call_pages import page
from tests.support.events import tell
from tests.support.factories import make_event
from tests.support.rows import Call, CallCommand
from voice.commands import outbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def call(account: TelnyxAccount) -> Call:
    spoken = {"transcript": "my card is 4111 1111 1111 1111", "is_final": True, "confidence": 0.9}
    tell(
        account,
        make_event(),
        make_event("call.answered", 1),
        make_event("call.gather.ended", 3, digits="12", status="valid"),
        make_event("call.transcription", 4, transcription_data=spoken),
        make_event("call.transcription", 4.1, transcription_data=spoken | {"is_final": False}),
    )
    call = Call.objects.get()
    outbox.act(call, "speak", {"payload": "Press 1 for sales", "voice": "female"}, PORTAL)
    CallCommand.objects.update(status="ok")
    return call


def said(client: Client, call: Call) -> list[str]:
    text = client.get(page(call)).content.decode()
    part = text[text.index('id="call-said"') : text.index("portal-grid-side")]
    words = (re.sub(r"<[^>]+>", " ", line) for line in re.findall(r"<div>(.*?)</div>", part, re.DOTALL))
    return [html.unescape(" ".join(line.split())) for line in words]


def test_prompt_keys_and_words_are_told_in_order(browser: Client, call: Call) -> None:
    told = said(browser, call)
    assert sorted(told) == sorted(
        [
            "we said “Press 1 for sales” · by portal",
            "answered 12 · a valid answer",
            "said “my card is 4111 1111 1111 1111”",
        ]
    )


def test_who_may_see_no_numbers_sees_how_many_keys_and_no_word(signed_in: Any, call: Call) -> None:
    told = said(signed_in("voice.view_call", "voice.view_callevent"), call)
    assert told == ["answered 2 keys · a valid answer", "said “•••”"]


def test_who_may_see_no_events_and_a_call_of_silence_have_nothing(
    signed_in: Any, browser: Client, call: Call, account: TelnyxAccount
) -> None:
    assert said(signed_in("voice.view_call"), call) == []


def test_single_keys_are_told_where_no_menu_told_them_together(browser: Client, account: TelnyxAccount) -> None:
    tell(account, make_event(), make_event("call.dtmf.received", 2, digit="7"))
    assert said(browser, Call.objects.get()) == ["pressed 7"]


def test_keys_outside_of_a_menu_are_told_beside_those_of_one(browser: Client, account: TelnyxAccount) -> None:
    tell(
        account,
        make_event(),
        make_event("call.dtmf.received", 9, digit="3"),  # came first, was pressed last
        make_event("call.gather.ended", 4, digits="12", status="valid"),
        make_event("call.dtmf.received", 4, digit="2"),
        make_event("call.dtmf.received", 3, digit="1"),
    )
    assert said(browser, Call.objects.get()) == ["answered 12 · a valid answer", "pressed 3"]


def test_an_assistant_s_answers_are_told_and_hidden_as_words_are(
    browser: Client, signed_in: Any, account: TelnyxAccount
) -> None:
    history = [
        {"role": "assistant", "content": "What is your number?"},
        {"role": "user", "content": "312 555 0187"},
    ]
    gathered = {"number": "312 555 0187", "party": {"size": 4}, "api_key": "a-secret-of-somebody"}
    ended = make_event("call.ai_gather.ended", 9, result=gathered, message_history=history, status="valid")
    tell(account, make_event(), ended)
    call = Call.objects.get()
    assert said(browser, call) == [
        "the assistant said “What is your number?”",
        "said “312 555 0187”",
        'answered api_key: •••, number: 312 555 0187, party: {"size": 4} · a valid answer',
    ]
    assert said(signed_in("voice.view_call", "voice.view_callevent"), call) == [
        "the assistant said “•••”",
        "said “•••”",
        "answered ••• · a valid answer",
    ]


def test_a_long_talk_is_cut_and_says_so(browser: Client, account: TelnyxAccount) -> None:
    history = [{"role": "user", "content": f"Word {at}"} for at in range(100)]
    events = [make_event("call.ai_gather.ended", at, message_history=history) for at in range(1, 4)]
    tell(account, make_event(), *events)
    call = Call.objects.get()
    assert len(said(browser, call)) == 200
    assert "Only the first 200 are listed" in browser.get(page(call)).content.decode()
