"""The pages that stop: what each says first, what it does, and for whom it is."""

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from applications.models import CallControlApplication
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.batches import begin
from tests.support.commands import act
from tests.support.factories import CONNECTION, make_call, run_owed
from tests.support.live_board import text
from tests.support.rows import CallCommand, DialBatch
from tests.support.telnyx_answers import telnyx_says
from voice.dialling import batches
from voice.models import Stop, Suspension
from voice.stops import admin, service

pytestmark = pytest.mark.django_db
STOP, CALLS, LIVE = "/admin/stop/", "/admin/stop/calls/", "/admin/voice/call/live/"
WISH = "2c8f1a52-3a0f-4a86-9d63-0a1f4b6c7d8e"
PRESSES = ("voice.control_call", "voice.dial")
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


def test_who_picked_nothing_is_not_asked_whether_all_are_to_be_hung_up(browser: Client, account: TelnyxAccount) -> None:
    call = make_call(account, direction="outgoing")
    assert '<button type="submit" name="picked" value="1"' in text(browser, LIVE)
    answer = browser.post(CALLS, {"picked": "1"}, follow=True)
    assert answer.redirect_chain == [(LIVE, 302)]
    assert "Pick a call first: nothing was hung up." in answer.content.decode()
    asked = browser.post(CALLS, {"picked": "1", "call": str(call.pk)}).content.decode()
    assert "Hang up the picked calls" in asked


def test_before_real_people_are_cut_off_it_says_how_many(browser: Client, account: TelnyxAccount) -> None:
    here, cut = make_call(account, "a"), "real people are cut off"
    real = [make_call(make_account(f"real {at}", base_url="https://telnyx.example"), str(at)) for at in range(2)]
    ended = make_call(account, "b", state="ended", ended_at=here.started_at)
    picked = {"call": [str(call.pk) for call in (here, *real, ended)]}
    asked = " ".join(browser.post(CALLS, picked).content.decode().split())
    assert f"2 of them are at a LIVE account: {cut}" in asked
    assert "1 of those you picked has ended by now" in asked
    assert cut not in browser.post(CALLS, {"call": [str(here.pk)]}).content.decode()


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


def test_who_hangs_up_is_led_to_pages_that_they_may_see(signed_in: Any, account: TelnyxAccount) -> None:
    call = make_call(account)
    for also, there in (("voice.view_contact", "/admin/"), ("voice.suspend", STOP), ("voice.view_call", LIVE)):
        client = signed_in("voice.control_call", also, username=also)
        asked = client.post(CALLS, {"call": str(call.pk)}).content.decode()
        assert f'href="{there}">Cancel<' in asked
        assert ("Hang up 1 call" in asked, "•••0101" in asked) == (True, there == LIVE)
        done = client.post(CALLS, {"call": str(call.pk), "intent": str(uuid.uuid4()), "go": "1"}, follow=True)
        assert ("Live board" in done.content.decode()) == (there == LIVE)


def test_who_may_not_suspend_is_not_led_there(signed_in: Any, account: TelnyxAccount) -> None:
    for also, is_led in (("voice.view_suspension", False), ("voice.suspend", True)):
        asked = text(signed_in("voice.control_call", "voice.dial", also, username=also), CALLS)
        assert "Rules and people may dial again" in asked
        assert (">suspend</a> to keep them from it" in asked) is is_led


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


