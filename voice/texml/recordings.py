"""Asks Telnyx about TeXML's recordings, judges the links to them that it tells, and makes commands to delete them."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from portal.actors import Actor
from portal.masking import masked_for
from portal.models import TelnyxAccount
from voice.commands import outbox
from voice.models import CallCommand
from voice.texml import requests

DELETE = "texml.recordings.delete"
_ORIGIN = re.compile(r"https?://[a-z0-9.\-]+(?::\d{1,5})?", re.IGNORECASE)


def at_telnyx(account: TelnyxAccount, query: Mapping[str, str]) -> requests.Page | None:
    """Read a page of the account's recordings."""
    return requests.page(account, "texml.recordings.list", query=query)


def retrieve(account: TelnyxAccount, recording_sid: str) -> requests.Told | None:
    """Ask for one recording."""
    return requests.fetch(account, "texml.recordings.retrieve", recording_sid)


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


def delete(account: TelnyxAccount, recording_sid: str, actor: Actor, *, intent: str = "") -> CallCommand:
    """Make a queued deletion of a recording; while one is open, or was carried out, it is that one."""
    return outbox.delete_recording(account, DELETE, recording_sid, actor, intent=intent)
