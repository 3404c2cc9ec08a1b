"""A form's page that stays open in somebody's browser, and is saved later."""

from html.parser import HTMLParser
from typing import Any

from django.test import Client

Fields = dict[str, list[str]]


class OpenPage:
    """Holds what the browser posts of the page at ``address``, as it was drawn when it was opened."""

    def __init__(self, browser: Client, address: str) -> None:
        self.browser, self.address = browser, address
        self.fields = _read(browser.get(address))

    def save(self, **typed: str | list[str]) -> Any:
        """Post it with what was ``typed``. When it is refused, the page that says so is the one that is open."""
        changed = {name: value if isinstance(value, list) else [value] for name, value in typed.items()}
        answer = self.browser.post(self.address, self.fields | changed)
        if answer.status_code == 200:
            self.fields = _read(answer)
        return answer


def _read(answer: Any) -> Fields:
    reader = _Reader()
    reader.feed(answer.content.decode())
    return reader.fields


class _Reader(HTMLParser):
    """Reads the form that Django's admin draws: its id ends in ``_form``."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: Fields = {}
        self._inside, self._list, self._area = False, "", ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        name, value = told.get("name") or "", told.get("value")
        if tag == "form":
            self._inside = (told.get("id") or "").endswith("_form")
        elif not self._inside:
            return
        elif tag == "input" and name and told.get("type") not in {"submit", "button"}:
            if told.get("type") != "checkbox":
                self.fields.setdefault(name, []).append(value or "")
            elif "checked" in told:
                self.fields.setdefault(name, []).append(value or "on")
        elif tag == "textarea":
            self._area = name
            self.fields[name] = [""]
        elif tag == "select":
            self._list = name
        elif tag == "option" and "selected" in told:
            self.fields.setdefault(self._list, []).append(value or "")

    def handle_data(self, data: str) -> None:
        if self._area:
            self.fields[self._area][0] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            text = self.fields[self._area][0]
            self.fields[self._area], self._area = [text.removeprefix("\r").removeprefix("\n")], ""
        if tag == "form":
            self._inside = False
