"""Knows where a template's placeholders and sections stand in a document, as far as other rules need it."""

import re

from portal.texml.templates import MAX_BLOCKS, TAG
from portal.texml.tree import Element

_BLOCK = re.compile(r"\s*[#^/]")
_ALTERNATIVE = re.compile(r"#\s*(else|elseif\b.*)", re.DOTALL)
_IF = re.compile(r"if\b")

Branches = tuple[tuple[str, str], ...]  # of the sections that something stands in: which section, which branch


def is_filled(text: str) -> bool:
    """Tell whether a value is known at the fetch only: what it will be cannot be judged."""
    return "{{" in text


def without_sections(text: str) -> str:
    """Take away what only opens and closes sections; values stay."""
    return TAG.sub(lambda tag: "" if tag["inner"] and _BLOCK.match(tag["inner"]) else tag.group(), text)


def unconditional(element: Element) -> list[Element]:
    """List the children that stand in no section: these run whatever the values are."""
    where = places(element)
    return [child for child in element.children if not where[id(child)]]


def places(element: Element) -> dict[int, Branches]:
    """Tell of each child, by its ``id()``, in which branches of which sections it stands."""
    found, within = dict[int, Branches](), list[tuple[str, str]]()
    for at, one in enumerate(element.content):
        if isinstance(one, Element):
            found[id(one)] = tuple(within[:MAX_BLOCKS])  # of more the template is refused
            continue
        for tag in TAG.finditer(one.data):
            inner = (tag["inner"] or "").strip()
            words = inner[1:].strip()
            if _ALTERNATIVE.fullmatch(inner):
                within[-1:] = [(section, f"{branch}|") for section, branch in within[-1:]]
            elif inner.startswith(("#", "^")):
                within.append((f"if {at} {tag.start()}", "") if _IF.match(words) else (words, inner[0]))
            elif inner.startswith("/"):
                del within[-1:]
    return found


def never_both(one: Branches, other: Branches) -> bool:
    """Tell whether two places are of different branches of one section: then no fetch has both."""
    branches = dict(one)
    return any(branches.get(section, branch) != branch for section, branch in other)
