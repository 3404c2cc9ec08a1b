"""Reads Call Control's queues, which live at Telnyx alone, and makes commands to them."""

from datetime import timedelta
from typing import Any

from portal.actors import Actor
from portal.models import TelnyxAccount
from portal.telnyx import paging
from portal.telnyx.client import ask
from portal.telnyx.errors import UNREAD, TelnyxError, TelnyxRefused, TelnyxUnread
from portal.times import read_time
from voice.commands import outbox
from voice.models import CallCommand

CREATE, UPDATE, DELETE = "queues.create", "queues.update", "queues.delete"
REMOVE_CALL, UPDATE_CALL = "queues.calls.remove", "queues.calls.update"
_SKEW = timedelta(seconds=5)  # of Telnyx's clock against ours


class NobodyWaits(TelnyxError):
    """Says that the queue is empty, or the caller has left it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Nobody waits in the queue {name} any more.")


def at_telnyx(account: TelnyxAccount) -> paging.Listing:
    """List the queues of an account (``GET /queues``)."""
    return paging.read_all(account, "queues.list")


def retrieve(account: TelnyxAccount, name: str) -> dict[str, Any] | None:
    """Ask for one queue; None when there is none of this name."""
    return _data(account, "queues.retrieve", name)


def calls(account: TelnyxAccount, name: str) -> paging.Listing:
    """List who waits in it, in order (``GET /queues/{queue_name}/calls``)."""
    found = paging.read_all(account, "queues.calls.list", name)
    return paging.Listing(sorted(found.rows, key=_position), found.complete)


def create(account: TelnyxAccount, parameters: object, actor: Actor, *, intent: str = "") -> CallCommand:
    """Make a queued creation: one attempt, since Telnyx would not recognise a repeat."""
    name = parameters.get("queue_name") if isinstance(parameters, dict) else None
    named = name if isinstance(name, str) and len(name) <= 255 else ""
    return outbox.place(account, CREATE, parameters, actor, queue_name=named, intent=intent)


def act(
    account: TelnyxAccount, name: str, action: str, parameters: object, actor: Actor, *, intent: str = ""
) -> CallCommand:
    """Make a queued change or deletion of a queue (``queues.update``, ``queues.delete``)."""
    return outbox.place(account, action, parameters, actor, path=[name], queue_name=name, intent=intent)


def act_on_call(
    account: TelnyxAccount,
    name: str,
    control_id: str,
    action: str,
    parameters: object,
    actor: Actor,
    *,
    intent: str = "",
) -> CallCommand:
    """Make a queued change or removal of a call in a queue (``queues.calls.update``, ``queues.calls.remove``)."""
    return outbox.place(
        account,
        action,
        parameters,
        actor,
        path=[control_id],
        address={"queue_name": name},
        queue_name=name,
        intent=intent,
    )


def is_already_so(command: CallCommand) -> bool:
    """Tell whether the queue at Telnyx is as ``command`` would make it. ``keep_after_hangup`` cannot be read."""
    if command.action == CREATE:
        return _was_made_by(command, retrieve(command.account, command.queue_name) or {})
    if command.action == DELETE:
        return retrieve(command.account, command.queue_name) is None
    if command.action == UPDATE:
        queue = retrieve(command.account, command.queue_name) or {}
        return bool(queue.get("max_size") == command.parameters.get("max_size"))
    if command.action == REMOVE_CALL:
        return _data(command.account, "queues.calls.retrieve", command.path[0], queue_name=command.queue_name) is None
    return False


def _was_made_by(command: CallCommand, queue: dict[str, Any]) -> bool:
    made, sent = read_time(queue.get("created_at")), command.first_sent_at
    return made is not None and sent is not None and made > sent - _SKEW


def _data(account: TelnyxAccount, method: str, *path: str, **values: Any) -> dict[str, Any] | None:
    try:
        answer = ask(account, method, *path, **values)
    except TelnyxRefused as error:
        if error.is_not_found:
            return None
        raise
    if not isinstance(data := answer.get("data"), dict):
        raise TelnyxUnread(UNREAD)
    return data


def _position(row: dict[str, Any]) -> tuple[int, str]:
    at = row.get("queue_position")
    return (at if isinstance(at, int) else 10**9, str(row.get("enqueued_at")))
