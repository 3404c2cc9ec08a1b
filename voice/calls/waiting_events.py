"""Makes events due that waited for what their call tells: its direction, or that a leg is its own at all.

Some events name only a leg. Whoever finds no call of it closes them, and whoever makes a leg known opens them again:
both hold the leg meanwhile, one after the other. Transactions of PostgreSQL do not see each other: without that the
one would not find the call yet, the other not the closed event, and it would stay closed for good.

Locks go call → leg → event.
"""

import uuid
from collections.abc import Collection

from django.db import connection

from portal import sql, statements
from voice.models import Call, CallEvent

TOLD = frozenset({"direction", "call_leg_id"})  # columns that events wait for
# Those that were put back, which is no attempt; those that name nothing but the leg, and were closed.
_WAIT_FOR_THE_DIRECTION = f"""call_control_id = %s AND {sql.unindexed("status")} = 'received' AND attempts = 0
                              AND lease_until IS NOT NULL"""
_CAME_BEFORE_THE_CALL = """call_leg_id = %s AND NOT (call_leg_id = '') AND call_control_id = '' AND call_id IS NULL
                           AND status = 'ignored'"""
# SQLite would read all events of the account that changed no call.
_INDEX = {"postgresql": "", "sqlite": "INDEXED BY event_before_its_leg"}


def make_due(call: Call, told: Collection[str]) -> list[uuid.UUID]:
    """Make the events due that waited for one of the columns ``told`` of ``call``, which is locked and written.

    Returns their ids, for a caller who wakes them; the sweep finds them in any case.
    """
    waited = []
    if "call_leg_id" in told and call.call_leg_id:
        _hold_leg(call.account_id, call.call_leg_id)
        waited.append((_CAME_BEFORE_THE_CALL, call.call_leg_id))
    if "direction" in told and call.direction:
        waited.append((_WAIT_FOR_THE_DIRECTION, call.call_control_id))
    return _make_due(call, waited) if waited else []


def lock_call_of_leg(account_id: uuid.UUID, call_leg_id: str) -> Call | None:
    """Lock the call that has the leg. While the transaction lasts, nobody makes one of a leg that none had."""
    if not call_leg_id:
        return None
    calls = Call.objects.select_for_update(no_key=True).filter(account_id=account_id, call_leg_id=call_leg_id)
    if found := calls.first():
        return found
    _hold_leg(account_id, call_leg_id)
    return calls.first()


def _make_due(call: Call, waited: list[tuple[str, str]]) -> list[uuid.UUID]:
    """Make them due from now on: on PostgreSQL in one statement, since each is a way there and back.

    So all three columns are written, though either kind has the right value in one of them already.
    """
    together = [waited] if connection.vendor == "postgresql" else [[one] for one in waited]
    return [event_id for some in together for event_id in _written(call, some)]


def _written(call: Call, waited: list[tuple[str, str]]) -> list[uuid.UUID]:
    which = " OR ".join(f"({condition})" for condition, _ in waited)
    index = _INDEX[connection.vendor] if _CAME_BEFORE_THE_CALL in which else ""
    statement = f"""UPDATE voice_callevent {index} SET status = 'received', attempts = 0, lease_until = NULL
                    WHERE {sql.unindexed("account_id")} = %s AND ({which}) RETURNING id"""  # noqa: S608
    values = [sql.prepared(Call, "account", call.account_id), *(value for _, value in waited)]
    return [event.pk for event in statements.rows(CallEvent, statement, values)]


def _hold_leg(account_id: uuid.UUID, call_leg_id: str) -> None:
    sql.hold(f"leg:{account_id}:{call_leg_id}")
