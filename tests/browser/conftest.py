"""A real Chromium. Where there is none these tests skip and say so; with ``REQUIRE_BROWSER=1`` they fail."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect, sync_playwright

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE = 60_000  # ms


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if not CHROMIUM.is_file():
        missing = f"There is no Chromium at {CHROMIUM}: install it, or name it in CHROMIUM."
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    # Playwright's loop runs in this thread, so Django takes every query here for one inside async code
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    try:
        expect.set_options(timeout=PATIENCE)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            yield browser
            browser.close()
    finally:
        os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE")
        if before is not None:
            os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


class Watched:
    """A page and everything that went wrong on it: errors of the console, of scripts, refusals, other hosts."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page, self.origin = page, origin
        self.wrongs: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.wrongs.append(f"script error: {error}"))
        page.on("response", self._answered)
        page.on("request", self._asked)

    def open(self, path: str) -> None:
        self.page.goto(f"{self.origin}{path}")

    def enter(self, user: Any) -> None:
        """Be signed in, without the form."""
        client = Client()
        client.force_login(user)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        self.page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": self.origin}])

    def sign_in(self) -> None:
        """By the form, as the test's operator."""
        self.open("/")
        self.page.fill("[name=username]", "operator")
        self.page.fill("[name=password]", "a long enough password")
        self.page.click("button[type=submit]")
        self.page.wait_for_url("**/admin/")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.wrongs.append(f"{self.page.url}: {message.type}: {message.text}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.wrongs.append(f"{response.status} {response.url}")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.origin, "data:", "blob:")):
            self.wrongs.append(f"another host: {request.url}")


@pytest.fixture
def opened(chromium: Browser, live_server: Any) -> Callable[..., Any]:
    """Opens a window of its own; ``how`` is what Playwright's ``new_context`` takes."""

    @contextmanager
    def open_window(**how: Any) -> Iterator[Watched]:
        context = chromium.new_context(**how)
        try:
            yield Watched(context.new_page(), live_server.url)
        finally:
            context.close()

    return open_window
