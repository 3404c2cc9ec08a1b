"""The pages that stop: what each says first, what it does, and for whom it is."""

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from tests.support.batches import begin
from tests.support.factories import CONNECTION, make_call, run_owed
from tests.support.live_board import text
from tests.support.rows import CallCommand, DialBatch
from tests.support.telnyx_answers import telnyx_says
from voice.models import Stop, Suspension

pytestmark = pytest.mark.django_db
STOP, CALLS, LIVE = "/admin/stop/", "/admin/stop/calls/", "/admin/voice/call/live/"
WISH = "2c8f1a52-3a0f-4a86-9d63-0a1f4b6c7d8e"
NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def application(account: TelnyxAccount) -> CallControlApplication:
    told = {"application_name": "support line", "webhook_event_url": account.webhook_url}
    return CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION, **told)


def suspend_at(account: TelnyxAccount, connection_id: str = "") -> str:
    return f"{STOP}suspend/{account.pk}/" + (f"{connection_id}/" if connection_id else "")


@pytest.mark.alone("it counts what every account has")
def test_all_outgoing_calls_are_counted_before_they_are_hung_up(
    browser: Client, api: APIClient, account: TelnyxAccount
) -> None:
    make_call(account, "in")
    for leg in "abc":
        make_call(account, leg, direction="outgoing")
    begin(api, 3)
    asked = text(browser, CALLS)
    assert "Hang up 3 calls and pause 1 batch" in asked
    assert not CallCommand.objects.filter(batch=None).exists()  # nothing was done by looking
    done = browser.post(CALLS, {"intent": WISH, "go": "1"}, follow=True).content.decode()
    assert (DialBatch.objects.get().status, Stop.objects.get().calls) == ("paused", 3)
    assert "3 hang-ups asked for" in done
    assert 'hx-trigger="every 1s' in done  # while an outcome is missing
    with telnyx_says(account, **{"actions/hangup": {"data": {"result": "ok"}}}):
        run_owed()
    done = text(browser, f"{CALLS}{WISH}/")
    assert "hx-trigger" not in done.split("What was stopped")[-1].split("</main>")[0]
    browser.post(f"{CALLS}{WISH}/")
    assert DialBatch.objects.get().status == "running"


def test_only_what_was_picked_on_the_live_board_is_hung_up(browser: Client, account: TelnyxAccount) -> None:
    calls = [make_call(account, leg) for leg in "abc"]
    board = text(browser, LIVE)
    assert all(f'name="call" value="{call.pk}"' in board for call in calls)
    picked = {"call": [str(call.pk) for call in calls[:2]]}
    asked = browser.post(CALLS, picked).content.decode()
    assert ("Hang up 2 calls" in asked, CallCommand.objects.count()) == (True, 0)
    browser.post(CALLS, picked | {"intent": WISH, "go": "1"})
    assert set(CallCommand.objects.values_list("call", "action")) == {(call.pk, "hangup") for call in calls[:2]}


def test_who_may_only_control_calls_picks_and_stops_not_all(signed_in: Any, account: TelnyxAccount) -> None:
    call = make_call(account, direction="outgoing")
    window = signed_in("voice.view_call", "voice.control_call")
    board = text(window, LIVE)
    assert ("portal-pick" in board, "Hang up all outgoing" in board) == (True, False)
    assert window.get(CALLS).status_code == 403
    assert window.post(CALLS, {"intent": WISH, "go": "1"}).status_code == 403
    page = window.post(CALLS, {"call": str(call.pk)}).content.decode()
    assert "Hang up 1 call" in page
    for hidden in ("5550101", "555-0101", "5550199"):
        assert hidden not in page
    assert "portal-pick" not in text(signed_in("voice.view_call", username="looks"), LIVE)