@pytest.mark.alone("it counts what every account has")
def test_the_overview_counts_by_account_and_says_which_is_suspended_and_that_there_are_more(
    browser: Client, api: APIClient, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(2):
        make_call(account, f"o{at}", direction="outgoing")
        begin(api, 2)
    other = TelnyxAccount.objects.create(name="other", webhook_token="other")
    told = {"account": account, "since": "2026-01-01T00:00Z", "requested_by": "user: ada"}
    Suspension.objects.create(**told, connection_id="3")
    monkeypatch.setattr(admin, "_SHOWN", 1)
    page = text(browser, STOP)
    assert ("2 outgoing calls · 2 running batches" in page, "0 outgoing calls · 0 running batches" in page) == (
        True,
        True,
    )
    assert ("There are more" in page, suspend_at(account) in page) == (False, True)
    Suspension.objects.create(**told)
    page = text(browser, STOP)
    assert ("There are more" in page, suspend_at(account) in page, suspend_at(other) in page) == (True, False, True)


def test_the_page_that_suspends_an_application_counts_what_is_its_own(
    browser: Client, api: APIClient, application: CallControlApplication
) -> None:
    account = application.account
    begin(api, 2, connection_id=CONNECTION)
    begin(api, 2, connection_id="another")
    make_call(account)
    make_call(account, "other", connection_id="another")
    page = text(browser, suspend_at(account, CONNECTION))
    assert ("1 running batch is paused" in page, "1 call is live" in page) == (True, True)
    assert "It is suspended already" not in page
    browser.post(suspend_at(account, CONNECTION), {"why": ""})
    assert "It is suspended already" in text(browser, suspend_at(account, CONNECTION))


@pytest.mark.alone("it counts what every account has")
def test_what_came_of_a_stop_is_counted_of_its_own_hang_ups(browser: Client, account: TelnyxAccount) -> None:
    mine, others = make_call(account, direction="outgoing"), make_call(account, "other", direction="outgoing")
    act(others, "hangup")
    page = browser.post(CALLS, {"call": str(mine.pk)}).content.decode()
    assert ("and pause" in page, "Hang up the picked calls" in page) == (False, True)
    page = browser.post(CALLS, {"call": str(mine.pk), "intent": WISH, "go": "1"}, follow=True).content.decode()
    assert ("1 hang-up asked for" in page, "user: operator" in page) == (True, True)
    CallCommand.objects.filter(call=mine).update(status="sending")
    page = text(browser, f"{CALLS}{WISH}/")
    assert 'aria-valuenow="0"' in page
    assert f"Hang up all outgoing calls of {account}" in text(browser, f"{CALLS}?account={account.pk}")


@pytest.mark.alone("it counts what every account has")
def test_after_a_stop_of_all_the_page_says_what_is_left_and_after_one_of_picked_calls_it_does_not(
    browser: Client, account: TelnyxAccount
) -> None:
    calls = [make_call(account, leg, direction="outgoing") for leg in "abc"]
    whole, picked = uuid.uuid4(), uuid.uuid4()
    browser.post(CALLS, {"call": str(calls[0].pk), "intent": str(picked), "go": "1"})
    browser.post(CALLS, {"intent": str(whole), "go": "1"})
    CallCommand.objects.update(status="ok")
    told = [text(browser, f"{CALLS}{stop}/") for stop in (picked, whole)]
    assert ["Outgoing calls now</dt><dd>3" in page for page in told] == [False, True]
    assert ["Outgoing calls now" in page or "Hang up what is left" in page for page in told] == [False, True]
    assert ["Batches paused" in page for page in told] == [False, True]


def test_an_application_is_suspended_from_its_page(browser: Client, application: CallControlApplication) -> None:
    page = f"/admin/applications/callcontrolapplication/{application.pk}/change/"
    address = suspend_at(application.account, CONNECTION)
    head, tabs, rest = text(browser, page).partition('<nav class="portal-tabs"')
    assert (address in head, bool(tabs), address in rest) == (True, True, False)
    browser.post(address, {"why": ""})
    row = Suspension.objects.get()
    assert row.connection_id == CONNECTION
    head = text(browser, page).partition('<nav class="portal-tabs"')[0]
    assert all(words in head for words in ("is suspended here since", f"{STOP}lift/{row.pk}/", "Lift the suspension<"))
    assert address not in head
    assert "support line" in text(browser, STOP)


def test_the_head_of_an_application_tells_of_its_account_s_suspension_to_who_may_know(
    browser: Client, signed_in: Any, application: CallControlApplication
) -> None:
    page = f"/admin/applications/callcontrolapplication/{application.pk}/change/"
    looks = ("applications.view_callcontrolapplication", "voice.view_suspension")
    reader, nobody = signed_in(*looks, username="reader"), signed_in(looks[0], username="nobody")
    assert "pause_circle" not in text(reader, page)
    browser.post(suspend_at(application.account), {"why": "Fraud"})
    assert "Lift the suspension of the account" in text(browser, page)
    told = text(reader, page)
    assert ("is suspended here since" in told, "Fraud" in told, "Lift" in told) == (True, True, False)
    assert "is suspended here since" not in text(nobody, page)


def test_a_reason_that_is_too_long_is_told_on_its_field(browser: Client, account: TelnyxAccount) -> None:
    page = browser.post(suspend_at(account), {"why": "x" * 201}).content.decode()
    assert ("at most 200 characters" in page, Suspension.objects.exists()) == (True, False)


@pytest.mark.parametrize(
    ("url", "needs"),
    [
        (STOP, "voice.view_suspension"),
        (STOP, "voice.suspend"),
        (f"{STOP}suspend/{NOBODY}/", "voice.suspend"),
        (f"{STOP}lift/{NOBODY}/", "voice.suspend"),
        (f"{CALLS}{NOBODY}/", "voice.control_call"),
        (f"{CALLS}?call={NOBODY}", "voice.control_call"),
    ],
)
def test_each_page_takes_its_permission(signed_in: Any, url: str, needs: str) -> None:
    assert signed_in("voice.view_call").get(url).status_code == 403
    assert signed_in(needs, username="may").get(url).status_code in {200, 404, 405}


def test_who_may_not_dial_lets_no_batch_go_on(
    browser: Client, signed_in: Any, api: APIClient, account: TelnyxAccount
) -> None:
    begin(api, 2)
    browser.post(CALLS, {"intent": WISH, "go": "1", "account": str(account.pk)})
    url, batch = f"{CALLS}{WISH}/", DialBatch.objects.get()
    for permissions, code, status in ((("voice.control_call",), 403, "paused"), (PRESSES, 302, "running")):
        assert signed_in(*permissions, username=status).post(url).status_code == code
        batch.refresh_from_db()
        assert batch.status == status


@pytest.mark.alone("it counts what every account has")
def test_a_batch_that_is_paused_already_is_not_counted_among_those_that_a_stop_pauses(
    browser: Client, api: APIClient, account: TelnyxAccount
) -> None:
    batches.pause(begin(api, 2), PORTAL)
    begin(api, 2)
    make_call(account, direction="outgoing")
    page = text(browser, STOP)
    assert ("1 outgoing call · 1 running batch<" in page, "1 outgoing call, 1 running batch<" in page) == (True, True)
    assert "Hang up 1 call and pause 1 batch<" in text(browser, CALLS)
    browser.post(CALLS, {"intent": WISH, "go": "1"})
    assert Stop.objects.get().batches == 1


def test_a_batch_that_is_cancelled_meanwhile_is_not_among_those_that_go_on(
    browser: Client, api: APIClient, account: TelnyxAccount
) -> None:
    alder, _ = begin(api, 2, name="alder"), begin(api, 2, name="birch")
    browser.post(CALLS, {"intent": WISH, "go": "1", "account": str(account.pk)})
    batches.cancel(alder, PORTAL)
    page = text(browser, f"{CALLS}{WISH}/")
    assert ("birch" in page, "alder" in page) == (True, False)
    cedar, _ = begin(api, 2, name="cedar"), begin(api, 2, name="dogwood")
    browser.post(suspend_at(account), {"why": ""})
    batches.cancel(cedar, PORTAL)
    assert "Lift, 1 batch goes on<" in text(browser, STOP)


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


@pytest.mark.alone("it counts what every account has")
def test_an_account_is_said_to_be_suspended_however_many_suspensions_are_newer(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin, "_SHOWN", 1)
    other = TelnyxAccount.objects.create(name="other", webhook_token="other")
    told = {"account": account, "requested_by": "user: ada"}
    Suspension.objects.create(**told, since="2026-01-01T00:00Z")
    for at in range(2):
        Suspension.objects.create(**told, connection_id=str(at), since="2026-01-02T00:00Z")
    page = text(browser, STOP)
    assert (suspend_at(account) in page, suspend_at(other) in page) == (False, True)


@pytest.mark.alone("it counts what every account has")
def test_the_overview_draws_a_hundred_suspensions_five_stops_and_twenty_five_accounts(
    browser: Client, account: TelnyxAccount
) -> None:
    told: dict[str, Any] = {"account": account, "since": "2026-01-01T00:00Z", "requested_by": "user: ada"}
    Suspension.objects.bulk_create(Suspension(connection_id=str(at), **told) for at in range(100))
    stops = [Stop.objects.create(at=f"2026-01-{at:02}T00:00Z", requested_by="user: ada") for at in range(1, 7)]
    for at in range(24):
        TelnyxAccount.objects.create(name=f"account {at:02}", webhook_token=str(at))
    page = text(browser, STOP)
    assert page.count("Lift the suspension of") == 100
    assert ("There are more" in page, "More accounts" in page) == (False, False)
    assert [f"{CALLS}{stop.pk}/" in page for stop in stops] == [False, True, True, True, True, True]
    Suspension.objects.create(**told, connection_id="100")
    last = TelnyxAccount.objects.create(name="zoo", webhook_token="zoo")
    page, next_page = text(browser, STOP), text(browser, f"{STOP}?page=2")
    assert page.count("Lift the suspension of") == 100
    assert ("There are more" in page, "More accounts" in page) == (True, True)
    assert [suspend_at(last) in one for one in (page, next_page)] == [False, True]
    assert suspend_at(account) not in next_page


@pytest.mark.alone("it counts what every account has")
def test_of_many_calls_the_first_hundred_are_named_and_no_more_are_hung_up_than_it_says(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(101):
        make_call(account, str(at), direction="outgoing", started_at=f"2026-01-01T00:{at // 60:02}:{at % 60:02}Z")
    page = text(browser, CALLS)
    assert ("the first 100 of 101" in page, "press again" in page) == (True, False)
    assert ("since 00:00:00" in page, "since 00:01:39" in page, "since 00:01:40" in page) == (True, True, False)
    monkeypatch.setattr(service, "MOST", 2)
    assert "At most 2 at once: press again for the rest." in text(browser, CALLS)
    browser.post(CALLS, {"intent": WISH, "go": "1"})
    assert (Stop.objects.get().calls, CallCommand.objects.count()) == (2, 2)
    assert "Outgoing calls now</dt><dd>101" in text(browser, f"{CALLS}{WISH}/")


def test_the_page_of_an_application_says_that_it_is_suspended_itself_and_not_of_its_account(
    browser: Client, application: CallControlApplication
) -> None:
    account = application.account
    browser.post(suspend_at(account), {"why": ""})
    pages = [text(browser, suspend_at(account, connection_id)) for connection_id in ("", CONNECTION)]
    assert ["It is suspended already" in page for page in pages] == [True, False]
