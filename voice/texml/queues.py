"""Asks Telnyx about TeXML's queues, whose SID is their name, and makes commands to them."""

from collections.abc import Mapping
from typing import Any

from portal.actors import Actor
from portal.models import TelnyxAccount
from voice.commands import outbox
from voice.models import CallCommand
from voice.texml import requests

_LONGEST = 255


def at_telnyx(account: TelnyxAccount, query: Mapping[str, str]) -> requests.Page | None:
    """Read a page of the account's queues."""
    return requests.page(account, "texml.queues.list", query=query)


def retrieve(account: TelnyxAccount, queue_sid: str) -> requests.Told | None:
    """Ask for one queue."""
    return requests.fetch(account, "texml.queues.retrieve", queue_sid)


def create(account: TelnyxAccount, parameters: Any, actor: Actor, *, intent: str = "") -> CallCommand:
    """Make a queued creation: one attempt, since Telnyx would not recognise a repeat."""
    name = parameters.get("FriendlyName") if isinstance(parameters, dict) else None
    named = name if isinstance(name, str) and len(name) <= _LONGEST else ""
    return outbox.place(account, "texml.queues.create", parameters, actor, queue_name=named, intent=intent)


def update(account: TelnyxAccount, queue_sid: str, parameters: Any, actor: Actor, *, intent: str = "") -> CallCommand:
    """Make a queued change of a queue's size."""
    return _place(account, "texml.queues.update", queue_sid, parameters, actor, intent)


def delete(account: TelnyxAccount, queue_sid: str, actor: Actor, *, intent: str = "") -> CallCommand:
    """Make a queued deletion of a queue."""
    return _place(account, "texml.queues.delete", queue_sid, {}, actor, intent)


def _place(
    account: TelnyxAccount, action: str, queue_sid: str, parameters: Any, actor: Actor, intent: str
) -> CallCommand:
    named = queue_sid[:_LONGEST]
    return outbox.place(account, action, parameters, actor, path=[queue_sid], queue_name=named, intent=intent)
