"""Reads the phone numbers of an application from Telnyx when asked for, assigns them there, and keeps none here.

``GET /phone_numbers``, ``PATCH /phone_numbers/{id}``: developers.telnyx.com, "List phone numbers" and "Update a phone
number". A number belongs to one connection, so assigning it takes it from the other that had it.
"""

from dataclasses import dataclass

from applications.models import TelnyxApplication
from portal.actors import Actor
from portal.json_types import JsonObject
from portal.models import AuditEvent, TelnyxAccount
from portal.telnyx.client import ask
from portal.telnyx.errors import UNREAD, TelnyxError, TelnyxUncertain, TelnyxUnread
from portal.telnyx.schemas import InvalidParameters
from portal.texts import pluralised

PERMISSION = "applications.assign_number"
MAX_PAGE_SIZE = 250


@dataclass(frozen=True)
class NumberPage:
    """Holds one page of Telnyx's list; ``pages`` and ``total`` are None when Telnyx does not tell them."""

    numbers: list[JsonObject]
    number: int
    pages: int | None
    total: int | None

    @property
    def next(self) -> int | None:
        more = self.number < self.pages if self.pages is not None else bool(self.numbers)
        return self.number + 1 if more else None

    @property
    def previous(self) -> int | None:
        return self.number - 1 if self.number > 1 else None


def list_numbers(
    account: TelnyxAccount, connection_id: str | None = None, search: str = "", page: int = 1, size: int = 25
) -> NumberPage:
    """Read numbers of the account, or of one application. ``search`` is part of a number, three digits at least.

    Raises ``InvalidParameters`` or a ``TelnyxError``.
    """
    query = {"page[number]": str(page), "page[size]": str(size)}
    if connection_id is not None:
        query["filter[connection_id]"] = connection_id
    if search.strip():
        query["filter[phone_number]"] = _digits(search)
    answer = ask(account, "phone_numbers.list", extra_query=query)
    listed, meta = answer.get("data"), answer.get("meta")
    if not isinstance(listed, list):
        raise TelnyxUnread(UNREAD)
    meta = meta if isinstance(meta, dict) else {}
    numbers = [item for item in listed if isinstance(item, dict)]
    return NumberPage(numbers, page, _count(meta, "total_pages"), _count(meta, "total_results"))


def count_numbers(application: TelnyxApplication) -> int | None:
    """Count how many are assigned to it, None when Telnyx does not tell. Raises a ``TelnyxError``."""
    return list_numbers(application.account, application.telnyx_id, size=1).total


def in_the_way(count: int) -> str:
    """Say what so many assigned numbers mean for a deletion."""
    which = pluralised(count, "phone number is", "phone numbers are")
    return f"{which} assigned to it: Telnyx refuses the deletion, or their calls run nowhere. Unassign them first."


def assign_number(
    application: TelnyxApplication, number_id: str, actor: Actor, *, taken_from: str | None = None
) -> JsonObject:
    """Have calls to that number run in this application; return Telnyx's answer, as it came.

    ``taken_from``: where it is by what a person was shown (a connection's id; empty: nowhere), and may be taken from.
    Raises ``InvalidParameters`` when it is somewhere else by now, or a ``TelnyxError``.
    """
    before = _retrieve(application, number_id)
    now = before.get("connection_id")
    if taken_from is not None and now and now not in {taken_from, application.telnyx_id}:
        who = before.get("connection_name") or now
        raise InvalidParameters({"number_id": [f"{who} has this number now. Nothing was sent."]})
    return _set_connection(application, before, application.telnyx_id, actor, "number.assign")


def unassign_number(application: TelnyxApplication, number_id: str, actor: Actor) -> JsonObject:
    """Ask Telnyx to take that number from this application; its answer tells whether it did (``is_assigned``).

    How to unassign is documented nowhere. The SDK's ``connection_id`` is a text that may not be null, so an empty one
    is sent. Raises ``InvalidParameters`` for a number that is somewhere else, or a ``TelnyxError``.
    """
    before = _retrieve(application, number_id)
    if before.get("connection_id") != application.telnyx_id:
        raise InvalidParameters({"number_id": ["This number is not assigned to this application."]})
    return _set_connection(application, before, "", actor, "number.unassign")


def is_assigned(number: JsonObject, application: TelnyxApplication) -> bool:
    """Return whether an answer of Telnyx says that the number belongs to this application."""
    return number.get("connection_id") == application.telnyx_id


def _retrieve(application: TelnyxApplication, number_id: str) -> JsonObject:
    number = ask(application.account, "phone_numbers.retrieve", number_id).get("data")
    if not isinstance(number, dict):
        raise TelnyxUnread(UNREAD)
    return number


def _set_connection(
    application: TelnyxApplication, before: JsonObject, connection_id: str, actor: Actor, action: str
) -> JsonObject:
    details = {"number": before.get("phone_number"), "number_id": before.get("id"), "was": before.get("connection_id")}
    try:
        after = _data(
            ask(application.account, "phone_numbers.update", str(before.get("id")), connection_id=connection_id)
        )
    except TelnyxError as error:
        if isinstance(error, TelnyxUncertain):
            AuditEvent.note(actor, action, application, **details, outcome="uncertain")
        raise
    AuditEvent.note(actor, action, application, **details, now=after.get("connection_id"))
    return after


def _data(answer: JsonObject) -> JsonObject:
    number = answer.get("data")
    if not isinstance(number, dict):
        raise TelnyxUncertain("Telnyx's answer holds no phone number. It may have acted, or not.")
    return number


def _digits(search: str) -> str:
    # Telnyx finds nothing for a text with other letters, and asks for three digits
    digits = "".join(letter for letter in search if letter.isascii() and letter.isdigit())
    if len(digits) < 3:
        raise InvalidParameters({"search": ["Enter at least three digits of the number."]})
    return digits


def _count(meta: JsonObject, name: str) -> int | None:
    value = meta.get(name)
    return value if type(value) is int else None
