"""A menu of two documents, made, published, pointed to, called, changed and rolled back: all of it on the pages."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from applications.models import TexmlApplication
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.browser.texml.editor import Editor
from tests.support.sandbox_http import Http
from tests.support.worker import Line, working

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MENU = '<Response><Gather action="{}" numDigits="1"><Say>{} 1 for sales.</Say></Gather><Say>Goodbye.</Say></Response>'
SALES = "<Response><Say>Sales, what can we do for you?</Say></Response>"


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[Http]:
    yield Http(sandbox.port, Line(sandbox.exchange))  # type: ignore[arg-type]
    sandbox.reset()


class Author:
    """Whoever builds it, with nothing but the browser."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page, self.origin = page, origin

    def go(self, path: str) -> None:
        """By the sidebar."""
        self.page.goto(f"{self.origin}/admin/")
        self.page.locator(f"a[href$='/admin/{path}/']").first.click()

    def add(self, name: str, text: str) -> str:
        """Make a document and publish it; the address that its page tells."""
        self.go("voice/texmldocument")
        self.page.locator("a[href$='/texmldocument/add/']").first.click()
        self.page.fill("[name=name]", name)
        self.page.locator("select[name=account]").select_option(label="sandbox")
        self._write_and_save(text)
        self.publish()
        self.open(name)
        return self.page.get_by_text(f"{self.origin}/texml/").first.inner_text().strip()

    def open(self, name: str) -> None:
        self.go("voice/texmldocument")
        self.page.locator("#result_list").get_by_role("link", name=name, exact=True).first.click()

    def change(self, name: str, text: str) -> None:
        self.open(name)
        self._write_and_save(text)

    def _write_and_save(self, text: str) -> None:
        editor = Editor(self.page, self.origin)
        editor.write(text)
        editor.save()

    def publish(self) -> None:
        self.page.get_by_role("link", name="Publish …").click()
        publish = self.page.get_by_role("button", name="Publish", exact=True)
        publish.wait_for()
        if (confirmed := self.page.locator("[name=confirmed]")).count():
            confirmed.check()
        publish.click()
        expect(self.page.get_by_text("is served").first).to_be_visible()

    def roll_back(self, name: str, version: int) -> None:
        self.open(name)
        self.page.get_by_role("link", name="Versions", exact=True).click()
        self.page.get_by_role("button", name=f"Publish version {version} again").click()
        expect(
            self.page.get_by_text(f"Version {version} again").or_(self.page.get_by_text("is served")).first
        ).to_be_visible()

    def point_application(self, name: str, address: str, callbacks: str) -> None:
        self.go("applications/texmlapplication")
        self.page.locator("a[href$='/texmlapplication/add/']").first.click()
        self.page.fill("[name=friendly_name]", name)
        self.page.fill("[name=voice_url]", address)
        self.page.fill("[name=status_callback]", callbacks)
        self.page.get_by_role("button", name="Save", exact=True).click()
        expect(self.page.get_by_text(name).first).to_be_visible()

    def look_at_last_call(self) -> None:
        self.go("voice/call")
        self.page.locator(".log-row .log-time a").first.click()
        self.page.wait_for_url("**/voice/call/*/change/")


def test_a_menu_of_two_documents_is_built_called_changed_and_rolled_back(
    opened: Callable[..., Any],
    http: Http,
    sandbox_account: TelnyxAccount,
    operator: Any,
    settings: Any,
    live_server: Any,
) -> None:
    settings.PORTAL_PUBLIC_URL = live_server.url
    with working(), opened(viewport={"width": 1440, "height": 1000}) as window:
        window.sign_in()
        author = Author(window.page, window.origin)
        sales = author.add("Sales", SALES)
        menu = author.add("Menu", MENU.format(sales, "Press"))
        author.point_application("switchboard", menu, sandbox_account.texml_url)
        application = TexmlApplication.objects.get()
        timeline = window.page.locator(".portal-timeline")

        def called(version: int) -> None:
            """Somebody calls, as ``sandbox_call`` lets them, and presses 1; the call log tells it."""
            http.end(http.ring("texml_menu", connection_id=application.telnyx_id))
            author.look_at_last_call()
            expect(timeline).to_contain_text(f"fetched Menu v{version}")
            expect(timeline).to_contain_text("pressed 1 · fetched Sales v1")
            expect(window.page.locator("#call-verdict")).to_contain_text(re.compile("hung up|TeXML document"))

        called(1)
        author.change("Menu", MENU.format(sales, "Please press"))
        called(1)  # a draft changes nothing
        author.open("Menu")
        author.publish()
        called(2)
        author.roll_back("Menu", 1)
        called(3)
        heard = [line["line"] for line in http.ledger("documents") if line["line"].startswith("Caller hears")]
        said = [f'Caller hears: "{word} 1 for sales."' for word in ("Press", "Press", "Please press", "Press")]
        assert [line for line in heard if "1 for sales" in line] == said
        assert window.wrongs == []
