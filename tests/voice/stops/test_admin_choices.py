"""The pages that stop offer to each who looks what he may do, and do what was meant alone."""

import re
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from applications.models import CallControlApplication
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.batches import begin
from tests.support.commands import dial, now_due, seen
from tests.support.factories import make_call
from tests.support.live_board import text
from tests.support.rows import CallCommand
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice.dispatch import sender
from voice.models import Call, Suspension
from voice.stops import admin, service

pytestmark = pytest.mark.django_db
STOP, CALLS = "/admin/stop/", "/admin/stop/calls/"
WISH = "2c8f1a52-3a0f-4a86-9d63-0a1f4b6c7d8e"
DONE = f"{CALLS}{WISH}/"


def stop(browser: Client, account: TelnyxAccount) -> None:
    assert browser.post(CALLS, {"intent": WISH, "go": "1", "account": str(account.pk)}).status_code == 302


def test_the_suspension_that_was_meant_is_lifted_and_no_other(browser: Client, account: TelnyxAccount) -> None:
    told: dict[str, Any] = {"account": account, "requested_by": "user: ada"}
    rows = [Suspension.objects.create(connection_id=str(at), since=ago(at), **told) for at in range(3)]
    assert browser.post(f"{STOP}lift/{rows[1].pk}/").status_code == 302
    assert set(Suspension.objects.all()) == {rows[0], rows[2]}


@pytest.mark.parametrize(
    ("permissions", "offered"),
    [
        ((), False),
        (("voice.control_call",), False),
        (("voice.dial",), False),
        (("voice.control_call", "voice.dial"), True),
    ],
)
def test_all_calls_are_hung_up_by_who_may_and_offered_to_him_alone(
    signed_in: Any, account: TelnyxAccount, permissions: tuple[str, ...], offered: bool
) -> None:
    client = signed_in("voice.view_suspension", *permissions)
    assert (f'href="{CALLS}"' in text(client, STOP)) == offered
    assert client.get(CALLS).status_code == (200 if offered else 403)


def test_who_may_suspend_and_no_more_is_offered_it_on_the_pages_of_what_can_be(
    signed_in: Any, account: TelnyxAccount
) -> None:
    told = {"application_name": "line", "webhook_event_url": account.webhook_url}
    application = CallControlApplication.objects.create(account=account, telnyx_id="77", **told)
    looks = ("applications.view_callcontrolapplication", "portal.view_telnyxaccount")
    suspends = signed_in(*looks, "voice.suspend")
    page = text(suspends, f"/admin/applications/callcontrolapplication/{application.pk}/change/")
    assert f"{STOP}suspend/{account.pk}/77/" in page
    assert f"{STOP}suspend/{account.pk}/" in text(suspends, f"/admin/portal/telnyxaccount/{account.pk}/change/")


def test_that_batches_go_on_is_offered_to_who_may_dial(
    browser: Client, signed_in: Any, api: APIClient, account: TelnyxAccount
) -> None:
    begin(api, 2, name="birch")
    stop(browser, account)
    hangs_up = signed_in("voice.control_call", username="hangs up")
    dials = signed_in("voice.control_call", "voice.dial", username="dials")
    pages = [text(client, DONE) for client in (hangs_up, dials)]
    assert ["birch" in page for page in pages] == [True, True]
    assert ["go on</button>" in page for page in pages] == [False, True]


def test_what_came_of_the_hang_ups_is_counted_by_outcome(browser: Client, account: TelnyxAccount) -> None:
    calls = [make_call(account, leg, direction="outgoing") for leg in "abc"]
    stop(browser, account)
    CallCommand.objects.update(status="ok")
    CallCommand.objects.filter(call=calls[0]).update(status="refused")
    page = text(browser, DONE)
    assert re.findall(r">(\w+)</span></dt><dd>(\d+)</dd>", page) == [("ok", "2"), ("refused", "1")]


@pytest.mark.parametrize(
    ("statuses", "percent"),
    [
        ([], 0),
        (["queued", "ok", "refused", "expired"], 75),
        (["sending", "queued", "ok", "uncertain"], 50),
        (["ok"], 100),
    ],
)
def test_the_page_of_a_stop_says_how_many_hang_ups_of_a_hundred_have_an_outcome(
    browser: Client, account: TelnyxAccount, statuses: list[str], percent: int
) -> None:
    calls = [make_call(account, str(at), direction="outgoing") for at in range(len(statuses))]
    stop(browser, account)
    for call, status in zip(calls, statuses, strict=True):
        CallCommand.objects.filter(call=call).update(status=status)
    page = text(browser, DONE)
    assert f'aria-valuenow="{percent}"' in page
    assert ("hx-trigger" in page.partition('id="portal-live"')[2].partition(">")[0]) is (0 < percent < 100)


