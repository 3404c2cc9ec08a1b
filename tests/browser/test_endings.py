"""Why a call ended, in a real browser: the card's evidence is reached, nothing sticks out, and axe finds nothing."""

from typing import Any

import pytest
from playwright.sync_api import expect

from portal.models import TelnyxAccount
from tests.browser.everybody import axe
from tests.browser.overflow import sticks_out
from tests.support.call_pages import LOG, page
from tests.support.ending_rows import BY_ID, store
from tests.support.rows import Call, CallCommand
from voice.explanations import judging

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
_SHOWN = (
    *("p04-in-menu-timeout-we-hung-up", "p26-in-answer-held-back", "p15-out-480-normal-clearing", "p14-out-404"),
    *("p36-transfer-target-busy", "p29-in-user-rejected", "p18-dial-refused-D13", "p08-out-timeout-487"),
)


def addresses(account: TelnyxAccount) -> list[str]:
    """The list, pages of calls that ended in different ways, and that of a dial that was never placed."""
    for name in _SHOWN:
        store(account, BY_ID[name])
    judging.judge_due()
    refused = CallCommand.objects.get(status="refused", call=None)
    calls = Call.objects.filter(account=account)
    return [LOG, *(page(call) for call in calls), f"/admin/voice/callcommand/{refused.pk}/change/"]


@pytest.mark.looks
def test_list_and_cards_are_for_everybody(opened: Any, account: TelnyxAccount, operator: Any) -> None:
    found: dict[str, Any] = {}
    with opened() as window:
        axe.bring(window)
        window.enter(operator)
        for address in addresses(account):
            window.open(address)
            found[address] = axe.faults(window)  # the last width it looks at is a phone's
            found[address] += [wide] if (wide := sticks_out(window)) else []
        assert window.wrongs == []
    assert not any(found.values()), found
    assert len(found) >= 8


def test_evidence_is_one_press_away(opened: Any, account: TelnyxAccount, operator: Any) -> None:
    (call,) = store(account, BY_ID["p04-in-menu-timeout-we-hung-up"])
    with opened() as window:
        window.enter(operator)
        window.open(page(call))
        card = window.page.get_by_role("status", name="Why it ended")
        expect(card).to_contain_text("rule 4 of flow Menu")
        card.get_by_role("link", name="Hangup").click()
        at = window.page.url.partition("#")[2]
        expect(window.page.locator(f"#{at}")).to_be_in_viewport()
        assert window.wrongs == []
