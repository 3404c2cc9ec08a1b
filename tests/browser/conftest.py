"""A real Chromium. Where there is none these tests skip and say so; with ``REQUIRE_BROWSER=1`` they fail."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect, sync_playwright

from applications.models import CallControlApplication, Pull, TexmlApplication
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.chromium import ARGUMENTS, CHROMIUM
from tests.support.documents import MENU, fetch, publish_anew, published
from tests.support.factories import CONNECTION, make_call, make_event, make_flow, run_owed
from tests.support.live_board import listed
from tests.support.texml import form
from tests.support.webhooks import post_texml, post_webhook
from voice.commands import outbox
from voice.models import Call, CallCommand, CallEvent, Flow, RejectedRequest, TexmlFetch

PATIENCE = 60_000  # ms
OF_A_DOCUMENT = ("change", "publish", "versions", "copy")
LONG = "a_name_without_any_break_" * 4  # hyphens would be breaks


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


@pytest.fixture
def lived_in(account: TelnyxAccount, operator: Any) -> list[str]:
    """A portal with something on every page; the addresses behind the lists."""
    CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION, application_name=LONG[:80])
    TexmlApplication.objects.create(account=account, telnyx_id="88", friendly_name="ivr")
    rule = {
        "event_type": "call.answered",
        "do": [{"action": "speak", "parameters": {"payload": LONG, "voice": "female"}}],
    }
    make_flow(account, rule, name=LONG[:90])
    for event in (make_event(), make_event("call.answered", 2), make_event(leg="b", direction="outgoing")):
        post_webhook(Client(), account, event)
    post_webhook(Client(), account, b"{")
    Client().post(f"/webhooks/{account.webhook_token}/call-control/", b"x", content_type="application/json")
    run_owed()
    call = Call.objects.get(call_control_id="v3:a-leg")
    outbox.act(call, "transfer", {"to": "+13125550001"}, PORTAL)
    texml = make_call(account, "t", connection_id="88")
    begun = form(CallSid=texml.call_control_id, RecordingSid="rec-1", RecordingStatus="in-progress")
    post_texml(Client(), account, begun)
    run_owed()
    listed(account, others=[{"source": "texml_queues", "rows": [{"id": LONG}], "complete": False, "error": LONG}])
    assert RejectedRequest.objects.exists()
    pages = [
        reverse("admin:voice_call_change", args=[call.pk]),
        reverse("admin:voice_call_change", args=[texml.pk]),
        reverse("admin:voice_call_act", args=[call.pk, "transfer"]),
        reverse("admin:voice_call_dial"),
        reverse("admin:voice_exports"),
        reverse("admin:voice_callevent_change", args=[CallEvent.objects.earliest("received_at").pk]),
        reverse("admin:voice_callcommand_change", args=[CallCommand.objects.earliest("created_at").pk]),
        reverse("admin:voice_flow_change", args=[Flow.objects.get().pk]),
        reverse("admin:voice_flow_add"),
        reverse("admin:applications_callcontrolapplication_change", args=[CallControlApplication.objects.get().pk]),
        reverse("admin:applications_texmlapplication_change", args=[TexmlApplication.objects.get().pk]),
        reverse("admin:applications_callcontrolapplication_add"),
        reverse("admin:portal_telnyxaccount_change", args=[account.pk]),
        reverse("admin:portal_apitoken_add"),
        reverse("admin:voice_inbox_verify"),
        reverse("admin:voice_rejectedrequest_changelist"),
    ]
    document = published(account, MENU, name=LONG[:90])
    publish_anew(document, MENU.replace("Hello", LONG))
    fetch(Client(), document)
    pages += [reverse(f"admin:voice_texmldocument_{name}", args=[document.pk]) for name in OF_A_DOCUMENT]
    pages += [
        reverse("admin:voice_texmldocument_add"),
        f"{reverse('admin:voice_texmldocument_diff', args=[document.pk])}?from=1&to=2",
        reverse("admin:voice_texmlfetch_change", args=[TexmlFetch.objects.get().pk]),
    ]
    assert not Pull.objects.exists()
    return pages
