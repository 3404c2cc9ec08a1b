"""The picture on a call's page, and as a file."""

import re
from typing import Any

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from tests.support.call_pages import page
from tests.support.ending_rows import BY_ID, store
from tests.support.rows import Call, CallEvent

pytestmark = pytest.mark.django_db


def picture(client: Client, call: Call) -> str:
    found = re.search(r"<svg.*?</svg>", client.get(page(call)).content.decode(), re.DOTALL)
    assert found
    return found[0]


def test_every_mark_leads_to_its_line_of_the_story(browser: Client, account: TelnyxAccount) -> None:
    first, _ = store(account, BY_ID["p05-transferred-target-left-first"])
    text = browser.get(page(first)).content.decode()
    marks = re.findall(r'<a href="#(entry-[^"]+)"><title>', text)
    assert len(marks) == 10
    assert all(f'id="{name}"' in text for name in marks)


def test_its_description_is_the_verdict_and_each_leg(browser: Client, account: TelnyxAccount) -> None:
    first, _ = store(account, BY_ID["p05-transferred-target-left-first"])
    told = re.search(r"<desc[^>]*>([^<]+)</desc>", picture(browser, first))
    assert told
    assert told[1].startswith("The party put through to (+13125550001) hung up after talking 2:02 min")
    assert "Leg B, put through +1 312-555-0001: began at 0:04" in told[1]


def test_who_may_see_no_number_sees_none_in_it(signed_in: Any, account: TelnyxAccount) -> None:
    first, _ = store(account, BY_ID["p05-transferred-target-left-first"])
    client = signed_in("voice.view_call", "voice.view_callevent", "voice.view_callcommand")
    for drawn in (picture(client, first), client.get(page(first, "timeline.svg").rstrip("/")).content.decode()):
        assert "+1312•••0143" in drawn
        assert not re.search(r"555-?0(143|100|001)", drawn)


def test_what_was_never_reported_stands_in_words_beside_it(
    browser: Client, signed_in: Any, account: TelnyxAccount
) -> None:
    (call,) = store(account, BY_ID["p03-in-caller-hung-up"])
    CallEvent.objects.filter(call=call, event_type="call.initiated").delete()
    sentence = "<li>That the call began was never reported.</li>"
    assert sentence in browser.get(page(call)).content.decode()
    assert sentence not in signed_in("voice.view_call").get(page(call)).content.decode()
