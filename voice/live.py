"""What Telnyx says is alive now, asked when somebody wants to know."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from portal.client import ask
from portal.errors import TelnyxRefused
from portal.models import TelnyxAccount
from portal.times import read_time
from voice.models import Call, CallCommand
from voice.projection import Claim, merge

_MOST_PAGES = 40


def active_calls(account: TelnyxAccount, connection_id: str) -> list[dict[str, Any]]:
    """The live calls of one application. Paged by cursor by hand: the SDK types this list as numbered pages, and its
    iterator would ask for page 2 for ever."""
    calls: list[dict[str, Any]] = []
    after: str | None = None
    for _ in range(_MOST_PAGES):
        query = {"page[limit]": "250"} | ({"page[after]": after} if after else {})
        answer = ask(account, "connections.list_active_calls", connection_id, extra_query=query)
        page = answer.get("data")
        calls += [call for call in page if isinstance(call, dict)] if isinstance(page, list) else []
        meta = answer.get("meta")
        meta = meta if isinstance(meta, dict) else {}
        cursors = meta.get("cursors")
        following = cursors.get("after") if isinstance(cursors, dict) and meta.get("next") else None
        if not page or not isinstance(following, str) or following == after:
            break
        after = following
    return calls


def refresh(call: Call) -> Call:
    """Ask for the call's status and merge what it tells. Known at Telnyx until 10 min after the end."""
    return take(call, status(call) or {})


def take(call: Call, told: dict[str, Any]) -> Call:
    """Merge what Telnyx told of the call's status: only an end is news."""
    if told.get("is_alive") is False and read_time(told.get("end_time")):
        return _end(call, read_time(told["end_time"]) or timezone.now())
    return call


def status(call: Call) -> dict[str, Any] | None:
    """What ``GET /calls/{call_control_id}`` tells; None when Telnyx does not know the call (any more)."""
    try:
        answer = ask(call.account, "calls.retrieve_status", call.call_control_id)
    except TelnyxRefused as error:
        if error.http_status == 404:
            return None
        raise
    data = answer.get("data")
    return data if isinstance(data, dict) else None


def is_already_so(command: CallCommand) -> bool:
    """Whether the state that ``command`` sets is the call's state at Telnyx. Only the client state can be read."""
    if command.action != "update_client_state" or command.call is None:
        return False
    told = status(command.call) or {}
    return told.get("is_alive") is True and told.get("client_state") == command.parameters.get("client_state")


def _end(call: Call, at: datetime) -> Call:
    with transaction.atomic():
        locked = Call.objects.select_for_update().get(pk=call.pk)
        # lighter than the hang-up event, which also knows the cause and whose time is exact
        claims = [Claim("state", Call.State.ENDED, 8), Claim("ended_at", at, 0, at)]
        changed = merge(locked, iter(claims), at, 0, "status")
        for column, value in changed.items():
            setattr(locked, column, value)
        if changed:
            locked.save(update_fields=list(changed))
    return Call.objects.select_related("account").get(pk=call.pk)
