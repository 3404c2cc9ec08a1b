"""Jobs of a bad moment, walked and counted: everything outgoing stopped, and who changed what."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from portal.actors import Actor
from portal.models import AuditEvent, TelnyxAccount
from tests.support.factories import make_call
from voice.models import CallCommand, Suspension

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.long]


class Presses:
    """Presses what a person would, and counts."""

    def __init__(self, page: Any) -> None:
        self.page, self.count = page, 0

    def on(self, role: str, name: str) -> None:
        self.page.get_by_role(role, name=name).first.click()
        self.count += 1


def test_all_outgoing_calls_are_stopped_in_three_presses(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    for leg in "ab":
        make_call(account, leg, direction="outgoing")
    with opened() as window:
        window.enter(operator)
        window.open("/admin/")
        press = Presses(window.page)
        press.on("link", "Live")
        press.on("link", "Hang up all outgoing and pause batches")
        press.on("button", "Hang up 2 calls")
        window.page.get_by_text("2 hang-ups asked for").wait_for()
    assert (press.count, CallCommand.objects.filter(action="hangup").count()) == (3, 2)
    assert window.wrongs == []


def test_what_is_picked_on_the_live_board_stays_picked_while_the_board_draws_itself(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    calls = [make_call(account, leg) for leg in "ab"]
    with opened() as window:
        window.enter(operator)
        window.open("/admin/voice/call/live/")
        assert window.page.get_by_role("button", name="Hang up picked").is_disabled()
        window.page.locator(f"#pick-{calls[0].pk}").check()
        window.page.get_by_role("button", name="Hang up picked (1)").wait_for()
        late = make_call(account, "late")
        window.page.locator(f"#pick-{late.pk}").wait_for()  # it has drawn itself since
        assert window.page.locator(f"#pick-{calls[0].pk}").is_checked()
        window.page.get_by_role("button", name="Hang up picked (1)").click()
        window.page.get_by_role("button", name="Hang up 1 call").click()
        window.page.get_by_text("1 hang-up asked for").wait_for()
    assert CallCommand.objects.get(action="hangup").call == calls[0]


def test_the_keyboard_stays_at_its_call_while_the_board_draws_itself(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    for leg in "ab":
        make_call(account, leg)
    with opened() as window:
        window.enter(operator)
        window.open("/admin/voice/call/live/")
        page = window.page
        box = f"#{page.locator('.portal-seat .portal-pick input').last.get_attribute('id')}"
        seat = page.locator(".portal-seat", has=page.locator(box))
        for stop in (seat.locator("summary"), page.locator(box)):
            stop.focus()
            late = make_call(account, str(uuid4()))  # from and to are the same for all
            page.locator(f"#pick-{late.pk}").wait_for()
            expect(stop).to_be_focused()
    assert window.wrongs == []
    assert window.wrongs == []


def test_an_account_is_suspended_in_three_presses_and_lifted_in_one(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    with opened() as window:
        window.enter(operator)
        window.open("/admin/")
        press = Presses(window.page)
        press.on("link", "Stop")
        press.on("link", f"Suspend {account}")
        press.on("button", "Suspend")
        lift = window.page.get_by_role("button", name="Lift")
        lift.wait_for()
        assert (press.count, Suspension.objects.count()) == (3, 1)
        lift.click()
        window.page.get_by_text("is not suspended any more").wait_for()
    assert not Suspension.objects.exists()
    assert window.wrongs == []


def test_who_changed_what_is_read_in_one_press(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    ada = Actor("user: ada", operator)
    AuditEvent.note(ada, "account.update", account, was={"name": "old"}, now={"name": "main"})
    with opened() as window:
        window.enter(operator)
        window.open("/admin/")
        press = Presses(window.page)
        press.on("link", "Audit trail")
        for words in ("user: ada", "Changed a Telnyx account", "name: old → main"):
            window.page.get_by_text(words).first.wait_for()
    assert press.count == 1
    assert window.wrongs == []