def test_an_account_is_suspended_with_a_reason_and_lifted_again(browser: Client, account: TelnyxAccount) -> None:
    assert suspend_at(account) in text(browser, STOP)
    assert "No rule and no handler acts" in text(browser, suspend_at(account))
    page = browser.post(suspend_at(account), {"why": "Fraud <b>"}, follow=True).content.decode()
    row = Suspension.objects.get()
    assert (row.account, row.connection_id, row.requested_by) == (account, "", "user: operator")
    assert "Fraud &lt;b&gt;" in page
    assert "is suspended here since" in text(browser, f"/admin/portal/telnyxaccount/{account.pk}/change/")
    page = browser.post(f"{STOP}lift/{row.pk}/", follow=True).content.decode()
    assert ("is not suspended any more" in page, Suspension.objects.exists()) == (True, False)
    assert "It is not suspended any more" in browser.post(f"{STOP}lift/{row.pk}/", follow=True).content.decode()


def test_an_application_is_suspended_from_its_page(browser: Client, application: CallControlApplication) -> None:
    page = f"/admin/applications/callcontrolapplication/{application.pk}/change/"
    address = suspend_at(application.account, CONNECTION)
    assert address in text(browser, page)
    browser.post(address, {"why": ""})
    assert Suspension.objects.get().connection_id == CONNECTION
    assert ("is suspended here since" in text(browser, page), address in text(browser, page)) == (True, False)
    assert "support line" in text(browser, STOP)


def test_a_reason_that_is_too_long_is_told_on_its_field(browser: Client, account: TelnyxAccount) -> None:
    page = browser.post(suspend_at(account), {"why": "x" * 201}).content.decode()
    assert ("at most 200 characters" in page, Suspension.objects.exists()) == (True, False)


@pytest.mark.parametrize(
    ("url", "needs"),
    [
        (STOP, "voice.view_suspension"),
        (f"{STOP}suspend/{NOBODY}/", "voice.suspend"),
        (f"{STOP}lift/{NOBODY}/", "voice.suspend"),
        (f"{CALLS}{NOBODY}/", "voice.control_call"),
    ],
)
def test_each_page_takes_its_permission(signed_in: Any, url: str, needs: str) -> None:
    assert signed_in("voice.view_call").get(url).status_code == 403
    assert signed_in(needs, username="may").get(url).status_code in {200, 404, 405}


@pytest.mark.parametrize(
    "url", [f"{CALLS}?call=x", f"{CALLS}?account=x", f"{CALLS}?intent=x", f"{STOP}suspend/{{}}/none/"]
)
def test_what_is_no_id_is_a_bad_request(browser: Client, account: TelnyxAccount, url: str) -> None:
    assert browser.get(url.format(account.pk)).status_code == 400


def test_looking_stops_nothing(browser: Client, account: TelnyxAccount) -> None:
    make_call(account, direction="outgoing")
    row = Suspension.objects.create(account=account, since="2026-01-01T00:00Z", requested_by="user: ada")
    for url in (f"{CALLS}?intent={uuid.uuid4()}&go=1", suspend_at(account), STOP):
        assert browser.get(url).status_code == 200
    assert browser.get(f"{STOP}lift/{row.pk}/").status_code == 405
    assert not CallCommand.objects.exists()
    assert Suspension.objects.get() == row


def test_many_suspensions_cost_as_many_statements_as_two(
    browser: Client, api: APIClient, account: TelnyxAccount
) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            browser.get(STOP)
        return len(asked)

    def suspend(at: int) -> None:
        told = {"application_name": f"line {at}", "webhook_event_url": account.webhook_url}
        CallControlApplication.objects.create(account=account, telnyx_id=str(at), **told)
        browser.post(suspend_at(account, str(at)), {"why": "a test"})

    begin(api, 3)  # of application 1
    for at in (1, 2):
        suspend(at)
    few = statements()
    for at in range(3, 9):
        suspend(at)
    assert statements() == few
    page = text(browser, STOP)
    assert all(f"line {at}" in page for at in range(1, 9))
    assert page.count("1 batch goes on") == 1
