"""The top of a call's page: the verdict, or that it is on the line, and what one does with it."""

import html
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from portal.models import TelnyxAccount
from tests.support.call_pages import page
from tests.support.ending_rows import BY_ID, store
from tests.support.factories import make_call
from voice.call_page.verdict import same_endings
from voice.explanations import judging
from voice.models import Call

pytestmark = pytest.mark.django_db
BUSY = {"state": "ended", "ending": "busy", "ending_category": "busy", "ended_by": "callee"}


def copied(client: Client, call: Call) -> str:
    found = re.search(r'data-copy="([^"]+)">Copy summary', client.get(page(call)).content.decode())
    assert found
    return html.unescape(found[1])


def test_the_summary_is_two_sentences_without_a_code(browser: Client, account: TelnyxAccount) -> None:
    (call,) = store(account, BY_ID["p26-in-answer-held-back"])
    assert copied(browser, call) == (
        "On 20 November 2026 at 14:03:07 UTC +1 312-555-0177 called +1 312-555-0100 (1838929119256715414). "
        "We could not answer, the caller left after 15 s: our answer was held back since 14:03:07 UTC: "
        "Telnyx rejects the account's key."
    )


def test_the_summary_tells_of_the_call_whichever_leg_it_was_asked_of(browser: Client, account: TelnyxAccount) -> None:
    first, second = store(account, BY_ID["p05-transferred-target-left-first"])
    assert copied(browser, second) == copied(browser, first)
    assert "2 legs, talk 2 min 11 s" in copied(browser, first)


def test_of_a_call_without_an_application_none_is_named(browser: Client, account: TelnyxAccount) -> None:
    call = make_call(account, connection_id="")
    assert " called +1 312-555-0199. The call is still on the line." in copied(browser, call)
    make_call(account, "b", connection_id="", started_at=call.started_at + timedelta(seconds=1))
    assert " called +1 312-555-0199 (2 legs). The call" in copied(browser, call)


def test_a_call_on_the_line_is_told_to_be(browser: Client, account: TelnyxAccount) -> None:
    call = make_call(account)
    assert "The call is still on the line." in copied(browser, call)
    text = browser.get(page(call)).content.decode()
    assert 'aria-label="How it stands"' in text
    assert 'aria-label="Why it ended"' not in text


def test_the_same_ending_is_counted_in_the_hour_around_it_and_its_link_lists_those(
    browser: Client, operator: User, account: TelnyxAccount, neighbour: TelnyxAccount
) -> None:
    call = make_call(account, "0", **BUSY)
    for place, minutes in enumerate((-28, 28, -45, 45), 1):
        make_call(account, str(place), started_at=call.started_at + timedelta(minutes=minutes), **BUSY)
    make_call(account, "5", started_at=call.started_at, **(BUSY | {"ending_category": "rejected"}))
    make_call(account, "6", started_at=call.started_at, connection_id="88", **BUSY)
    make_call(neighbour, "7", started_at=call.started_at, **BUSY)
    same = same_endings(call, operator)
    assert same is not None
    assert same["count"] == "3"
    assert len(browser.get(same["url"]).context["cl"].result_list) == 3
    assert ">3 calls</a>" in browser.get(page(call)).content.decode()


def test_an_ending_of_its_own_is_told_and_one_that_is_not_judged_has_none(
    browser: Client, operator: User, account: TelnyxAccount
) -> None:
    (call,) = store(account, BY_ID["p07-out-busy"])
    assert same_endings(call, operator) is None
    judging.judge_due()
    assert "only this call" in browser.get(page(call)).content.decode()
