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


GALLERY = (
    Picture("home", "/admin/"),
    Picture("call-log", "/admin/voice/call/"),
)
