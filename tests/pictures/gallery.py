"""Names every picture of the docs: where it is taken, how wide, light or dark, and what is clicked before."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

Step = Callable[[Page], object]


@dataclass(frozen=True)
class Picture:
    """One picture: ``docs/images/NAME.png``."""

    name: str
    path: str  # the address to begin at
    steps: tuple[Step, ...] = ()  # what is done there before it is taken
    width: int = 1440  # px
    height: int = 0  # px; 0 is that of the screen
    dark: bool = False


def _open_row(name: str) -> Step:
    """Make the step that opens a row of a list by its name."""

    def step(page: Page) -> None:
        page.get_by_role("link", name=name).first.click()
        page.wait_for_url("**/change/**")

    return step


def _open_newest_call(page: Page) -> None:
    page.locator(".log-row .log-time a").first.click()
    page.wait_for_url("**/change/**")


def _save_what_telnyx_changed(page: Page) -> None:
    """Change what ``story`` had changed at Telnyx, which the portal has not heard of yet."""
    page.fill("[name=first_command_timeout_secs]", "45")
    page.get_by_role("button", name="Save").first.click()
    page.get_by_role("button", name="Save what I chose").wait_for()


_APPLICATIONS = "/admin/applications/callcontrolapplication/"

GALLERY = (
    Picture("home", "/admin/"),
    Picture("call-log", "/admin/voice/call/"),
    Picture("call", "/admin/voice/call/", (_open_newest_call,), height=1400),
    Picture("reports", "/admin/voice/reports/"),
    Picture("application", _APPLICATIONS, (_open_row("Sample: press 1"),)),
    Picture("document", "/admin/voice/texmldocument/", (_open_row("Sample: menu"),)),
    Picture("call-log-phone", "/admin/voice/call/", width=390, dark=True),
    Picture("conflict", _APPLICATIONS, (_open_row("Sample: press 1"), _save_what_telnyx_changed)),
)
