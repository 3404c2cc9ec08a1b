"""What counts as another picture: another layout, and neither other times nor other words."""

from playwright.sync_api import Browser

from tests.pictures.likeness import MOST, difference

_ROWS = "<p>2026-11-28 09:15:02 &nbsp; +1 312 555 0143 &nbsp; The caller hung up</p>" * 12
_PAGE = """<style>body{{display:grid;grid-template-columns:300px 1fr;margin:0;font:16px sans-serif}}
nav{{background:#134e4a;height:600px}} p{{border-bottom:1px solid #999}}</style><nav></nav><main>{}</main>"""


def _picture(browser: Browser, html: str, width: int = 900) -> bytes:
    page = browser.new_page(viewport={"width": width, "height": 600})
    try:
        page.set_content(html)
        return page.screenshot()
    finally:
        page.close()


def test_other_times_and_ids_are_the_same_picture(chromium):
    last = _picture(chromium, _PAGE.format(_ROWS))
    now = _picture(chromium, _PAGE.format(_ROWS.replace("09:15:02", "21:48:37").replace("0143", "0187")))
    assert last != now
    assert difference(chromium, last, now) < MOST


def test_a_lost_style_sheet_is_another_picture(chromium):
    whole = _PAGE.format(_ROWS)
    broken = whole[whole.index("<nav>") :]
    assert difference(chromium, _picture(chromium, whole), _picture(chromium, broken)) > MOST


def test_another_size_is_another_picture(chromium):
    html = _PAGE.format(_ROWS)
    assert difference(chromium, _picture(chromium, html), _picture(chromium, html, width=390)) == 1.0
