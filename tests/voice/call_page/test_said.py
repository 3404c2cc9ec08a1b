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
