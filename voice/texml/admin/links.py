"""Judges the links to recordings that Telnyx tells."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from portal.masking import masked_for

_ORIGIN = re.compile(r"https?://[a-z0-9.\-]+(?::\d{1,5})?", re.IGNORECASE)


def playable(user: Any, told: Mapping[str, Any]) -> str:
    """Return where the file lies, if it is an address that a browser opens and whose path this person may see whole.

    What follows the path is a signature, whose digits are nobody's number.
    """
    url = told.get("media_url")
    if not isinstance(url, str) or not origin(url):
        return ""
    path = urlsplit(url).path
    return url if masked_for(user, path) == path else ""


def origin(url: str) -> str:
    """Return scheme and host of an address, as a content security policy has them; empty for one that it cannot."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    found = f"{parts.scheme}://{parts.netloc}"
    return found if _ORIGIN.fullmatch(found) else ""
