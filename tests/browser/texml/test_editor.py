"""The editor of TeXML documents in a real browser: what it offers, what it finds, what callers would get."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.browser.overflow import sticks_out
from tests.browser.texml.conftest import MENU
from tests.support.documents import publish_anew, published
from tests.support.polling import eventually
from tests.support.rows import TexmlDocument
from voice.documents import service

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_what_may_stand_at_the_cursor_is_offered(editing: Callable[..., Any]) -> None:
    with editing() as editor:
        editor.type_at(1, "\n<Sa")
        editor.take("Say")
        editor.page.keyboard.type("Hi {{ Comp")
        editor.take("Company")
        editor.page.keyboard.type(" {{ From | e")
        editor.take("e164")
        editor.page.keyboard.type(" }}")
        expect(editor.content).to_contain_text("<Say>Hi {{ Company }} {{ From | e164 }}</Say>")
        assert "<Say>Hi {{ Company }} {{ From | e164 }}</Say>" in editor.area.input_value()
        editor.type_at(3, "\n<")
        expect(editor.offers).to_have_text(["Play", "Say"])  # nothing else stands in a Gather
        editor.write("<Response><Gather inp")
        editor.page.keyboard.type("u")
        editor.take("input")
        editor.take("dtmfdefault", "speech")  # the second word says what holds without it
        assert editor.area.input_value().startswith('<Response><Gather input="dtmf"')


def test_a_miscased_attribute_is_marked_with_the_linters_words(
    editing: Callable[..., Any], document: TexmlDocument
) -> None:
    words = next(one.message for one in service.findings(document) if one.rule == "A02")
    with editing() as editor:
        mark = editor.page.locator(".cm-lintRange-error")
        expect(mark).to_have_text("numdigits")
        expect(editor.page.locator(".cm-lint-marker-error")).to_have_count(1)
        finding = editor.findings.filter(has_text="A02")
        expect(finding).to_contain_text(words)
        expect(finding).to_contain_text("Line 2, column 45")
        assert "error" in (editor.status.text_content() or "")
        finding.get_by_role("button").click()
        expect(editor.content).to_be_focused()
        editor.page.keyboard.insert_text("numDigits")  # over what the finding chose
        expect(mark).to_have_count(0)
        expect(finding).to_have_count(0)
        expect(editor.content).to_contain_text('numDigits="1"')


def test_a_finding_behind_other_characters_is_marked_where_it_stands(editing: Callable[..., Any]) -> None:
    with editing() as editor:
        editor.write('<Response><Say>\U0001f600é\u2028</Say>\n<Say>😀😀</Say><Say Voice="man">a</Say></Response>')
        expect(editor.page.locator(".cm-lintRange-error")).to_have_text("Voice")


def test_callers_documents_are_shown_beside_the_text(editing: Callable[..., Any]) -> None:
    with editing() as editor:
        preview = editor.page.get_by_role("region", name="What callers would get")
        expect(preview.locator("article")).to_have_count(3)
        expect(preview.locator("pre").first).to_contain_text("Hello Jo Example, Acme speaking.")
        expect(preview.locator("pre").last).to_contain_text("&#60;/Say&#62;")
        editor.page.locator("[name=variables]").fill('{"Company": "Other"}')
        expect(preview.locator("pre").first).to_contain_text("Other speaking.")
        preview.locator("summary").click()
        preview.locator("[name=caller]").fill("CallerId=<b>Me</b>")
        expect(preview.locator("pre").last).to_contain_text("Hello &#60;b&#62;Me&#60;/b&#62;, Other")
        editor.write("<Response><Say>{{ From </Say></Response>")
        expect(preview).to_contain_text("Line 1, column 16")


def test_a_call_is_tried_in_words(editing: Callable[..., Any], account: TelnyxAccount) -> None:
    sales = published(account, "<Response><Say>Sales, {{ From }}.</Say></Response>", name="Sales")
    with editing() as editor:
        call = editor.page.get_by_role("region", name="Try it")
        talk = call.get_by_role("log")
        editor.write(f'<Response><Gather action="{sales.url}" numDigits="1"><Say>Press 1.</Say></Gather></Response>')
        call.get_by_role("button", name="Call", exact=True).click()
        expect(talk).to_contain_text("Press 1.")
        expect(call.get_by_label("Keys")).to_be_focused()
        editor.page.keyboard.type("x")
        editor.page.keyboard.press("Enter")
        expect(call.get_by_role("alert")).to_have_text("Keys are 0 to 9, * and #.")
        call.get_by_label("Keys").fill("1")
        call.get_by_role("button", name="Press").click()
        expect(talk).to_contain_text("Sales, +13125550143.")
        expect(talk).to_contain_text("The document is over: the call ends.")
        call.get_by_role("button", name="One step back").click()
        expect(talk).not_to_contain_text("Sales")
        editor.write("<Response><Say>Another text.</Say></Response>")
        call.get_by_role("button", name="Call again").click()
        expect(talk).to_contain_text("Another text.")
        expect(talk).not_to_contain_text("Press 1.")


def test_a_try_is_kept_as_a_test_case(editing: Callable[..., Any], document: TexmlDocument) -> None:
    with editing() as editor:
        call = editor.page.get_by_role("region", name="Try it")
        name = call.get_by_label("Keep this try as a test case")
        expect(name).to_be_hidden()
        editor.write('<Response><Gather numDigits="1"><Say>Press 1.</Say></Gather><Say>Nothing.</Say></Response>')
        call.get_by_role("button", name="Call", exact=True).click()
        call.get_by_role("button", name="Wait").click()
        expect(call.get_by_role("log")).to_contain_text("Nothing.")
        name.press("Enter")
        expect(call.get_by_role("alert")).to_have_text("Name of the test case: This field cannot be blank.")
        name.fill("silence")
        name.press("Enter")
        expect(call.get_by_role("status")).to_contain_text("Kept as the test case silence.")
        expect(call.get_by_role("alert")).to_be_empty()
        case = document.cases.get()
        assert [step["do"] for step in case.steps] == ["call", "wait"]
        assert case.author == "user: operator"
        editor.save()
        editor.page.get_by_role("link", name="Test cases").click()
        expect(editor.page.get_by_text("The draft says what the test case expects.")).to_be_visible()


def test_a_text_that_says_something_else_by_now_is_not_kept_as_what_was_heard(
    editing: Callable[..., Any], document: TexmlDocument
) -> None:
    with editing() as editor:
        call = editor.page.get_by_role("region", name="Try it")
        name = call.get_by_label("Keep this try as a test case")
        editor.write("<Response><Say>One.</Say></Response>")
        call.get_by_role("button", name="Call", exact=True).click()
        expect(call.get_by_role("log")).to_contain_text("One.")
        editor.write("<Response><Say>Two.</Say></Response>")
        name.fill("greeting")
        name.press("Enter")
        expect(call.get_by_role("alert")).to_have_text("The text says something else now: call again, then keep it.")
        assert not document.cases.exists()
        call.get_by_role("button", name="Call again").click()
        expect(call.get_by_role("log")).to_contain_text("Two.")
        name.press("Enter")
        expect(call.get_by_role("status")).to_contain_text("Kept as the test case greeting.")
    assert 'Caller hears: "Two."' in document.cases.get().steps[0]["lines"]


@pytest.mark.parametrize(("width", "boxes"), [(1440, 2), (390, 1)])
def test_two_versions_are_compared(
    editing: Callable[..., Any], document: TexmlDocument, width: int, boxes: int
) -> None:
    document.draft = MENU.replace("numdigits", "numDigits")
    service.save_document(document, PORTAL)
    service.publish(document, PORTAL, confirmed=True)
    publish_anew(document, document.draft.replace("speaking", "here"))
    with editing(viewport={"width": width, "height": 900}) as editor:
        editor.page.goto(f"{editor.origin}{reverse('admin:voice_texmldocument_diff', args=[document.pk])}?from=1&to=2")
        shown = editor.page.locator("[data-texml-compare] .cm-content")
        expect(shown).to_have_count(boxes)
        expect(
            editor.page.locator("[data-texml-compare] .cm-deletedText, .cm-merge-a .cm-changedText").first
        ).to_have_text("speaking")
        expect(shown.last).to_contain_text("here")
        expect(shown.last).to_have_attribute("contenteditable", "false")
        assert not sticks_out(editor)


def test_an_answer_that_comes_late_puts_nothing_older_back(editing: Callable[..., Any]) -> None:
    held = list[Any]()

    def holding(at: int) -> Callable[[Any, Any], None]:
        """Make what holds the request that comes when so many are held, and lets the others go."""
        return lambda route, _: held.append(route) if len(held) == at else route.continue_()

    with editing() as editor:
        page, call = editor.page, editor.page.get_by_role("region", name="Try it")
        preview = page.get_by_role("region", name="What callers would get").locator("pre").first
        page.route("**/conversation/", holding(0))
        call.get_by_role("button", name="Call", exact=True).click()
        eventually(lambda: page.wait_for_timeout(20) or held, "the first call")
        editor.write("<Response><Say>The second text, {{ Company }}.</Say></Response>")
        expect(preview).to_contain_text("The second text, Acme.")
        call.get_by_role("button", name="Call", exact=True).click()
        expect(call.get_by_role("log")).to_contain_text("The second text")
        page.route("**/check/", holding(1))
        page.locator("[name=variables]").fill('{"Company": "First"}')
        eventually(lambda: page.wait_for_timeout(20) or held[1:], "the check with the first value")
        page.locator("[name=variables]").fill('{"Company": "Second"}')
        expect(preview).to_contain_text("The second text, Second.")
        for route in held:
            with page.expect_event("requestfinished"):
                route.continue_()
        page.evaluate("async () => (await fetch(location.href)).text()")  # what came before is read by then
        expect(call.get_by_role("log")).to_contain_text("The second text")
        expect(preview).to_contain_text("The second text, Second.")