def test_where_nothing_was_picked_none_of_it_has_ended(browser: Client, account: TelnyxAccount) -> None:
    make_call(account, direction="outgoing")
    page = text(browser, f"{CALLS}?account={account.pk}")
    assert ("Hang up 1 call<" in page, "of those you picked" in page) == (True, False)


def test_after_a_stop_of_one_account_the_page_counts_and_offers_what_is_left_of_it(
    browser: Client, account: TelnyxAccount
) -> None:
    for one in (account, make_account("other")):
        make_call(one, direction="outgoing")
    browser.post(CALLS, {"intent": WISH, "go": "1", "account": str(account.pk)})
    assert [one.account for one in CallCommand.objects.all()] == [account]
    CallCommand.objects.update(status="ok")
    page = text(browser, f"{CALLS}{WISH}/")
    assert "Outgoing calls now</dt><dd>1</dd>" in page
    assert f'href="{CALLS}?account={account.pk}">Hang up what is left' in page


def test_a_reason_that_is_not_kept_because_it_is_suspended_already_is_told(
    browser: Client, account: TelnyxAccount
) -> None:
    address = f"{STOP}suspend/{account.pk}/"
    pages = [browser.post(address, {"why": why}, follow=True).content.decode() for why in ("Fraud", "Fraud", "Test")]
    assert ["your reason is not kept" in page for page in pages] == [False, False, True]
    assert Suspension.objects.get().why == "Fraud"


