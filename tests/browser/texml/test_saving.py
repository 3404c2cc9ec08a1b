"""A document's text in a real browser: saved as it was typed, never lost, with scripts, without, by keyboard alone."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Route, expect

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.browser.overflow import sticks_out
from tests.browser.texml.conftest import MENU
from tests.browser.texml.editor import Editor
from tests.support.polling import eventually
from tests.support.rows import TexmlDocument
from voice.documents import service
from voice.texml_editor.forms import TexmlEditor

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ODD = "\r\n<Response>\r\n\t<Say>\u00e9 e\u0301 😀 \u202eabc\u202c {{ From }}  </Say>\r\n\r\n</Response>\r\n\r\n"
LONG = "<Response>\n" + "".join(f"  <Say>{at} {'long ' * 40}</Say>\n" for at in range(300)) + "</Response>\n"


@pytest.mark.parametrize("scripts", [True, False])
def test_a_text_is_saved_as_it_was_typed(editing: Callable[..., Any], document: TexmlDocument, scripts: bool) -> None:
    document.draft = ODD
    service.save_document(document, PORTAL)
    with editing(java_script_enabled=scripts) as editor:
        editor.save()
        document.refresh_from_db()
        assert document.draft == ODD
        if scripts:
            editor.page.keyboard.press("Tab")
            editor.content.press("Control+End")
            editor.page.keyboard.type("<!--\t-->")
        else:
            editor.area.press("Control+End")
            editor.page.keyboard.insert_text("<!--\t-->")
        editor.save()
        document.refresh_from_db()
        assert document.draft == f"{ODD}<!--\t-->"


def test_a_lost_update_is_said_and_no_text_is_lost(editing: Callable[..., Any], document: TexmlDocument) -> None:
    mine = "<Response><Say>Mine</Say></Response>"
    with editing() as editor:
        document.draft = "<Response><Say>Theirs</Say></Response>"
        service.save_document(document, PORTAL)
        editor.write(mine)
        editor.save()
        expect(editor.page.get_by_text("Somebody else changed this document").first).to_be_visible()
        expect(editor.content).to_have_text(mine)
        both = editor.page.locator("[data-texml-compare]")
        expect(both.get_by_role("textbox", name="what is saved now")).to_contain_text("Theirs")
        expect(both.get_by_role("textbox", name="your text")).to_contain_text("Mine")
        document.refresh_from_db()
        assert document.draft == "<Response><Say>Theirs</Say></Response>"
        editor.page.on("dialog", lambda dialog: dialog.accept())
        editor.open(document)
        expect(editor.content).to_contain_text("Theirs")
        editor.page.get_by_role("button", name="Take it up again").click()
        editor.save()
        expect(editor.page.get_by_text("was changed successfully").first).to_be_visible()
    document.refresh_from_db()
    assert document.draft == mine


def test_a_text_that_is_too_long_is_refused_whole(editing: Callable[..., Any], document: TexmlDocument) -> None:
    with editing(java_script_enabled=False) as editor:
        editor.area.fill(f"<Response><!--{'é' * 33_000}--></Response>")
        editor.save()
        expect(editor.page.get_by_text("The document has 66,028 bytes: 65,536 are allowed.")).to_be_visible()
        expect(editor.area).to_have_value(re.compile("é--></Response>$"))
    document.refresh_from_db()
    assert document.draft == MENU


def test_a_text_that_was_not_saved_is_offered_again(editing: Callable[..., Any], document: TexmlDocument) -> None:
    with editing() as editor:
        editor.write("<Response><Say>Not saved</Say></Response>")
        editor.page.on("dialog", lambda dialog: dialog.accept())  # leave all the same
        editor.page.reload()
        expect(editor.content).not_to_contain_text("Not saved")
        editor.page.get_by_role("button", name="Take it up again").click()
        expect(editor.content).to_contain_text("Not saved")
        editor.save()
        expect(editor.page.get_by_role("button", name="Take it up again")).to_have_count(0)
        editor.page.reload()
        expect(editor.content).to_contain_text("Not saved")
        expect(editor.page.get_by_role("button", name="Take it up again")).to_have_count(0)
    document.refresh_from_db()
    assert document.draft == "<Response><Say>Not saved</Say></Response>"


def test_a_text_that_was_saved_is_not_offered_over_what_somebody_else_saved_since(
    editing: Callable[..., Any], document: TexmlDocument
) -> None:
    with editing() as editor:
        page, again = editor.page, editor.page.get_by_role("button", name="Take it up again")
        page.on("dialog", lambda dialog: dialog.accept())  # leave all the same
        editor.write("<Response><Say>Mine</Say></Response>")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("was changed successfully").first).to_be_visible()
        document.refresh_from_db()
        document.draft = "<Response><Say>Theirs</Say></Response>"
        service.save_document(document, PORTAL)
        editor.open(document)
        expect(editor.content).to_contain_text("Theirs")
        expect(again).to_have_count(0)
        editor.write("<Response><Say>Not saved</Say></Response>")
        editor.open(document)
        expect(again).to_be_visible()


def test_the_text_of_a_new_document_is_offered_again_until_it_is_saved(
    editing: Callable[..., Any], account: TelnyxAccount
) -> None:
    text = "<Response><Say>Ünsaved 😀</Say></Response>"
    with editing() as editor:
        page, again = editor.page, editor.page.get_by_role("button", name="Take it up again")
        page.on("dialog", lambda dialog: dialog.accept())  # leave all the same
        add = f"{editor.origin}{reverse('admin:voice_texmldocument_add')}"
        page.goto(add)
        editor.write(text)
        page.goto(add)
        again.click()
        page.fill("[name=name]", "Second")
        page.locator("select[name=account]").select_option(str(account.pk))
        editor.save()
        page.wait_for_url("**/change/")
        page.goto(add)
        expect(editor.content).to_be_visible()
        expect(again).to_have_count(0)
        editor.write(f"{text} ")
        page.goto(add)
        expect(again).to_be_visible()
    assert TexmlDocument.objects.get(name="Second").draft == text


def test_a_check_that_fails_says_so_and_the_text_stays(editing: Callable[..., Any]) -> None:
    with editing(watched=False) as editor:
        expect(editor.findings).not_to_have_count(0)
        editor.page.context.clear_cookies()
        editor.write("<Response><Say>Signed out</Say></Response>")
        expect(editor.status).to_contain_text("Your text stays here.")
        expect(editor.findings).to_have_count(0)  # those of the text before
        expect(editor.content).to_have_text("<Response><Say>Signed out</Say></Response>")


def test_without_scripts_a_text_is_checked_previewed_and_saved(
    editing: Callable[..., Any], document: TexmlDocument
) -> None:
    with editing(java_script_enabled=False) as editor:
        expect(editor.area).to_be_visible()
        editor.area.fill('<Response><Say Voice="man">Hello {{ CallerId }}</Say></Response>')
        with editor.page.context.expect_page() as opened:
            editor.page.get_by_role("button", name="Check it").click()
        shown = opened.value
        expect(shown.get_by_text("A02")).to_be_visible()
        expect(shown.get_by_text("Hello Jo Example")).to_be_visible()
        document.refresh_from_db()
        assert "Voice" not in document.draft
        editor.save()
        expect(editor.area).to_have_value('<Response><Say Voice="man">Hello {{ CallerId }}</Say></Response>')
    document.refresh_from_db()
    assert document.draft == '<Response><Say Voice="man">Hello {{ CallerId }}</Say></Response>'


def test_the_keyboard_gets_in_and_out(editing: Callable[..., Any]) -> None:
    with editing() as editor:
        keys = editor.page.keyboard
        expect(editor.page.get_by_text("press Esc, then Tab")).to_be_visible()
        expect(editor.findings).not_to_have_count(0)
        editor.content.focus()
        keys.press("Control+Home")
        with editor.page.expect_response("**/check/"):  # its findings are between the editor and the next field
            keys.press("Tab")
        expect(editor.content).to_be_focused()
        assert editor.area.input_value().startswith("  <Response>")
        keys.press("Escape")
        editor.page.evaluate("Date.now = (now => () => now() + 60_000)(Date.now)")  # a minute later it still holds
        keys.press("Tab")
        expect(editor.content).not_to_be_focused()
        keys.press("Shift+Tab")
        expect(editor.content).to_be_focused()
        keys.press("Tab")  # it indents again
        expect(editor.content).to_be_focused()
        assert editor.area.input_value().startswith("    <Response>")
        keys.press("Escape")
        editor.content.evaluate("it => { it.blur(); it.focus(); }")  # gone and back within the same moment
        keys.press("Tab")
        assert editor.area.input_value().startswith("      <Response>")
        keys.press("Escape")
        keys.press("Shift+Tab")
        expect(editor.content).not_to_be_focused()
        editor.content.focus()
        # the findings come a while after the last key, and close what is open then
        eventually(lambda: keys.press("F8") or editor.page.locator(".cm-diagnostic").count())


def test_who_is_at_a_finding_stays_there_when_the_next_answer_comes(editing: Callable[..., Any]) -> None:
    with editing() as editor:
        expect(editor.findings).not_to_have_count(0)
        first = editor.findings.first.get_by_role("button")
        first.focus()
        first.evaluate("it => { it.id = 'drawn-before'; }")
        editor.page.locator("[name=variables]").dispatch_event("input")  # what else is asked anew for
        expect(editor.page.locator("#drawn-before")).to_have_count(0)
        expect(first).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out_on_a_phone(editing: Callable[..., Any], document: TexmlDocument, scheme: str) -> None:
    document.draft = LONG.replace("300", "x" * 300).replace("<Say>7 ", "<Say voice='" + "y" * 200 + "'>")
    service.save_document(document, PORTAL)
    with editing(viewport={"width": 390, "height": 844}, color_scheme=scheme) as editor:
        expect(editor.findings).not_to_have_count(0)
        assert not sticks_out(editor)
        editor.content.press("Control+Home")
        editor.page.keyboard.press("End")
        editor.page.keyboard.type("\n<S")
        expect(editor.offers).not_to_have_count(0)
        assert not sticks_out(editor)
        editor.page.keyboard.press("Escape")
        editor.page.keyboard.press("F8")
        editor.page.keyboard.press("Control+f")
        assert not sticks_out(editor)


@pytest.fixture
def strict(opened: Callable[..., Any], live_server: Any) -> Iterator[Any]:
    """A page under a policy that allows scripts and styles with a nonce alone."""
    policy = (
        "default-src 'none'; script-src 'nonce-abc'; style-src 'self' 'nonce-abc'; connect-src 'self'; img-src data:"
    )
    widget = TexmlEditor()
    widget.check = "/check/"
    form = f"<form>{widget.render('draft', '<Response>')}</form>"
    head = (
        '<meta charset="utf-8"><link rel="icon" href="data:,">'
        '<link rel="stylesheet" href="/static/voice/texml_editor/editor.css">'
        '<script nonce="abc" src="/static/voice/texml_editor/editor.js"></script>'
    )
    told = {
        "findings": [{"line": 1, "column": 1, "rule": "S02", "level": "error", "message": "No."}],
        "preview": "<p>x</p>",
    }

    def answer(route: Route) -> None:
        if route.request.url.endswith("/check/"):
            route.fulfill(body=json.dumps(told), content_type="application/json")
        else:
            route.fulfill(body=head + form, content_type="text/html", headers={"Content-Security-Policy": policy})

    with opened() as window:
        window.page.route("**/strict/", answer)
        window.page.route("**/check/", answer)
        window.open("/strict/")
        yield window


def test_a_policy_of_nonces_is_kept(strict: Any) -> None:
    editor = Editor(strict.page, strict.origin)
    expect(editor.findings).to_contain_text("No.")
    gutter = strict.page.locator(".portal-texml .cm-gutters")
    assert gutter.evaluate("one => getComputedStyle(one).display") == "flex"  # its own styles are in force
    editor.type_at(1, "<Sa")  # nothing is replaced: of a text that is, Chromium itself would keep the style inline
    editor.take("Say")
    assert strict.wrongs == []
