"""Writes the elements of an SVG: shapes that tell a party or a mark without colour, and the style of all."""

from html import escape

from portal.texts import visible

# The page's theme decides within a page; a file of its own follows what its viewer prefers.
_LIGHT = "--i:#111827;--d:#6b7280;--l:#e5e7eb;--p:#fff;--t:#4f7fd9;"
_LIGHT += "--b:#b91c1c;--w:#a16207;--g:#15803d;--v:#7c3aed;--u:#1d4ed8"
_DARK = "--i:#f3f4f6;--d:#9ca3af;--l:#374151;--p:#111827;--t:#5b8def;"
_DARK += "--b:#fca5a5;--w:#fcd34d;--g:#86efac;--v:#c4b5fd;--u:#93c5fd"
STYLE = (
    f".sp{{{_LIGHT};font:11px Inter,system-ui,sans-serif;color:var(--i)}}.dark .sp{{{_DARK}}}"
    f"@media(prefers-color-scheme:dark){{.sp:root{{{_DARK};background:var(--p)}}}}"
    ".sp text{fill:var(--i)}.sp .d,.sp .d text{fill:var(--d)}.sp .l{stroke:var(--l);fill:none}.sp .k{fill:var(--l)}"
    ".sp .s{fill:none;stroke:var(--t);stroke-width:1.5}.sp .t{fill:var(--t)}"
    ".sp .e{fill:var(--i);stroke:var(--p)}.sp .c{fill:var(--u);stroke:var(--u)}.sp .h{fill:var(--p);stroke:var(--w)}"
    ".sp .b{fill:var(--b);stroke:var(--b)}.sp .x{fill:none;stroke:var(--b);stroke-width:2.5}"
    ".sp .n{fill:none;stroke:var(--u);opacity:.55}.sp .y{fill:none;stroke:var(--i);stroke-width:1.5}"
    ".sp .f{fill:none;stroke:var(--w);stroke-width:1.5;stroke-dasharray:4 3}"
    ".sp .q{fill:var(--p);stroke:var(--i)}.sp .z{fill:none;stroke:var(--d)}"
    ".sp .recording{fill:var(--b)}.sp .speech{fill:var(--u)}.sp .menu{fill:var(--v)}.sp .assistant{fill:var(--g)}"
    ".sp .hold,.sp .queue{fill:none;stroke:var(--p);stroke-width:12}.sp .hold{stroke-dasharray:2 3}"
    ".sp .queue{stroke-dasharray:1 5}.sp a:focus-visible{outline:2px solid var(--u)}"
)


def number(value: float) -> str:
    """Write a coordinate, to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")


def words(text: str) -> str:
    """Write a text from outside safely."""
    return escape(visible(text))


def text(x: float, y: float, what: str, *, name: str = "", anchor: str = "") -> str:
    """Write a text; its middle is at ``x`` if ``anchor`` says so."""
    more = (f' class="{name}"' if name else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text x="{number(x)}" y="{number(y)}"{more}>{words(what)}</text>'


def box(left: float, top: float, right: float, height: float, name: str, title: str = "") -> str:
    """Draw a box, at least 2 px wide."""
    told = f"<title>{words(title)}</title>" if title else ""
    size = f'x="{number(left)}" y="{number(top)}" width="{number(max(right - left, 2))}" height="{number(height)}"'
    return f'<rect class="{name}" {size} rx="2">{told}</rect>' if told else f'<rect class="{name}" {size} rx="2"/>'


def path(way: str, name: str) -> str:
    """Draw a path."""
    return f'<path class="{name}" d="{way}"/>'


def line(x: float, y: float, to_x: float, to_y: float, name: str) -> str:
    """Draw a line."""
    return path(f"M{number(x)} {number(y)}L{number(to_x)} {number(to_y)}", name)


def polygon(x: float, y: float, corners: tuple[tuple[float, float], ...], name: str) -> str:
    """Draw a closed shape around a point."""
    ways = [f"{number(x + across)} {number(y + down)}" for across, down in corners]
    return path(f"M{'L'.join(ways)}z", name)


_PARTIES = {
    "caller": ((-6.0, 0.0), (4.0, -6.0), (4.0, 6.0)),
    "callee": ((6.0, 0.0), (-4.0, -6.0), (-4.0, 6.0)),
    "us": ((-5.0, -5.0), (5.0, -5.0), (5.0, 5.0), (-5.0, 5.0)),
    "telnyx": ((0.0, -6.0), (6.0, 5.0), (-6.0, 5.0)),
    "carrier": ((0.0, -6.0), (6.0, 0.0), (0.0, 6.0), (-6.0, 0.0)),
}


def party(x: float, y: float, who: str) -> str:
    """Draw who ended a leg: ◀ caller, ▶ called party, ■ us, ▲ Telnyx, ◆ a carrier, else a question mark."""
    if who in _PARTIES:
        return polygon(x, y, _PARTIES[who], "e")
    return f'<circle class="q" cx="{number(x)}" cy="{number(y)}" r="6"/>' + text(x, y + 4, "?", anchor="middle")


_DOWN = ((-5.0, -5.0), (5.0, -5.0), (0.0, 5.0))
_MARKS: dict[str, tuple[tuple[tuple[float, float], ...], str]] = {
    "sent": (_DOWN, "c"),
    "waiting": (_DOWN, "q"),
    "problem": (_PARTIES["telnyx"], "b"),
    "machine": (_PARTIES["carrier"], "q"),
    "cost": (((-3.0, -3.0), (3.0, -3.0), (3.0, 3.0), (-3.0, 3.0)), "q"),
}
_LINES = {"refused": ("m-4-4l8 8m0-8l-8 8", "x"), "end": ("m0-9v18", "y")}


def mark(x: float, y: float, kind: str, glyph: str) -> str:
    """Draw a mark by its kind."""
    if kind in _MARKS:
        corners, name = _MARKS[kind]
        return polygon(x, y, corners, name)
    at, down = number(x), number(y)
    if kind == "undone":  # not carried out, whether it was sent or not: hollow, with a clock
        return polygon(x, y, _DOWN, "h") + path(f"M{at} {number(y - 5)}v3h2", "y")
    if kind == "uncertain":
        return polygon(x, y, _DOWN, "h") + text(x + 7, y + 4, "?")
    if kind == "key":
        return f'<circle class="q" cx="{at}" cy="{down}" r="6"/>' + text(x, y + 4, glyph or "#", anchor="middle")
    if kind in _LINES:
        way, name = _LINES[kind]
        return path(f"M{at} {down}{way}", name)
    return f'<circle class="e" cx="{at}" cy="{down}" r="{4.5 if kind == "step" else 3.5}"/>'
