"""Telnyx's lists for the live board: asked for once, whoever watches; what goes wrong is told."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connections
from django.db.models import F
from django.test import Client

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.accounts import make_account
from tests.support.factories import CONNECTION, make_call
from tests.support.live_board import ASK, text
from tests.support.rows import Call, LiveListing
from tests.support.sandbox_ledger import wire
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice import models
from voice.live_board import listings

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]


def test_telnyx_is_asked_once_in_fifteen_seconds(
    ring: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount, browser: Client
) -> None:
    call = ring()
    CallControlApplication.objects.create(
        account=sandbox_account, telnyx_id=call.connection_id, application_name="line", pulled_at=ago(1)
    )
    Call.objects.all().delete()
    for _ in range(3):
        assert browser.get(ASK).status_code == 204
    assert len(wire(sandbox, "/v2/connections")) == 1
    assert call.call_control_id in text(browser)
    LiveListing.objects.update(claimed_at=ago(16))
    browser.get(ASK)
    assert len(wire(sandbox, "/v2/connections")) == 2


@pytest.mark.django_db(transaction=True)
def test_of_many_watchers_one_asks(ring: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount) -> None:
    ring()
    at_once = threading.Barrier(4)

    def watch() -> None:
        at_once.wait()
        try:
            listings.ask_telnyx()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as watchers:
        for done in [watchers.submit(watch) for _ in range(4)]:
            done.result()
    assert len(wire(sandbox, "/v2/connections")) == 1


def test_where_one_account_takes_all_the_time_the_next_look_asks_whoever_was_asked_longest_ago(
    account: TelnyxAccount, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_account("second")
    names = list(TelnyxAccount.objects.order_by("name").values_list("name", flat=True))
    asked, clock = list[str](), [0.0]

    def slow(one: TelnyxAccount, until: float) -> None:
        asked.append(one.name)
        clock[0] = until

    monkeypatch.setattr(listings, "_ask", slow)
    monkeypatch.setattr(listings, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    for _ in [*names, "the first one again"]:
        assert browser.get(ASK).status_code == 204
        models.LiveListing.objects.update(claimed_at=F("claimed_at") - timedelta(seconds=16))
    assert asked == [*names, names[0]]


def test_an_outage_is_told_in_words(ring: Any, sandbox: Sandbox, browser: Client) -> None:
    ring()
    sandbox.faults.add({"method": "GET", "fault": "status", "value": 500})
    assert browser.get(ASK).status_code == 204
    page = text(browser)
    assert "could not be read" in page
    assert "any more" not in page


@pytest.mark.parametrize(("said", "told"), [("404 Not Found", False), ("403 Forbidden", True)])
def test_a_refusal_of_one_application_leaves_the_others_asked(
    account: TelnyxAccount, browser: Client, said: str, told: bool
) -> None:
    for telnyx_id in ("111", "222", "333"):
        CallControlApplication.objects.create(
            account=account, telnyx_id=telnyx_id, application_name=telnyx_id, pulled_at=ago(1)
        )
    one = {"data": [{"call_control_id": "v3:there", "call_duration": 3}], "meta": {"total_items": 1}}
    with telnyx_says(account, **{"/222/": said, "/111/": {"data": [], "meta": {"total_items": 0}}, "/333/": one}):
        browser.get(ASK)
    listing = LiveListing.objects.get()
    assert (sorted(listing.asked), bool(listing.error)) == (["111", "333"], told)
    page = text(browser)
    assert "v3:there" in page
    assert ("222: " in page) == told


@pytest.mark.parametrize(("most", "is_cut"), [(1, True), (2, False)])
def test_of_too_many_applications_some_are_asked_and_that_is_told(
    account: TelnyxAccount, browser: Client, monkeypatch: pytest.MonkeyPatch, most: int, is_cut: bool
) -> None:
    monkeypatch.setattr("voice.live_board.listings._MOST", most)
    for name in ("111", "222"):
        CallControlApplication.objects.create(account=account, telnyx_id=name, application_name=name, pulled_at=ago(1))
    with telnyx_says(account, active_calls={"data": [], "meta": {"total_items": 0}}):
        browser.get(ASK)
    assert LiveListing.objects.get().asked == ["111", "222"][:most]
    assert (f"Only the first {most} applications of each kind are asked" in text(browser)) is is_cut


def test_of_an_application_whose_calls_telnyx_tells_by_half_nobody_says_what_is_missing(
    account: TelnyxAccount, browser: Client
) -> None:
    CallControlApplication.objects.create(
        account=account, telnyx_id=CONNECTION, application_name="half", pulled_at=ago(1)
    )
    make_call(account, started_at=ago(60))
    half = {"data": [{"call_control_id": "v3:there", "call_duration": 3}], "meta": {"total_items": 2}}
    with telnyx_says(account, active_calls=half):
        browser.get(ASK)
    assert LiveListing.objects.get().asked == []
    page = text(browser)
    assert "v3:there" in page
    assert "could not be read whole" in page
    assert "any more" not in page
