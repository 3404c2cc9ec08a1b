"""Asks Telnyx about Call Control's conferences, and makes commands to them."""

from typing import Any

from portal.actors import Actor
from portal.models import TelnyxAccount
from portal.telnyx import paging
from portal.telnyx.client import ask
from portal.telnyx.errors import UNREAD, TelnyxRefused, TelnyxUnread
from voice.commands import outbox
from voice.conferences import projection
from voice.models import CallCommand, Conference

CREATE = "conferences.create"
UPDATE_PARTICIPANT = "conferences.update_participant"
# what each of them makes of a participant (``Participant`` in Telnyx's OpenAPI spec)
_SETS = {"hold": ("on_hold", True), "unhold": ("on_hold", False), "mute": ("muted", True), "unmute": ("muted", False)}


def at_telnyx(account: TelnyxAccount, **wanted: str) -> paging.Listing:
    """List the conferences of an account as Telnyx lists them (``GET /conferences``); ``wanted`` are its filters.

    Without any, Telnyx tells those that have ended, too.
    """
    return paging.read_all(account, "conferences.list", **({"filter": wanted} if wanted else {}))


def retrieve(account: TelnyxAccount, conference_id: str) -> Conference | None:
    """Ask Telnyx, and keep what it tells; None when it knows no such conference."""
    try:
        answer = ask(account, "conferences.retrieve", conference_id)
    except TelnyxRefused as error:
        if error.is_not_found:
            return None
        raise
    data = answer.get("data")
    if not isinstance(data, dict) or (found := projection.merge_answer(account, data)) is None:
        raise TelnyxUnread(UNREAD)
    return found


def find(account: TelnyxAccount, conference_id: str) -> Conference | None:
    """Find the portal's row; Telnyx is asked for one the portal has heard nothing of."""
    known = Conference.objects.select_related("account").filter(account=account, conference_id=conference_id)
    return known.first() or retrieve(account, conference_id)


def participants(conference: Conference) -> paging.Listing:
    """List who is in it, muted, on hold, as Telnyx tells it now."""
    return paging.read_all(conference.account, "conferences.list_participants", conference.conference_id)


def create(account: TelnyxAccount, parameters: object, actor: Actor, *, intent: str = "") -> CallCommand:
    """Make a queued creation, from a leg that is on the line; ``InvalidParameters`` as of an action."""
    return outbox.place(account, CREATE, parameters, actor, intent=intent)


def act(conference: Conference, action: str, parameters: object, actor: Actor, *, intent: str = "") -> CallCommand:
    """Make a queued action (``conferences.hold``); ``expired`` at once when the conference is known to have ended."""
    where = {"path": [conference.conference_id], "conference": conference}
    return outbox.place(conference.account, action, parameters, actor, intent=intent, **where)  # type: ignore[arg-type]


def update_participant(
    conference: Conference, participant_id: str, parameters: object, actor: Actor, *, intent: str = ""
) -> CallCommand:
    """Make a queued change of what happens when that participant leaves.

    ``participant_id`` may be its call's id.
    """
    return outbox.place(
        conference.account,
        UPDATE_PARTICIPANT,
        parameters,
        actor,
        path=[participant_id],
        address={"id": conference.conference_id},
        conference=conference,
        intent=intent,
    )


def is_already_so(command: CallCommand) -> bool:
    """Tell whether the participants at Telnyx are as ``command`` would make them."""
    column, value = _SETS.get(command.action.rpartition(".")[2], ("", None))
    if not column or command.conference is None:
        return False
    named, listed = command.parameters.get("call_control_ids") or [], participants(command.conference)
    if not named and not listed.complete:  # it is about everybody, and of some nothing is told
        return False
    rows = {str(row.get("call_control_id")): row for row in listed.rows if _is_inside(row)}
    meant = [rows.get(control_id, {}) for control_id in named] if named else list(rows.values())
    return bool(meant) and all(row.get(column) is value for row in meant)


def _is_inside(row: dict[str, Any]) -> bool:
    return row.get("status") != "left"
