"""TeXML's pages in a real browser: full, long, empty and failing; without a script; by the keyboard."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.urls import reverse

from applications.models import TexmlApplication
from portal.models import TelnyxAccount
from tests.browser.overflow import sticks_out
from tests.support.factories import make_call
from tests.support.http_servers import Listener
from tests.support.rows import CallCommand
from tests.support.texml_pages import PAGES, do, ids_of, page_of
from tests.support.texml_resources import CALL, telnyx_texml, wired
from voice.catalogue.texml_operations import COMMANDS

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.long]
LONG = "a_name_without_any_break_" * 5  # hyphens would be breaks
AT = "Sat, 28 Nov 2026 09:00:00 +0000"
ROW = {
    **{"sid": LONG, "call_sid": "v3:" + "q" * 80, "friendly_name": LONG, "label": LONG, "status": "in-progress"},
    **{"from": "+13125550143", "to": f"sip:{LONG}@pbx.example", "direction": "outbound", "duration": "75"},
    **{"start_time": AT, "date_created": AT, "source": "StartCallRecordingAPI", "channels": 2, "muted": True},
    **{"max_size": 100, "current_size": 7, "transcription_text": LONG, "media_url": "https://media.example/a.mp3"},
}
LISTS = ("calls", "conferences", "participants", "queues", "recordings", "transcriptions")
SHORT = ROW | {"sid": "short", "call_sid": CALL, "friendly_name": "standup", "label": "ada", "to": "+442071838750"}
MANY = {name: [ROW, *[SHORT] * 30] for name in LISTS} | {"next_page_uri": "/x?Page=1&PageToken=abc"}


@pytest.fixture
def full() -> Iterator[tuple[TelnyxAccount, Listener]]:
    """A Telnyx with many rows of everything."""
    with telnyx_texml(lambda method, path: ROW | MANY if method == "GET" else None) as wire:
        account = wired(wire.url)
        make_call(account, call_control_id=CALL)
        TexmlApplication.objects.create(account=account, telnyx_id="88", friendly_name=LONG[:80])
        yield account, wire


@pytest.mark.looks
@pytest.mark.parametrize("width", [390, 1440])
def test_every_page_opens_whole_light_and_dark(
    opened: Callable[..., Any], full: tuple[TelnyxAccount, Listener], operator: Any, width: int
) -> None:
    (account, _), found = full, list[str]()
    silent = wired("http://127.0.0.1:9", "unreachable")
    with telnyx_texml() as empty_wire, opened(viewport={"width": width, "height": 900}) as window:
        empty = wired(empty_wire.url, "empty")
        pages = {page_of(account, name) for name in PAGES}
        pages |= {f"{reverse('admin:voice_texml_calls')}?account={one.pk}" for one in (account, silent, empty)}
        pages |= {reverse("admin:voice_texml_secrets"), reverse("admin:voice_texml_dial")}
        pages |= {do(account, name, **ids_of(name)) for name in COMMANDS}
        window.enter(operator)
        for page in sorted(pages):
            window.open(page)
            for scheme in ("light", "dark"):
                window.page.emulate_media(color_scheme=scheme)
                found.append(sticks_out(window))
    assert [line for line in found if line] + window.wrongs == []


def test_a_dial_without_a_script(
    opened: Callable[..., Any], full: tuple[TelnyxAccount, Listener], operator: Any
) -> None:
    with opened(java_script_enabled=False) as window:
        window.enter(operator)
        window.open(f"{reverse('admin:voice_texml_dial')}?application=88")
        window.page.fill("[name=From]", "+13125550100")
        window.page.fill("[name=To]", "+13125550001")
        window.page.fill("[name=Texml]", "<Response><Say>Hello</Say></Response>")
        window.page.locator("summary", has_text="More").click()
        window.page.fill("[name=TimeLimit]", "60")
        window.page.click("form .portal-button-primary")
        window.page.wait_for_url("**/voice/callcommand/**")
    command = CallCommand.objects.get()
    assert (command.action, command.parameters["TimeLimit"]) == ("texml.calls.dial", 60)
    assert window.wrongs == []


def test_a_participant_is_muted_by_the_keyboard(
    opened: Callable[..., Any], full: tuple[TelnyxAccount, Listener], operator: Any
) -> None:
    account, _ = full
    with opened(viewport={"width": 1440, "height": 900}) as window:
        window.enter(operator)
        window.open(page_of(account, "texml.conferences.retrieve"))
        window.page.get_by_role("link", name="Unmute").nth(1).focus()
        window.page.keyboard.press("Enter")
        window.page.wait_for_url("**/texml.participants.update/**")
        assert window.page.input_value("[name=Muted]") == "false"
        button = window.page.get_by_role("button", name="Change participant")
        for _ in range(60):
            window.page.keyboard.press("Tab")
            if button.evaluate("one => one === document.activeElement"):
                break
        window.page.keyboard.press("Enter")
        window.page.wait_for_url("**/texml/conferences/**")
        assert window.page.get_by_text("What was asked of it").is_visible()
    assert CallCommand.objects.get().parameters == {"Muted": False}
    assert window.wrongs == []


def test_every_box_has_a_label(opened: Callable[..., Any], full: tuple[TelnyxAccount, Listener], operator: Any) -> None:
    account, _ = full
    script = """() => [...document.querySelectorAll('#content :is(input, select, textarea, audio)')]
      .filter(one => one.type !== 'hidden' && !one.labels?.length && !one.ariaLabel).map(one => one.outerHTML)"""
    with opened() as window:
        window.enter(operator)
        for page in (
            *(page_of(account, name) for name in ("texml.calls.list", "texml.recordings.retrieve")),
            *(do(account, name) for name in ("texml.participants.dial", "texml.secrets.save")),
            reverse("admin:voice_texml_dial"),
        ):
            window.open(page)
            assert window.page.locator("#content").count() == 1
            assert window.page.evaluate(script) == [], page
