"""The live board: our calls beside Telnyx's, and what does not agree."""

from typing import Any

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from tests.support.factories import CONNECTION, make_call, make_event, run_owed
from tests.support.live_board import PAGE, listed, text
from tests.support.rows import Call
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from tests.support.webhooks import post_webhook
from voice.live_board import board

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]


@pytest.mark.alone("it lists what there is, of every account")
def test_it_shows_who_is_on_the_line_since_when_and_what_was_last(account: TelnyxAccount, browser: Client) -> None:
    for event in (make_event("call.initiated", -9), make_event("call.answered", -5)):
        post_webhook(Client(), account, event)
    run_owed()
    page = text(browser)
    for told in ("312-555-0101", "answered", "Answered", CONNECTION, "data-since", "/do/hangup/"):
        assert told in page
    Call.objects.update(state="ended")
    assert "Nobody is on the line." in text(browser)


def test_a_call_that_only_telnyx_knows_is_marked(account: TelnyxAccount, browser: Client) -> None:
    listed(account, "v3:stranger")
    page = text(browser)
    assert "v3:stranger" in page
    assert "the portal has heard nothing of it" in page


@pytest.mark.alone("it lists what there is, of every account")
def test_what_telnyx_names_by_no_id_has_no_seat(account: TelnyxAccount, browser: Client) -> None:
    listed(account, "")
    assert "Nobody is on the line." in text(browser)


def test_a_call_that_ended_here_and_lives_at_telnyx_is_marked(account: TelnyxAccount, browser: Client) -> None:
    make_call(account, state="ended", ended_at=ago(60))
    listed(account, "v3:a-leg", seconds=1)
    assert "has heard that it ended" in text(browser)


@pytest.mark.alone("it lists what there is, of every account")
def test_one_that_ended_since_telnyx_was_asked_is_no_contradiction(account: TelnyxAccount, browser: Client) -> None:
    make_call(account, state="ended", ended_at=ago(1))
    listed(account, "v3:a-leg", seconds=10)
    assert "Nobody is on the line." in text(browser)


def test_a_call_that_telnyx_does_not_list_is_marked_and_can_be_refreshed(
    account: TelnyxAccount, browser: Client
) -> None:
    call = make_call(account)
    listed(account, seconds=1)
    page = text(browser)
    assert "Telnyx does not list this call any more" in page
    assert (url := f"{PAGE}refresh/{call.pk}/") in page
    assert browser.get(url).status_code == 302
    with telnyx_says(account, calls={"data": {"is_alive": False, "end_time": ago(3).isoformat()}}):
        assert browser.post(url, headers={"HX-Request": "true"})["HX-Redirect"] == PAGE
    assert Call.objects.get().state == "ended"


@pytest.mark.parametrize(
    "told", [{"asked": []}, {"asked_at": None}, {"calls": [{"call_control_id": "v3:a-leg"}]}, {"asked_at": ago(30)}]
)
def test_what_telnyx_was_not_asked_about_is_not_marked(
    account: TelnyxAccount, browser: Client, told: dict[str, Any]
) -> None:
    make_call(account)
    listed(account, **told)
    assert "any more" not in text(browser)


@pytest.mark.alone("it lists what there is, of every account")
def test_two_hundred_calls_cost_no_more_statements(
    account: TelnyxAccount, operator: Any, django_assert_max_num_queries: Any
) -> None:
    for at in range(200):
        make_call(account, f"leg{at}")
    listed(account, *(f"v3:strange-{at}" for at in range(50)))
    operator.has_perm("voice.view_call")
    with django_assert_max_num_queries(6):
        drawn = board.board_for(operator)
    assert drawn.count == 250
    assert len(drawn.groups) == 1
