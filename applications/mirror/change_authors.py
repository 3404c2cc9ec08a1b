"""Finds who changed something at Telnyx, as far as Telnyx tells. ``GET /audit_events``, ``GET
/organizations/users/{id}``.

Telnyx calls this log best-effort and eventually consistent ("List Audit Logs"), and it has no filter but the time: the
newest entries are read, few pages of them, and whoever is not found there stays unknown.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.core.cache import cache

from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from portal.telnyx.client import ask
from portal.telnyx.errors import TelnyxError
from portal.times import read_time

MOST_PAGES = 3
_PAGE_SIZE = 250
_MOST_NAMES = 5  # looked up in one go
_NAME_KEPT_SECONDS = 3600
_ROLES = {
    "telnyx": "Telnyx",
    "account_manager": "the account manager",
    "account_owner": "the account owner",
    "organization_member": "a member of the organization",
}


@dataclass(frozen=True)
class Edit:
    """Holds one entry of Telnyx's log: what happened to which resource, when (by Telnyx's clock) and who did it."""

    resource_id: str
    change: str
    at: datetime | None
    user_id: str
    role: str
    fields: dict[str, tuple[Any, Any]]

    def by(self, names: dict[str, str]) -> str:
        """Return who, in words: the e-mail address if it is known, else what Telnyx calls the person."""
        return names.get(self.user_id) or _ROLES.get(self.role) or self.user_id or "somebody"


def edits(account: TelnyxAccount) -> Iterator[Edit]:
    """Read the newest entries, newest first, page by page as they are asked for. Raises a ``TelnyxError``."""
    for number in range(1, MOST_PAGES + 1):
        query = {"page[number]": str(number), "page[size]": str(_PAGE_SIZE), "sort": "desc"}
        listed = ask(account, "audit_events.list", extra_query=query).get("data")
        if not isinstance(listed, list):
            return
        yield from (_edit(item) for item in listed if isinstance(item, dict))
        if len(listed) < _PAGE_SIZE:
            return


def edits_of(account: TelnyxAccount, resource_id: str, most: int = 20) -> tuple[list[Edit], bool]:
    """Read the newest entries of one resource, and whether there are more. Raises a ``TelnyxError``."""
    found = list(islice((edit for edit in edits(account) if edit.resource_id == resource_id), most + 1))
    return found[:most], len(found) > most


def names(account: TelnyxAccount, user_ids: "set[str]") -> dict[str, str]:
    """Return e-mail addresses by user id, of those that Telnyx tells. Raises nothing."""
    addresses: dict[str, str] = {}
    for user_id in sorted(user_ids)[:_MOST_NAMES]:
        try:
            addresses[user_id] = _name(account, user_id)
        except TelnyxError:
            break  # a key may be allowed to read the log, and not the people
    return {user_id: name for user_id, name in addresses.items() if name}


def _name(account: TelnyxAccount, user_id: str) -> str:
    key = f"telnyx-user:{account.world}:{user_id}"
    kept: str | None = cache.get(key)
    if kept is None:
        person = ask(account, "organizations.users.retrieve", user_id).get("data")
        kept = str(person.get("email") or "") if isinstance(person, dict) else ""
        cache.set(key, kept, _NAME_KEPT_SECONDS)
    return kept


def _edit(item: JsonObject) -> Edit:
    listed = item.get("changes")
    changes = [change for change in listed if isinstance(change, dict)] if isinstance(listed, list) else []
    return Edit(
        resource_id=str(item.get("resource_id") or ""),
        change=str(item.get("change_type") or ""),
        at=read_time(item.get("created_at")),
        user_id=str(item.get("user_id") or ""),
        role=str(item.get("change_made_by") or ""),
        fields={str(change.get("field")): (change.get("from"), change.get("to")) for change in changes},
    )
