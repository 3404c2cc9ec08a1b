"""Everything can be reached by Tab, is seen when it is, and lies under no bar."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.everybody import keyboard
from tests.browser.everybody.pages import LEAST, each_page, told

pytestmark = [pytest.mark.browser, pytest.mark.looks, pytest.mark.django_db(transaction=True), pytest.mark.long]
WIDTHS = (390, 1024, 1440)
UNREACHABLE = "<div x-on:click='1'>press me</div>"
UNSEEN = "<button style='outline:none'>focus me</button>"
BELOW_A_BAR = "<button>behind</button><div style='position:fixed;inset:0;z-index:99'></div>"


def test_every_page_can_be_walked(opened: Callable[..., Any], pages: list[str], operator: Any) -> None:
    found: dict[str, list[str]] = {}
    with opened() as window:
        window.enter(operator)
        for page in each_page(window, pages):
            for width in WIDTHS:
                window.page.set_viewport_size({"width": width, "height": 900})
                found[f"{page} at {width}"] = keyboard.faults(window)
    assert not any(found.values()), told(found)
    assert len(found) > LEAST * len(pages) * len(WIDTHS)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [(UNREACHABLE, "is not reached"), (UNSEEN, "has no visible focus"), (BELOW_A_BAR, "lies under")],
)
def test_what_is_wrong_is_noticed(opened: Callable[..., Any], operator: Any, wrong: str, said: str) -> None:
    with opened() as window:
        window.enter(operator)
        window.open("/admin/")
        assert keyboard.faults(window) == []
        window.page.evaluate("html => { document.querySelector('#content').innerHTML += html }", wrong)
        assert said in " ".join(keyboard.faults(window))
