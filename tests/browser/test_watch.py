"""The watch over a page sees what it is there for."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.browser.overflow import sticks_out
from tests.support.polling import eventually

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


WRONGS = {
    "console.error('it broke')": "error: it broke",
    "setTimeout(() => { throw new Error('it threw') }, 0)": "script error",
    "document.body.append(Object.assign(document.createElement('script'), {text: '1'}))": "Content Security Policy",
    "document.body.append(Object.assign(new Image(), {src: 'http://localhost:1/x.png'}))": "localhost:1",
    "fetch('/nothing')": "404",
}


def test_a_wrong_is_noticed(opened: Callable[..., Any], operator: Any) -> None:
    with opened() as window:
        window.enter(operator)
        window.open("/admin/")
        assert window.wrongs == []
        for script, seen in WRONGS.items():
            window.wrongs.clear()
            window.page.evaluate(script)
            eventually(partial(noticed, window, seen), f"the notice of {script}")


def noticed(window: Any, seen: str) -> bool:
    window.page.wait_for_timeout(20)
    return any(seen in wrong for wrong in window.wrongs)


def test_what_sticks_out_is_noticed(opened: Callable[..., Any], operator: Any) -> None:
    with opened(viewport={"width": 390, "height": 900}) as window:
        window.enter(operator)
        window.open("/admin/")
        assert not sticks_out(window)
        window.page.evaluate("document.querySelector('#content').innerHTML += '<p style=\"width:700px\">x</p>'")
        assert "sticks out" in sticks_out(window)
