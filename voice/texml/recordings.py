"""Asks Telnyx about TeXML's recordings, and makes commands to delete them."""

from collections.abc import Mapping

from portal.actors import Actor
from portal.models import TelnyxAccount
from voice.commands import outbox
from voice.models import CallCommand
from voice.texml import requests

DELETE = "texml.recordings.delete"


def at_telnyx(account: TelnyxAccount, query: Mapping[str, str]) -> requests.Page | None:
    """Read a page of the account's recordings."""
    return requests.page(account, "texml.recordings.list", query=query)


def retrieve(account: TelnyxAccount, recording_sid: str) -> requests.Told | None:
    """Ask for one recording."""
    return requests.fetch(account, "texml.recordings.retrieve", recording_sid)


def delete(account: TelnyxAccount, recording_sid: str, actor: Actor, *, intent: str = "") -> CallCommand:
    """Make a queued deletion of a recording; while one is open, or was carried out, it is that one."""
    return outbox.delete_recording(account, DELETE, recording_sid, actor, intent=intent)
