"""What a page has that is wider than its window."""

import json
from typing import Any


def sticks_out(window: Any) -> str:
    """What is wider than the window, if anything makes the page scroll sideways."""
    script = """() => {
      const wide = document.documentElement.scrollWidth, room = document.documentElement.clientWidth;
      if (wide <= room) return null;
      const out = [...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > room + 1);
      return [wide, room, out.slice(-3).map(one => one.outerHTML.slice(0, 120))];
    }"""
    found = window.page.evaluate(script)
    return f"{window.page.url} sticks out: {json.dumps(found)}" if found else ""
