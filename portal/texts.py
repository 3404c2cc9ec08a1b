"""Shows people texts from outside safely, and numbers of things in words."""

import re
from collections.abc import Iterable

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

# Controls but tab and line break, and what has no shape of its own: bidirectional marks, zero-width characters
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")
_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")


def visible(text: str) -> str:
    """Write as ``\\u202e`` what would hide ``text`` or turn it round: a number must look as it is."""
    return _HIDDEN.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def pluralised(number: int, singular: str, plural: str) -> str:
    """Write ``1 event is`` and ``3,000 events are``; of Django, templates have ``pluralize``."""
    return f"{number:,} {singular if number == 1 else plural}"


def one_of(values: Iterable[object]) -> str:
    """Say of what is none of them which values there are."""
    return f"Must be one of {', '.join(map(str, values))}."


def documented(text: str) -> SafeString:
    """Write for a page what Telnyx documents in Markdown: what is code as code, of links and bold words the words."""
    plain = re.sub(r"</?code>", "`", " ".join(text.split()))
    parts = enumerate(_CODE.split(_LINK.sub(r"\1", plain.replace("**", ""))))
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if at % 2 else part,) for at, part in parts)
    )