@pytest.mark.alone("it stops what every account has")
def test_the_page_of_a_stop_says_that_more_batches_are_paused_than_it_lists(
    browser: Client, api: APIClient, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        begin(api, 2)
    browser.post(CALLS, {"intent": WISH, "go": "1"})
    for shown, more in ((2, False), (1, True)):
        monkeypatch.setattr(admin, "_SHOWN", shown)
        page = text(browser, f"{CALLS}{WISH}/")
        assert page.count("2 lines<") == shown
        assert (f"There are more paused batches than these {shown};" in page) == more


def test_the_page_that_asks_carries_what_was_asked_for_and_names_the_call(
    browser: Client, account: TelnyxAccount
) -> None:
    call = make_call(account, direction="outgoing")
    for query in ({"account": str(account.pk)}, {"call": str(call.pk)}):
        page = browser.get(CALLS, {**query, "intent": WISH}).content.decode().partition('class="portal-form"')[2]
        carried = dict(re.findall(r'<input type="hidden" name="(intent|account|call)" value="([^"]+)">', page))
        assert carried == {**query, "intent": WISH}
        assert "+1 312-555-0101 → +1 312-555-0199" in page


def test_where_every_call_that_was_picked_has_ended_there_is_nothing_to_press(
    browser: Client, account: TelnyxAccount
) -> None:
    ended = make_call(account, "over", state="ended")
    live = make_call(account)
    pages = [text(browser, f"{CALLS}?call={call.pk}") for call in (ended, live)]
    assert [" disabled>Hang up 0 calls<" in page for page in pages] == [True, False]
    assert ['portal-button-danger">Hang up 1 call<' in page for page in pages] == [False, True]


def test_a_dial_on_the_wire_can_be_stopped_when_nothing_else_is_left(browser: Client, account: TelnyxAccount) -> None:
    command = dial(account, "1")
    tried = [{"at": ago(2).isoformat(), "outcome": "uncertain"}]
    CallCommand.objects.filter(pk=command.pk).update(status="sending", first_sent_at=ago(2), attempts=tried)
    pages = [text(browser, f"{CALLS}?account={account.pk}")]
    stop(browser, account)
    pages.append(text(browser, f"{CALLS}?account={account.pk}"))
    assert ["1 dial or transfer on the wire is not sent again" in page for page in pages] == [True, False]
    assert [" disabled>Hang up 0 calls<" in page for page in pages] == [False, True]
    assert ['portal-button-danger">Stop all of this<' in page for page in pages] == [True, False]
    now_due(command)
    with telnyx_says(account, calls={"data": {"call_control_id": "v3:new"}}) as asked:
        sender.send(command.pk)
    assert (asked.requests, seen(command).status) == ([], "uncertain")


def test_a_stop_says_which_batches_it_takes_over_and_lifting_counts_them_no_more(
    browser: Client, api: APIClient, account: TelnyxAccount
) -> None:
    begin(api, 2)
    service.suspend(account, "", "Fraud", PORTAL)
    page = text(browser, f"{CALLS}?account={account.pk}")
    told = "1 batch that a suspension has paused is taken over: it stays paused when that is lifted"
    assert (told in page, " disabled>Hang up" in page) == (True, False)
    assert "Lift, 1 batch goes on<" in text(browser, STOP)
    stop(browser, account)
    assert ("goes on<" in text(browser, STOP), "Batches paused</dt><dd>1</dd>" in text(browser, DONE)) == (False, True)
    assert told not in text(browser, f"{CALLS}?account={account.pk}")


def test_of_more_than_two_thousand_calls_it_says_how_many_are_hung_up_at_once(
    browser: Client, account: TelnyxAccount
) -> None:
    told: dict[str, Any] = {"account": account, "direction": "outgoing", "state": "answered", "started_at": ago(9)}
    Call.objects.bulk_create(Call(call_control_id=f"v3:{at}", **told) for at in range(2001))
    page = text(browser, f"{CALLS}?account={account.pk}")
    assert ("the first 100 of 2,001" in page, "At most 2,000 at once: press again" in page) == (True, True)


def test_the_page_that_suspends_says_what_and_whose_it_is_and_looks_at_its_own_suspension(
    browser: Client, account: TelnyxAccount
) -> None:
    told: dict[str, Any] = {"application_name": "line 77", "webhook_event_url": account.webhook_url}
    CallControlApplication.objects.create(account=account, telnyx_id="77", **told)
    other = make_account("other")
    for connection_id in ("", "77"):
        service.suspend(other, connection_id, "", PORTAL)
    pages = [text(browser, f"{STOP}suspend/{account.pk}/{at}") for at in ("", "77/")]
    assert [f'anywhere">{account} ' in page for page in pages] == [True, False]
    assert ['anywhere">line 77 ' in page for page in pages] == [False, True]
    assert ["<small>the whole account</small>" in page for page in pages] == [True, False]
    assert [f"<small>application of {account}</small>" in page for page in pages] == [False, True]
    assert ["It is suspended already" in page for page in pages] == [False, False]


def test_who_lifts_a_suspension_is_told_which_batches_go_on_with_it(
    browser: Client, api: APIClient, account: TelnyxAccount
) -> None:
    begin(api, 2)  # of application 1
    told = list[str]()
    for connection_id in ("2", "1"):
        row = service.suspend(account, connection_id, "", PORTAL)
        answer = browser.post(f"{STOP}lift/{row.pk}/", follow=True)
        told += [str(message) for message in answer.context["messages"]]
    lifted = f"{account} is not suspended any more."
    assert told == [lifted, f"{lifted} 1 batch goes on with it."]


def test_who_gives_no_reason_is_not_told_that_it_is_not_kept(browser: Client, account: TelnyxAccount) -> None:
    address = f"{STOP}suspend/{account.pk}/"
    pages = [browser.post(address, {"why": why}, follow=True).content.decode() for why in ("Fraud", "")]
    assert ["your reason is not kept" in page for page in pages] == [False, False]
    assert Suspension.objects.get().why == "Fraud"


def test_the_page_of_an_account_tells_of_its_suspension_to_who_may_know(signed_in: Any, account: TelnyxAccount) -> None:
    url, offered = f"/admin/portal/telnyxaccount/{account.pk}/change/", f"{STOP}suspend/{account.pk}/"
    looks = ("portal.view_telnyxaccount", "voice.view_suspension")
    reader, nobody = signed_in(*looks, username="reader"), signed_in(looks[0], username="nobody")
    pages = [text(client, url) for client in (reader, nobody)]
    assert ["no rule of this account acts" in page for page in pages] == [True, False]
    assert [offered in page for page in pages] == [False, False]
    service.suspend(account, "", "Fraud", PORTAL)
    pages = [text(client, url) for client in (reader, nobody)]
    assert ["is suspended here since" in page for page in pages] == [True, False]
    assert ["Lift the suspension" in page for page in pages] == [False, False]
