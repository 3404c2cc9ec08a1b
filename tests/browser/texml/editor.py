"""The editor on the page of a document, as a person uses it."""

from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.support.rows import TexmlDocument

_NOT_BY_ACCIDENT = 80  # ms: so long the editor itself takes no key for a list that has just appeared


class Editor:
    """What a test does with it, and sees of it."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page, self.origin = page, origin
        self.content = page.locator(".portal-texml .cm-content")
        self.offers = page.locator(".cm-tooltip-autocomplete li")
        self.findings = page.locator("[data-texml-part=findings] li")
        self.status = page.locator("[data-texml-part=status]")
        self.area = page.locator("textarea[name=draft]")

    def write(self, text: str) -> None:
        """Put a text in the place of all that is there, as if it were pasted."""
        self.content.focus()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)

    def type_at(self, line: int, text: str) -> None:
        """Type at the end of a line, key by key."""
        self.page.locator(".portal-texml .cm-line").nth(line - 1).click()
        self.page.keyboard.press("End")
        self.page.keyboard.type(text)

    def take(self, *offered: str) -> None:
        """See these on offer, and take the first one with the keyboard."""
        expect(self.offers).to_have_text(list(offered))
        self.page.wait_for_timeout(_NOT_BY_ACCIDENT)
        self.page.keyboard.press("Enter")
        expect(self.offers).not_to_have_text(list(offered))  # the next list may come at once

    def open(self, document: TexmlDocument) -> None:
        self.page.goto(f"{self.origin}{reverse('admin:voice_texmldocument_change', args=[document.pk])}")

    def save(self) -> None:
        self.page.get_by_role("button", name="Save and continue editing").click()
