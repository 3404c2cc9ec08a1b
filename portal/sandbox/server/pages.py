"""Reads the page that the sandbox shows of itself, with what it needs: nothing of it comes from elsewhere."""

from functools import cache
from pathlib import Path

_DIRECTORY = Path(__file__).with_name("page")
# by path: the file, and what it is
_FILES = {
    "/sandbox": ("page.html", "text/html; charset=utf-8"),
    "/sandbox/": ("page.html", "text/html; charset=utf-8"),
    "/sandbox/page.css": ("page.css", "text/css; charset=utf-8"),
    "/sandbox/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@cache
def page(path: str) -> tuple[str, bytes] | None:
    """Return what is there (its type and its bytes), if it belongs to the page."""
    found = _FILES.get(path)
    return (found[1], (_DIRECTORY / found[0]).read_bytes()) if found else None
