"""Records who changed what: ``GET /audit_events``, and the people behind its ids, ``GET /organizations/users``.

Telnyx calls its own log best-effort and eventually consistent ("List Audit Logs"); here every change is in it at once.
It has no filter but the time, so that a reader has to look for the resource himself.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from portal.json_types import JsonObject
from portal.sandbox import chance
from portal.sandbox.core import pages
from portal.sandbox.core.errors import bad_request, not_found
from portal.sandbox.core.events import timestamp
from portal.sandbox.core.exchange import Exchange

EVENTS, USERS = "audit_events", "organization_users"
ORGANIZATION = str(uuid.uuid5(uuid.NAMESPACE_DNS, "sandbox.example"))
_NOT_TOLD = {"id", "record_type", "created_at", "updated_at"}


@dataclass(frozen=True)
class Editor:
    """Names somebody who changes things; ``role`` is the word of ``change_made_by``."""

    email: str
    role: str = "organization_member"

    @property
    def id(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"mailto:{self.email}"))


OWNER = Editor("owner@sandbox.example", "account_owner")  # whose API keys are used here


def note(exchange: Exchange, before: JsonObject, after: JsonObject, by: Editor, alternate: str | None = None) -> None:
    """Write down that ``before`` became ``after``; one of them is empty when it was made or deleted."""
    now, there = timestamp(exchange.now()), after or before
    event = {
        "id": chance.new_uuid(),
        "alternate_resource_id": alternate,
        "change_made_by": by.role,
        "change_type": "update" if before and after else "create" if after else "delete",
        "changes": _changes(before, after) if after else [],
        "created_at": now,
        "organization_id": ORGANIZATION,
        "record_type": there["record_type"],
        "resource_id": there["id"],
        "user_id": by.id,
    }
    exchange.store.put(EVENTS, event["id"], event)
    exchange.store.put(USERS, by.id, _user(by, now))


def list_page(exchange: Exchange, query: dict[str, str]) -> JsonObject:
    """Return one page, newest first unless ``sort`` is ``asc``."""
    if (order := query.get("sort", "desc")) not in ("asc", "desc"):
        raise bad_request("'sort' must be asc or desc.", "/sort")
    events = exchange.store.all(EVENTS)
    if after := query.get("filter[created_after]"):
        events = [event for event in events if _moment(event["created_at"]) > _moment(after)]
    if before := query.get("filter[created_before]"):
        events = [event for event in events if _moment(event["created_at"]) < _moment(before)]
    return pages.page(events if order == "asc" else events[::-1], query)


def users(exchange: Exchange, query: dict[str, str]) -> JsonObject:
    return pages.page(exchange.store.all(USERS), query)


def user(exchange: Exchange, id: str) -> JsonObject:
    person = exchange.store.get(USERS, id)
    if person is None:
        raise not_found()
    return {"data": person}


def _user(editor: Editor, now: str) -> JsonObject:
    return {
        "id": editor.id,
        "record_type": "organization_owner" if editor.role == "account_owner" else "organization_sub_user",
        "email": editor.email,
        "created_at": now,
        "last_sign_in_at": now,
        "organization_user_bypasses_sso": False,
        "user_status": "enabled",
    }


def _changes(before: JsonObject, after: JsonObject) -> list[JsonObject]:
    old, new = _flat(before), _flat(after)
    names = [name for name in new if old.get(name) != new[name] and name not in _NOT_TOLD]
    return [{"field": name, "from": _as_json(old.get(name)), "to": _as_json(new[name])} for name in names]


def _flat(values: JsonObject, prefix: str = "") -> JsonObject:
    flat: JsonObject = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def _as_json(value: Any) -> Any:
    # the SDK's type of a change knows lists of objects only, no list of texts
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise bad_request("A time must be ISO 8601.", "/filter") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
