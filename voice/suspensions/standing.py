"""Tells whether a suspension holds a command back, and says so in words.

It holds what a rule asks for, and whatever may ring a phone. Hang-ups go, and so does what a person does on a call that
is there. Webhooks never ask it; the door of hosted documents does.
"""

import uuid

from django.db.models import Q

from portal.masking import masked_text
from portal.models import TelnyxAccount
from portal.refusals import LimitExceeded
from voice.catalogue import actions, texml_operations
from voice.models import CallCommand, Suspension

LIMIT = "suspended"


class Suspended(LimitExceeded):
    """Says that the account or the application is suspended here."""

    code = LIMIT

    def __init__(self, row: Suspension, parameter: str = "") -> None:
        super().__init__(LIMIT, f"{row.since:%Y-%m-%dT%H:%M:%SZ}", words(row), parameter)


def find(account_id: uuid.UUID, connection_id: str = "") -> Suspension | None:
    """Find what suspends the application, or its whole account; None when nothing does."""
    rows = Suspension.objects.select_related("account").filter(account=account_id)
    # the account's own first: lifting the application's alone would help nobody
    return rows.filter(Q(connection_id="") | Q(connection_id=connection_id)).order_by("connection_id").first()


def demand_none(account: TelnyxAccount, connection_id: str = "", parameter: str = "") -> None:
    """Raise ``Suspended`` when the application, or its whole account, is suspended."""
    if row := find(account.pk, connection_id):
        raise Suspended(row, parameter)


def find_forbidden(command: CallCommand, *, rings: bool) -> Suspended | None:
    """Find what suspends this command; ``rings``: it may ring a phone. None when it may go."""
    if command.action in {*actions.HANG_UPS, "reject"} or not (
        rings or command.event_id or command.action in actions.NEW_CALLS
    ):
        return None
    row = find(command.account_id, connection_of(command))
    return Suspended(row) if row else None


def connection_of(command: CallCommand) -> str:
    """Return the id of the application in which the command acts; empty where nothing tells it."""
    named = dict(command.parameters) if command.action in actions.NEW_CALLS else {}
    if texml_operations.is_texml(command.action):
        named |= texml_operations.address(command.action, command.path)
    subject = command.call or command.conference
    return str(named.get("connection_id") or named.get("ApplicationSid") or (subject.connection_id if subject else ""))


def words(row: Suspension) -> str:
    """Say what is suspended, since when, by whom and why."""
    what = f"The application {row.connection_id}" if row.connection_id else f"The account {row.account}"
    why = f" {masked_text(row.why)}" if row.why else ""
    return f"{what} is suspended here since {row.since:%Y-%m-%d %H:%M} UTC ({row.requested_by}).{why}"
