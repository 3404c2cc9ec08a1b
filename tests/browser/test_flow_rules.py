"""The editor of a flow's rules: what is typed is what is saved, in the order that is seen, by mouse and by keyboard."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from portal.models import TelnyxAccount
from tests.support.factories import make_flow
from voice.models import Flow

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SPEAK = {"action": "speak", "parameters": {"payload": "Welcome.", "voice": "female"}}


def flow_of(account: TelnyxAccount, *rules: dict[str, Any]) -> Flow:
    return make_flow(account, *({"event_type": "call.answered"} | rule for rule in rules))


def rule(page: Page, at: int) -> Locator:
    """The rule that stands there on the page, from 0."""
    return page.locator(".formset > .form-group:not(.empty-form)").nth(at)


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()


def add(page: Page, at: int, event_type: str, action: str) -> None:
    page.get_by_role("link", name="Add another Rule").click()
    rule(page, at).locator("[name$=-event_type]").fill(event_type)
    rule(page, at).get_by_role("button", name="Add an action").click()
    rule(page, at).get_by_label("Action", exact=True).select_option(action)


def test_a_new_rule_stays_below_and_keeps_what_was_typed_when_one_before_it_is_removed(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    flow = flow_of(account, {"do": [{"action": "answer"}]}, {"do": [{"action": "hangup"}]})
    with opened() as window:
        window.enter(operator)
        window.open(f"/admin/voice/flow/{flow.pk}/change/")
        page = window.page
        add(page, 2, "call.bridged", "answer")
        add(page, 3, "call.hangup", "hangup")
        rule(page, 2).get_by_role("button", name="Remove", exact=True).click()
        last = rule(page, 2)
        expect(last.locator("[name=rules-2-event_type]")).to_have_value("call.hangup")
        last.get_by_role("button", name="Add an action").click()
        last.get_by_label("Action", exact=True).nth(1).select_option("answer")
        save(page)
    assert window.wrongs == []
    told = [(one.event_type, [each["action"] for each in one.do]) for one in flow.rules.all()]
    assert told == [("call.answered", ["answer"]), ("call.answered", ["hangup"]), ("call.hangup", ["hangup", "answer"])]


def test_a_value_that_was_left_alone_stays_what_it_was_and_true_that_is_typed_is_true(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    kept: list[dict[str, Any]] = [
        {"field": "event.payload.flag", "op": "eq", "value": True},
        {"field": "event.payload.flag", "op": "ne", "value": None},
        {"field": "event.payload.digits", "op": "in", "value": ["1,2", False, 3]},
        {"field": "event.payload.word", "op": "eq", "value": "true"},
    ]
    step = {"field": "call.step", "op": "eq", "value": "menu"}
    flow = flow_of(account, {"when": [*kept, step], "do": [{"action": "answer"}]})
    with opened() as window:
        window.enter(operator)
        window.open(f"/admin/voice/flow/{flow.pk}/change/")
        window.page.get_by_label("Value", exact=True).nth(4).fill("false")
        save(window.page)
    assert window.wrongs == []
    assert flow.rules.get().when == [*kept, step | {"value": False}]


def test_what_is_written_as_json_stands_in_the_boxes_and_broken_json_is_not_written_over(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    flow = flow_of(account, {"do": [SPEAK]})
    with opened() as window:
        window.enter(operator)
        window.open(f"/admin/voice/flow/{flow.pk}/change/")
        page = window.page
        page.get_by_text("As JSON").nth(1).click()
        area = page.locator("[name=rules-0-do]")
        area.fill('[{"action": "hangup"')
        area.blur()
        expect(page.get_by_label("Action", exact=True)).to_have_count(1)
        expect(page.get_by_label("Action", exact=True)).to_be_hidden()
        area.fill('[{"action": "speak", "parameters": {"payload": "Bye.", "voice": "female"}}, {"action": "hangup"}]')
        area.blur()
        expect(page.get_by_label("Action", exact=True)).to_have_count(2)
        page.locator(".portal-editor-param").filter(has_text="Bye.").get_by_label("Value").fill("Good bye.")
        save(page)
    assert window.wrongs == []
    assert [one["action"] for one in flow.rules.get().do] == ["speak", "hangup"]
    assert flow.rules.get().do[0]["parameters"] == {"payload": "Good bye.", "voice": "female"}


def test_rules_are_moved_and_deleted_by_keyboard(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    flow = flow_of(account, *({"do": [{"action": action}]} for action in ("answer", "hangup", "leave_queue")))
    with opened() as window:
        window.enter(operator)
        window.open(f"/admin/voice/flow/{flow.pk}/change/")
        page = window.page
        handle = rule(page, 2).get_by_role("button", name="Move up or down with the arrow keys")
        handle.focus()
        for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowDown"):
            page.keyboard.press(key)
        expect(rule(page, 1).get_by_role("button", name="Move up or down with the arrow keys")).to_be_focused()
        rule(page, 0).get_by_role("checkbox", name="Delete").focus()
        page.keyboard.press("Space")
        save(page)
    assert window.wrongs == []
    assert [one.do[0]["action"] for one in flow.rules.all()] == ["leave_queue", "hangup"]


def test_what_was_left_alone_within_a_parameter_stays_what_it_was_when_a_box_beside_it_is_typed_in(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    lines = "Be brief.\nAsk for the order."
    voice: dict[str, Any] = {"type": "minimax", "language_boost": None, "speed": 1.5}
    assistant: dict[str, Any] = {"id": "assistant-1", "instructions": lines, "mcp_servers": []}
    speak = {"action": "speak", "parameters": {"payload": "Hi.", "voice": "female", "voice_settings": voice}}
    flow = flow_of(account, {"do": [speak, {"action": "start_ai_assistant", "parameters": {"assistant": assistant}}]})
    with opened() as window:
        window.enter(operator)
        window.open(f"/admin/voice/flow/{flow.pk}/change/")
        page = window.page
        page.get_by_label("Pitch", exact=True).fill("2")
        expect(page.get_by_label("Instructions", exact=True)).to_have_value(lines)
        page.get_by_label("Greeting", exact=True).fill("Hello.")
        save(page)
    assert window.wrongs == []
    told = [one["parameters"] for one in flow.rules.get().do]
    assert told[0]["voice_settings"] == voice | {"pitch": 2}
    assert told[1]["assistant"] == assistant | {"greeting": "Hello."}


def test_a_parameter_that_was_left_alone_stays_what_it_was_when_another_one_is_typed_in(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    kept: dict[str, Any] = {"postal_code": False, "voice": ""}
    flow = flow_of(account, {"do": [{"action": "pay", "parameters": kept | {"description": "Order 7."}}]})
    with opened() as window:
        window.enter(operator)
        window.open(f"/admin/voice/flow/{flow.pk}/change/")
        page = window.page
        page.locator(".portal-editor-param").filter(has_text="Order 7.").get_by_label("Value").fill("Order 8.")
        save(page)
        assert flow.rules.get().do == [{"action": "pay", "parameters": kept | {"description": "Order 8."}}]
        # Telnyx takes no null here, and no speech without a voice: what is written down is not saved
        flow.rules.update(do=[{"action": "speak", "parameters": {"payload": "Welcome.", "language": None}}])
        window.open(f"/admin/voice/flow/{flow.pk}/change/")
        page.locator(".portal-editor-param").filter(has_text="Welcome.").get_by_label("Value").fill("Hello.")
        told = json.loads(page.locator("[name=rules-0-do]").input_value())
    assert window.wrongs == []
    assert told == [{"action": "speak", "parameters": {"payload": "Hello.", "language": None}}]


def test_the_keyboard_stays_where_something_is_removed(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    when = [{"field": "call.step", "op": "eq", "value": name} for name in ("menu", "end")]
    flow = flow_of(account, {"when": when, "do": [SPEAK]})
    with opened() as window:
        window.enter(operator)
        window.open(f"/admin/voice/flow/{flow.pk}/change/")
        page, of_rule = window.page, rule(window.page, 0)
        of_rule.get_by_role("button", name="Remove this condition").first.focus()
        page.keyboard.press("Enter")
        expect(of_rule.get_by_role("button", name="Remove this condition")).to_be_focused()
        page.keyboard.press("Enter")
        expect(of_rule.get_by_role("button", name="Add a condition")).to_be_focused()
        of_rule.get_by_role("button", name="Remove this parameter").last.focus()
        page.keyboard.press("Enter")
        expect(of_rule.get_by_role("button", name="Add a parameter")).to_be_focused()
    assert window.wrongs == []
