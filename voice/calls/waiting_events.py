"""Makes events due that waited for what their call tells: its direction, or that a leg is its own at all.

Some events name only a leg. Whoever finds no call of it closes them, and whoever makes a leg known opens them again:
both hold the leg meanwhile, one after the other. Transactions of PostgreSQL do not see each other: without that the
one would not find the call yet, the other not the closed event, and it would stay closed for good.

Locks go call → leg → event.
"""

import uuid
from collections.abc import Collection

from portal import sql, statements
from voice.models import Call, CallEvent

TOLD = frozenset({"direction", "call_leg_id"})  # columns that events wait for


def make_due(call: Call, told: Collection[str]) -> list[uuid.UUID]:
    """Make the events due that waited for one of the columns ``told`` of ``call``, which is locked and written.

    Returns their ids, for a caller who wakes them; the sweep finds them in any case.
    """
    found = _reopen(call) if "call_leg_id" in told and call.call_leg_id else []  # first: it waits for the leg
    return found + (_release(call) if "direction" in told and call.direction else [])


def lock_call_of_leg(account_id: uuid.UUID, call_leg_id: str) -> Call | None:
    """Lock the call that has the leg. While the transaction lasts, nobody makes one of a leg that none had."""
    if not call_leg_id:
        return None
    calls = Call.objects.select_for_update(no_key=True).filter(account_id=account_id, call_leg_id=call_leg_id)
    if found := calls.first():
        return found
    _hold_leg(account_id, call_leg_id)
    return calls.first()


def _release(call: Call) -> list[uuid.UUID]:
    """Make the events due from now on that wait for the direction."""
    statement = """UPDATE voice_callevent SET lease_until = NULL WHERE account_id = %s AND call_control_id = %s
                   AND status = 'received' AND attempts = 0 AND lease_until IS NOT NULL RETURNING id"""
    found = statements.rows(
        CallEvent, statement, [sql.prepared(Call, "account", call.account_id), call.call_control_id]
    )
    return [event.pk for event in found]


def _reopen(call: Call) -> list[uuid.UUID]:
    """Make the events due that name nothing but the leg and came before its call was known."""
    _hold_leg(call.account_id, call.call_leg_id)
    statement = """UPDATE voice_callevent SET status = 'received', attempts = 0
                   WHERE call_leg_id = %s AND call_leg_id <> '' AND account_id = %s AND call_control_id = ''
                   AND call_id IS NULL AND status = 'ignored' RETURNING id"""
    found = statements.rows(CallEvent, statement, [call.call_leg_id, sql.prepared(Call, "account", call.account_id)])
    return [event.pk for event in found]


def _hold_leg(account_id: uuid.UUID, call_leg_id: str) -> None:
    sql.hold(f"leg:{account_id}:{call_leg_id}")
