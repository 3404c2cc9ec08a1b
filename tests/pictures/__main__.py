"""``make pictures``: takes every picture of the docs anew, of a portal and a sandbox of its own.

A picture that is much like the kept one replaces it. One that is not is kept beside it as ``NAME.new.png`` and fails
the run: look at both, then take the new one with ``make pictures TAKE=NAME`` (or ``TAKE=all``).
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.pictures.gallery import GALLERY, Picture
from tests.pictures.likeness import MOST, difference
from tests.pictures.story import tell
from tests.support.chromium import ARGUMENTS, CHROMIUM
from tests.support.portal_processes import Portal

FOLDER = Path(__file__).resolve().parent.parent.parent / "docs" / "images"
_HEIGHT = {1440: 900, 390: 844}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make pictures")
    parser.add_argument("--take", default="", metavar="NAME", help="keep this new picture, however it looks; or all")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(one.name for one in GALLERY)}; all")
    options = parser.parse_args()
    if unknown := {*options.names} - {one.name for one in GALLERY}:
        parser.error(f"there is no picture {', '.join(sorted(unknown))}")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")  # where the project lies is read there
    changed = []
    with tempfile.TemporaryDirectory() as folder, portal(Path(folder)) as (origin, password), chromium() as browser:
        for picture in GALLERY:
            if options.names and picture.name not in options.names:
                continue
            new = taken(browser, picture, origin, password)
            if not kept(browser, picture, new, options.take in {picture.name, "all"}):
                changed.append(picture.name)
    if changed:
        print(f"Much changed: {', '.join(changed)}. Look at docs/images/*.new.png; make pictures TAKE=NAME keeps one.")
    return 1 if changed else 0


@contextmanager
def portal(folder: Path) -> Iterator[tuple[str, str]]:
    """Run a portal in which the story has happened; yields its origin and the password of ``admin``."""
    own = Portal(folder)
    print("Starting a portal …", flush=True)
    with own.started(sys.executable, "manage.py", "start"):
        password = own.log.read_text().partition("with the password")[2].split()[0]
        print("Calls are made …", flush=True)
        tell(own)
        yield f"http://127.0.0.1:{own.port}", password


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def taken(browser: Browser, picture: Picture, origin: str, password: str) -> bytes:
    """Sign in, go where the picture is taken, and return it as PNG."""
    with browser.new_context(
        viewport={"width": picture.width, "height": picture.height or _HEIGHT[picture.width]},
        color_scheme="dark" if picture.dark else "light",
        reduced_motion="reduce",
        base_url=origin,
        timezone_id="UTC",
    ) as context:
        page = context.new_page()
        page.goto("/admin/login/")
        page.fill("[name=username]", "admin")
        page.fill("[name=password]", password)
        page.click("button[type=submit]")
        page.wait_for_url("**/admin/")
        page.goto(picture.path)
        for step in picture.steps:
            step(page)
        page.wait_for_load_state("networkidle")
        return page.screenshot(animations="disabled")


def kept(browser: Browser, picture: Picture, new: bytes, whatever: bool) -> bool:
    """Keep a picture in the place of the last one if it is much like it; else beside it, and return False."""
    last, beside = FOLDER / f"{picture.name}.png", FOLDER / f"{picture.name}.new.png"
    changed = difference(browser, last.read_bytes(), new) if last.exists() else 0.0
    print(f"{picture.name}: {changed:.0%} otherwise", flush=True)
    if changed > MOST and not whatever:
        beside.write_bytes(new)
        return False
    last.write_bytes(new)
    beside.unlink(missing_ok=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
