"""Shows people texts from outside safely."""

import re

from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString

# Controls but tab and line break, and what has no shape of its own: bidirectional marks, zero-width characters
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")


def visible(text: str) -> str:
    """Write as ``\\u202e`` what would hide ``text`` or turn it round: a number must look as it is."""
    return _HIDDEN.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")


def documented(text: str) -> SafeString:
    """Write for a page what Telnyx documents in Markdown: what is code as code, of links and bold words the words."""
    plain = re.sub(r"</?code>", "`", " ".join(text.split()))
    parts = _CODE.split(_LINK.sub(r"\1", plain.replace("**", "")))
    code = "<code>{}</code>"
    return format_html_join(
        "", "{}", ((format_html(code, part) if at % 2 else escape(part),) for at, part in enumerate(parts))
    )
