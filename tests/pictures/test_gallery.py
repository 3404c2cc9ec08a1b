"""The pictures of the docs: each is made by ``make pictures``, kept, and shown on a page."""

import re
from pathlib import Path

from tests.pictures.gallery import GALLERY

ROOT = Path(__file__).resolve().parent.parent.parent
IMAGES = ROOT / "docs" / "images"
_SHOWN = re.compile(r"!\[[^\]]+\]\((?:docs/)?images/([\w-]+)\.png\)")


def test_every_picture_that_is_kept_can_be_made_anew_and_the_other_way_round():
    assert {path.stem for path in IMAGES.glob("*.png") if not path.stem.endswith(".new")} == {
        one.name for one in GALLERY
    }


def test_every_picture_is_shown_and_no_other():
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    shown = {name for page in pages for name in _SHOWN.findall(page.read_text())}
    assert shown == {one.name for one in GALLERY}
