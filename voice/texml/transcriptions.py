"""Asks Telnyx about TeXML's transcriptions, and makes commands to delete them."""

from collections.abc import Mapping

from portal.actors import Actor
from portal.models import TelnyxAccount
from voice.commands import outbox
from voice.models import CallCommand
from voice.texml import requests

DELETE = "texml.transcriptions.delete"


def at_telnyx(account: TelnyxAccount, query: Mapping[str, str]) -> requests.Page | None:
    """Read a page of the account's transcriptions."""
    return requests.page(account, "texml.transcriptions.list", query=query)


def retrieve(account: TelnyxAccount, transcription_sid: str) -> requests.Told | None:
    """Ask for one transcription."""
    return requests.fetch(account, "texml.transcriptions.retrieve", transcription_sid)


def delete(account: TelnyxAccount, transcription_sid: str, actor: Actor) -> CallCommand:
    """Make a queued deletion of a transcription; while one is open, or was carried out, it is that one."""
    return outbox.delete_by_id(account, DELETE, transcription_sid, actor)
