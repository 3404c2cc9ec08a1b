"""Knows where a template's placeholders and sections stand in a document, as far as other rules need it."""

import re

from portal.texml.templates import TAG
from portal.texml.tree import Element

_BLOCK = re.compile(r"\s*[#^/]")


def is_filled(text: str) -> bool:
    """Tell whether a value is known at the fetch only: what it will be cannot be judged."""
    return "{{" in text


def without_sections(text: str) -> str:
    """Take away what only opens and closes sections; values stay."""
    return TAG.sub(lambda tag: "" if tag["inner"] and _BLOCK.match(tag["inner"]) else tag.group(), text)


def unconditional(element: Element) -> list[Element]:
    """List the children that stand in no section: these run whatever the values are."""
    depth, always = 0, list[Element]()
    for one in element.content:
        if isinstance(one, Element):
            always += [one] if depth == 0 else []
            continue
        for tag in TAG.finditer(one.data):
            inner = (tag["inner"] or "").strip()
            if inner.startswith(("#", "^")) and inner != "#else" and not inner.startswith("#elseif"):
                depth += 1
            elif inner.startswith("/"):
                depth = max(depth - 1, 0)
    return always
