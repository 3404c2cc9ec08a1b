"""The pages of the portal, one after the other, in a window."""

import os
from collections.abc import Iterable, Iterator
from typing import Any

from playwright.sync_api import Error

# of filters that hang over the page one is open at a time
_OPEN = """() => {
  for (const one of document.querySelectorAll('#portal-main details:not(.portal-more, .log-filter)')) one.open = true;
}"""

# of the addresses: many are only posted to, and which of them every tenth is changes with each that is added
LEAST = 0.4 if os.environ.get("FAULTS") == "long" else 0.1


def each_page(window: Any, addresses: Iterable[str]) -> Iterator[str]:
    """Opens each address that is a page: none that is a file, a part of a page, or only posted to."""
    for address in addresses:
        try:
            answer = window.page.goto(f"{window.origin}{address}")
        except Error:  # a file to keep
            continue
        assert answer.status < 500, address
        if answer.status == 200 and window.page.evaluate("document.doctype !== null"):
            window.page.evaluate(_OPEN)
            yield address


def told(found: dict[str, list[str]]) -> str:
    """All that was found, each fault once, with the pages that have it."""
    where: dict[str, list[str]] = {}
    for page, faults in found.items():
        for fault in faults:
            where.setdefault(fault, []).append(page)
    return "\n".join(f"{fault}\n    on {', '.join(pages)}" for fault, pages in where.items())
