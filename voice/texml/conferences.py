"""Asks Telnyx about TeXML's conferences and their participants, and makes commands to them."""

from collections.abc import Mapping
from typing import Any

from portal.actors import Actor
from portal.models import TelnyxAccount
from voice.commands import outbox
from voice.models import CallCommand
from voice.texml import requests


def at_telnyx(account: TelnyxAccount, query: Mapping[str, str]) -> requests.Page | None:
    """Read a page of the account's conferences."""
    return requests.page(account, "texml.conferences.list", query=query)


def retrieve(account: TelnyxAccount, conference_sid: str) -> requests.Told | None:
    """Ask for one conference."""
    return requests.fetch(account, "texml.conferences.retrieve", conference_sid)


def recordings(
    account: TelnyxAccount, conference_sid: str, query: Mapping[str, str], *, as_of_calls: bool = False
) -> requests.Page | None:
    """Read a page of its recordings. Telnyx has two lists; the other one has the shape of a call's recordings."""
    name = "texml.conferences.recordings_json" if as_of_calls else "texml.conferences.recordings"
    return requests.page(account, name, conference_sid, query=query)


def participants(account: TelnyxAccount, conference_sid: str, query: Mapping[str, str]) -> requests.Page | None:
    """Read a page of who is in it. Who leaves is not listed any more."""
    return requests.page(account, "texml.participants.list", conference_sid, query=query)


def participant(account: TelnyxAccount, conference_sid: str, who: str) -> requests.Told | None:
    """Ask for one participant; ``who`` is a call's SID or a label."""
    return requests.fetch(account, "texml.participants.retrieve", conference_sid, who)


def update(
    account: TelnyxAccount, conference_sid: str, parameters: Any, actor: Actor, *, intent: str = ""
) -> CallCommand:
    """Make a queued end of a conference (``Status`` completed), or an announcement to it (``AnnounceUrl``)."""
    ends = isinstance(parameters, dict) and "Status" in parameters
    action = "texml.conferences.end" if ends else "texml.conferences.announce"
    return outbox.place(account, action, parameters, actor, path=[conference_sid], intent=intent)


def dial_participant(
    account: TelnyxAccount, conference_sid: str, parameters: Any, actor: Actor, *, intent: str = ""
) -> CallCommand:
    """Make a queued dial into a conference. Raises what ``outbox.dial`` raises."""
    return outbox.place(account, "texml.participants.dial", parameters, actor, path=[conference_sid], intent=intent)


def update_participant(
    account: TelnyxAccount, conference_sid: str, who: str, parameters: Any, actor: Actor, *, intent: str = ""
) -> CallCommand:
    """Make a queued change of a participant: muted, on hold, coaching; or an announcement to them."""
    announces = isinstance(parameters, dict) and "AnnounceUrl" in parameters
    action = "texml.participants.announce" if announces else "texml.participants.update"
    return outbox.place(account, action, parameters, actor, path=[conference_sid, who], intent=intent)


def remove_participant(
    account: TelnyxAccount, conference_sid: str, who: str, actor: Actor, *, intent: str = ""
) -> CallCommand:
    """Make a queued removal of a participant from the conference."""
    path = [conference_sid, who]
    return outbox.place(account, "texml.participants.remove", {}, actor, path=path, intent=intent)
