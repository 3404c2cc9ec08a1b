"""No page has what axe calls serious or critical: light and dark, on a desk and on a phone."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404
from django.views.generic import RedirectView

from tests.browser.everybody import axe
from tests.browser.everybody.pages import LEAST, each_page, told

pytestmark = [pytest.mark.browser, pytest.mark.looks, pytest.mark.django_db(transaction=True), pytest.mark.long]
WITH_A_FAULT = "document.querySelector('#portal-main').innerHTML += '<button></button><p style=\"color:#999\">pale</p>'"
# what is opened on a page by a press, and how
OPENED = {
    "/admin/voice/call/": "document.querySelector('.log-bar summary').click()",
    "/admin/": "document.querySelector('#nav-sidebar button[aria-controls=portal-you]').click()",
    "/admin/applications/callcontrolapplication/": "document.querySelector('input.action-select').click()",
}


def test_no_page_has_a_serious_fault(opened: Callable[..., Any], pages: list[str], operator: Any) -> None:
    found: dict[str, list[str]] = {}
    with opened() as window:
        axe.bring(window)
        window.enter(operator)
        for page in each_page(window, pages):
            found[page] = axe.faults(window)
    assert not any(found.values()), told(found)
    assert len(found) > LEAST * len(pages)


def test_no_opened_part_has_a_serious_fault(opened: Callable[..., Any], pages: list[str], operator: Any) -> None:
    found: dict[str, list[str]] = {}
    with opened() as window:
        axe.bring(window)
        window.enter(operator)
        for page, press in OPENED.items():
            window.open(page)
            window.page.evaluate(press)
            found[page] = axe.faults(window)
        for page in (page for page in pages if page.endswith("/add/")):
            window.open(page)
            if (save := window.page.locator("[name=_save]")).count():
                save.click()
                window.page.locator(".errornote, .errorlist").first.wait_for()
                found[page] = axe.faults(window)
        window.page.context.clear_cookies()
        window.open("/admin/login/")
        found["/admin/login/"] = axe.faults(window)
    assert not any(found.values()), told(found)


def test_no_page_of_an_error_has_a_serious_fault(opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, list[str]] = {}
    with opened() as window:
        axe.bring(window)
        for error in (SuspiciousOperation, PermissionDenied, Http404, RuntimeError, OperationalError):
            monkeypatch.setattr(RedirectView, "get", _raises(error))
            window.open("/")
            found[window.page.title()] = axe.faults(window)
        window.open("/admin/login/")
        window.page.context.clear_cookies()  # the form's token belongs to nobody any more
        window.page.locator("form [type=submit]").click()
        window.page.wait_for_function("document.title.includes('| Voice portal')")
        found[window.page.title()] = axe.faults(window)
    assert not any(found.values()), told(found)
    assert len(found) == 6


def _raises(error: type[Exception]) -> Callable[..., Any]:
    def get(*_: Any, **__: Any) -> None:
        raise error("wrong")

    return get


def test_a_fault_is_noticed(opened: Callable[..., Any], operator: Any) -> None:
    with opened() as window:
        axe.bring(window)
        window.enter(operator)
        window.open("/admin/")
        assert axe.faults(window) == []
        window.page.evaluate(WITH_A_FAULT)
        assert {line.split()[2] for line in axe.faults(window)} == {"button-name:", "color-contrast:"}
