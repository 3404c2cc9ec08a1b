"""What a page lays out in a style sheet of its own, no sheet of every page lays out: it would break that page."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EVERYWHERE = [ROOT / "portal/static/portal" / name for name in ("portal.css", "frame.css")]
OF_A_PAGE = sorted((ROOT / "voice/static").rglob("*.css"))
# the same thing in both, drawn otherwise on the page of a call
ALIKE = {"portal-chips", "portal-said"}


def laid_out(sheet: Path) -> set[str]:
    """The classes that a sheet lays out wherever they stand."""
    text = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL)
    return set(re.findall(r"(?:^|[};,{])\s*\.(portal-[a-z0-9-]+)\s*(?=[{,])", text))


def test_a_page_s_classes_are_its_own() -> None:
    everywhere = set.union(*map(laid_out, EVERYWHERE))
    assert len(everywhere) > 100
    found = {sheet.name: sorted(laid_out(sheet) & everywhere - ALIKE) for sheet in OF_A_PAGE}
    assert {name: names for name, names in found.items() if names} == {}
