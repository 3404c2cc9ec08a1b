"""No page waits for a script of its frame before it is seen, what is ours weighs little, and nobody else is asked."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.everybody.pages import each_page, told

pytestmark = [pytest.mark.browser, pytest.mark.looks, pytest.mark.django_db(transaction=True), pytest.mark.long]
MOST = 300_000  # bytes of a page's own assets, as they lie on the disk
# not the editor of documents: one bundle of 460 kB, on the page of a document alone
_OWN = ("/static/portal/", "/static/voice/", "/static/applications/")
_EDITOR = "/static/voice/texml_editor/"
_OF_FORMS = (
    "/static/admin/",
    "/static/unfold/js/select2.init.js",
    "/static/unfold/filters/js/",
    "/admin/jsi18n/",
)  # what Django's forms bring
LOADED = "() => performance.getEntriesByType('resource').map(one => [one.name, one.encodedBodySize])"
BLOCKING = """() => [...document.querySelectorAll('head script[src]')]
  .filter(one => !one.defer && !one.async && one.type !== 'module').map(one => one.src)"""


def test_no_page_is_heavy_or_waits_for_its_frame(opened: Callable[..., Any], pages: list[str], operator: Any) -> None:
    found: dict[str, list[str]] = {}
    with opened() as window:
        devtools = window.page.context.new_cdp_session(window.page)
        devtools.send("Network.enable")
        devtools.send("Network.setCacheDisabled", {"cacheDisabled": True})
        window.enter(operator)
        for page in each_page(window, ["/admin/", *pages]):
            found[page] = _faults(window)
        found["any"] = [line for line in window.wrongs if "another host" in line]
    assert not any(found.values()), told(found)


def _faults(window: Any) -> list[str]:
    loaded = window.page.evaluate(LOADED)
    own = {name: size for name, size in loaded if any(part in name for part in _OWN) and _EDITOR not in name}
    wrong = [f"its own assets weigh {sum(own.values())} bytes: {own}"] if sum(own.values()) > MOST else []
    before = window.page.evaluate(BLOCKING)
    return wrong + [f"waits for {one}" for one in before if not any(part in one for part in _OF_FORMS)]
