"""Shows people texts from outside safely."""

import re

# Controls but tab and line break, and what has no shape of its own: bidirectional marks, zero-width characters
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")


def visible(text: str) -> str:
    """Write as ``\\u202e`` what would hide ``text`` or turn it round: a number must look as it is."""
    return _HIDDEN.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
