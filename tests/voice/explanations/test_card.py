"""The card on top of a call's page, and of a dial's that was never placed."""

import html
import re
from typing import Any

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from tests.support.call_pages import LOG, page
from tests.support.commands import dial
from tests.support.ending_rows import BY_ID, CASES, store
from tests.support.endings import says
from tests.support.factories import CONNECTION
from tests.support.rows import CallCommand
from tests.support.times import ago
from voice.explanations import judging

pytestmark = pytest.mark.django_db


def card(client: Client, address: str) -> str:
    """The words of the card; empty without one."""
    answer = client.get(address)
    assert answer.status_code == 200
    found = re.search(r'<section class="portal-card portal-verdict.*?</section>', answer.content.decode(), re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", " ", found[0])) if found else ""


@pytest.mark.parametrize("case", CASES, ids=BY_ID)
def test_a_case_is_told_on_its_page_as_expected(browser: Client, account: TelnyxAccount, case: dict[str, Any]) -> None:
    calls = store(account, case)
    command = case["commands"][0]["id"] if case["commands"] else ""
    told = card(browser, page(calls[0]) if calls else f"/admin/voice/callcommand/{command}/change/")
    for wanted in [*case["expected"]["must_mention"], *case["expected"]["next_step_contains"]]:
        assert says(told, wanted), (wanted, told)


def test_evidence_leads_to_rows_of_the_timeline(browser: Client, account: TelnyxAccount) -> None:
    (call,) = store(account, BY_ID["p04-in-menu-timeout-we-hung-up"])
    text = browser.get(page(call)).content.decode()
    shown = text[text.index("portal-verdict") : text.index("call-facts")]
    addresses = re.findall(r'href="#(entry-[^"]+)">([^<]+)<', shown)
    assert [words for _, words in addresses] == ["Gather ended", "Hangup", "Hung up"]
    for address, _ in addresses:
        assert f'id="{address}"' in text


def test_a_later_leg_tells_of_the_session_too(browser: Client, account: TelnyxAccount) -> None:
    first, second = store(account, BY_ID["p36-transfer-target-busy"])
    assert "The line was busy" in card(browser, page(second))
    assert "Of the session: We hung up" in card(browser, page(second))
    assert "Of the session" not in card(browser, page(first))


def test_a_living_call_has_no_verdict_and_a_dial_that_made_a_call_no_card(
    browser: Client, account: TelnyxAccount
) -> None:
    case = BY_ID["p01-out-callee-hung-up"]
    (call,) = store(account, case | {"events": case["events"][:2]})
    told = card(browser, page(call))
    assert "On the line, answered" in told
    assert "Ended by" not in told
    dial = CallCommand.objects.get(call=call)
    assert card(browser, f"/admin/voice/callcommand/{dial.pk}/change/") == ""


def test_a_dial_whose_call_may_still_come_is_not_told_as_never_placed(browser: Client, account: TelnyxAccount) -> None:
    command = dial(account, CONNECTION)
    told = {"status": "ok", "first_sent_at": ago(5), "finished_at": ago(4)}
    CallCommand.objects.filter(pk=command.pk).update(**told)
    address = f"/admin/voice/callcommand/{command.pk}/change/"
    words = card(browser, address)
    assert "Telnyx has taken the dial; its events may still come." in words
    assert 'aria-label="How it stands"' in browser.get(address).content.decode()
    assert ("never placed" in words, "Ended by" in words) == (False, False)


def test_whoever_may_not_see_numbers_events_or_commands_sees_none_here(signed_in: Any, account: TelnyxAccount) -> None:
    first, *_ = store(account, BY_ID["p05-transferred-target-left-first"])
    client = signed_in("voice.view_call")
    told = card(client, page(first))
    assert "+1312•••0001" in told
    assert "Evidence" not in told
    assert "5550001" not in client.get(page(first)).content.decode()


@pytest.mark.alone("it lists what there is, of every account")
def test_the_list_shows_the_ending_and_who_it_was(browser: Client, account: TelnyxAccount) -> None:
    store(account, BY_ID["p04-in-menu-timeout-we-hung-up"])
    text = browser.get(LOG).content.decode()
    assert "by the called party" not in text
    assert "called side" not in text  # before it is judged nobody is named
    judging.judge_due()
    text = browser.get(LOG).content.decode()
    assert "We hung up after a menu" in text
    assert 'title="Completed; ended by: us"' in text
