"""Looks for what Telnyx may have made after a create whose answer was lost, instead of making a second one.

Telnyx knows no idempotency key for these resources, and takes the same name twice. So an application may be ours when
it has every value that was sent, was made since the request went out, and is unknown here.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q

from applications.kinds import Kind
from applications.mirror import intents
from applications.mirror.answers import has_all
from applications.mirror.store import PAGE_SIZE
from applications.models import Intent, TelnyxApplication
from portal import sql
from portal.actors import Actor
from portal.json_types import JsonObject
from portal.models import AuditEvent, TelnyxAccount
from portal.telnyx.client import ask
from portal.telnyx.errors import TelnyxError, TelnyxUncertain
from portal.texts import pluralised
from portal.times import read_time

_ACTION = "application.create"
_MOST_PAGES = 8
_EVER = datetime.min.replace(tzinfo=UTC)


class UncertainCreate(TelnyxUncertain):
    """It cannot be told whether an application was made. ``candidates``: what may be it, as Telnyx has them."""

    def __init__(self, message: str, candidates: list[JsonObject], **rest: Any) -> None:
        super().__init__(message, **rest)
        self.candidates = candidates


def note(
    actor: Actor, kind: Kind, account: TelnyxAccount, values: Mapping[str, Any], outcome: str, subject: Any, **more: Any
) -> None:
    """Write down how a create ended: ``done``, ``adopted`` or ``uncertain``. The name and address only as a hash."""
    details = {"outcome": outcome, "account": account.name, "kind": kind.slug, "wanted": _wanted(kind, values)}
    AuditEvent.note(actor, _ACTION, subject, **details, **more)


def made_before(kind: Kind, account: TelnyxAccount, values: Mapping[str, Any], wish: str) -> TelnyxApplication | None:
    """Return what this very wish has made at the account, under that name and address, if it is still there."""
    recent = AuditEvent.objects.filter(action=_ACTION, at__gt=sql.Now() - intents.REMEMBERED)
    made = recent.filter(details__wish=wish, details__wanted=_wanted(kind, values)).values_list("object_id", flat=True)
    return kind.rows(account).filter(pk__in=list(made), missing_since=None).first()


def open_tries(kind: Kind, account: TelnyxAccount, values: Mapping[str, Any]) -> list[Intent]:
    """Return the creates of this name and address whose outcome is not known, oldest first."""
    wanted = _wanted(kind, values)
    return [intent for intent in intents.open_creates(kind, account) if _wanted(kind, intent.values) == wanted]


def candidates(
    kind: Kind, account: TelnyxAccount, values: Mapping[str, Any], tries: Sequence[Intent]
) -> list[JsonObject]:
    """Return what Telnyx has that one of the tries, or ``values``, can have made: with every value that was sent, made
    since and not known here. Raises a ``TelnyxError``.
    """
    since = min(intent.asked_at for intent in tries)
    sent = [values, *(intent.values for intent in tries)]
    matches = {
        str(remote.get("id")): remote
        for remote in _newest(kind, account, since - intents.SKEW)
        if any(has_all(kind, remote, one) for one in sent)
    }
    history = kind.model.history.filter(account=account, telnyx_id__in=matches)  # type: ignore[attr-defined]
    ours = Q(history_change_reason__startswith="created") | Q(history_change_reason__startswith="adopted")
    known = set(history.filter(Q(history_date__lt=since) | ours).values_list("telnyx_id", flat=True))
    return [remote for id, remote in matches.items() if id not in known]


def uncertain(error: TelnyxError, found: list[JsonObject] | None) -> UncertainCreate:
    """Make the error for when nothing could be adopted; ``found`` is None when Telnyx could not be asked."""
    if found is None:
        outlook = "Telnyx's list could not be read afterwards either."
    elif len(found) == 1:
        outlook = "One application that may be it is there and unknown here; see whether it is yours."
    elif found:
        outlook = f"{len(found)} applications with these values are there and unknown here; see which is yours."
    else:
        outlook = "No such application is there yet; it may still come."
    message = f"{error.message} {outlook} Nothing was stored here. Look again before you create it once more."
    return UncertainCreate(message, found or [], code=error.code, http_status=error.http_status)


def not_remembered(kind: Kind, account: TelnyxAccount, values: Mapping[str, Any]) -> UncertainCreate:
    """Make the error for when no try is open any more, so that nothing tells which one it made.

    It lists whatever Telnyx has of this name and address, known here or not. Raises a ``TelnyxError``.
    """
    named = {name: values.get(name) for name in kind.required}
    found = [remote for remote in _newest(kind, account, _EVER) if has_all(kind, remote, named)]
    outlook = "Telnyx lists none of this name and address."
    if found:
        there = pluralised(len(found), "application", "applications")
        outlook = f"Telnyx lists {there} of this name and address, known here or not; see whether yours is among them."
    message = "The lost try is not looked for any more: one of its name and address was made since, or an hour passed."
    return UncertainCreate(f"{message} {outlook} Nothing was sent.", found)


def _newest(kind: Kind, account: TelnyxAccount, since: datetime) -> Iterator[JsonObject]:
    """Read the newest first, as far back as ``since``. One without a readable time is looked at, and not taken.

    That is Telnyx's order without ``sort``, whose documented words have no ``-created_at``.
    """
    for number in range(1, _MOST_PAGES + 1):
        query = {"page[number]": str(number), "page[size]": str(PAGE_SIZE)}
        listed = ask(account, kind.method("list"), extra_query=query).get("data")
        remotes = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
        fresh = [item for item in remotes if (made := read_time(item.get("created_at"))) and made >= since]
        yield from fresh
        if not fresh or len(remotes) < PAGE_SIZE:
            return


def _wanted(kind: Kind, values: Mapping[str, Any]) -> str:
    text = json.dumps([values.get(name) for name in kind.required])  # the address holds the webhook token
    return hashlib.sha256(text.encode()).hexdigest()
