"""Orders the commands of a call or conference: decides which may be sent now, and locks it.

The statements are written by hand, since each command takes them.
"""

import re
import uuid
from datetime import datetime
from functools import cache

from django.db import connection
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL
from django.utils import timezone

from portal import sql as rows
from portal import statements
from portal.models import TelnyxAccount
from voice.catalogue import actions
from voice.dispatch import circuit_breaker
from voice.models import Call, CallCommand, Conference

# Whether a command (``own``) has to wait for another one. An earlier command of its event is open, another of its call
# or conference is on the wire, or an older wish for the same call has not been begun. A hang-up must go: it waits
# neither for what waits for a resend nor for a wish that has to wait itself. And what was sent waits for no wish, since
# that one waits for it: the wish with the earlier time may have been committed later.
_STATUS, _OTHERS, _WISHS = (rows.unindexed(column) for column in ("status", "other.status", "wish.status"))
_HANG_UPS = ", ".join(f"'{action}'" for action in sorted(actions.HANG_UPS))
_ON_THE_WIRE = f"""other.id <> own.id AND {_OTHERS} = 'sending'
                  AND NOT (own.action IN HANG_UPS AND OUTCOME IS NOT NULL)"""
_BLOCKED = f"""(
    EXISTS (SELECT 1 FROM voice_callcommand other WHERE other.event_id = own.event_id
            AND other.sequence < own.sequence AND {_OTHERS} IN ('queued', 'sending'))
    OR EXISTS (SELECT 1 FROM voice_callcommand other WHERE other.call_id = own.call_id AND {_ON_THE_WIRE})
    OR EXISTS (SELECT 1 FROM voice_callcommand other WHERE other.conference_id = own.conference_id AND {_ON_THE_WIRE})
    OR own.status = 'queued' AND EXISTS (
        SELECT 1 FROM voice_callcommand wish WHERE wish.call_id = own.call_id AND wish OLDER own
        AND {_WISHS} = 'queued' AND wish.sequence = 0 AND wish.lease_until IS NULL
        AND NOT (own.action IN HANG_UPS AND (
            EXISTS (SELECT 1 FROM voice_callcommand other WHERE other.call_id = wish.call_id
                    AND {_OTHERS} = 'queued' AND other.sequence = 0 AND other.lease_until IS NULL
                    AND other OLDER wish)
            OR EXISTS (SELECT 1 FROM voice_callcommand other WHERE other.call_id = wish.call_id
                       AND {_OTHERS} = 'sending')
            OR EXISTS (SELECT 1 FROM voice_callcommand other WHERE other.conference_id = wish.conference_id
                       AND {_OTHERS} = 'sending')))))"""  # noqa: S608
_HAS_BREAKER = "EXISTS (SELECT 1 FROM voice_accountbreaker b WHERE b.account_id = voice_callcommand.account_id)"
_SUSPENDED = "EXISTS (SELECT 1 FROM voice_suspension s WHERE s.account_id = {})"
# SQLite's clock has three digits of a second: within a millisecond the row that came first is the older one
_OLDER = {
    "postgresql": r"\1.created_at < \2.created_at",
    "sqlite": r"(\1.created_at, \1.rowid) < (\2.created_at, \2.rowid)",
}
# of the last attempt: null while it is on the wire, or when its sender died there
_OUTCOME = {
    "postgresql": "(other.attempts -> -1 ->> 'outcome')",
    "sqlite": "JSON_EXTRACT(other.attempts, '$[#-1].outcome')",
}


def lock_subjects(command_id: uuid.UUID) -> tuple[Call | None, Conference | None]:
    """Lock the call and the conference that the command is about: before the command, as everybody does."""
    sql = f"""SELECT {rows.columns(Call)}, (SELECT conference_id FROM voice_callcommand WHERE id = %s) AS of_conference
              FROM voice_call WHERE id = (SELECT call_id FROM voice_callcommand WHERE id = %s) {rows.lock_clause()}"""  # noqa: S608
    found = statements.rows(Call, sql, [rows.prepared(CallCommand, "id", command_id)] * 2)
    if found and vars(found[0])["of_conference"] is None:
        return found[0], None  # most are about a call alone
    wanted = rows.fetch(CallCommand, id=command_id)
    call = rows.fetch_locked(Call, id=wanted.call_id) if wanted and wanted.call_id else None
    return call, rows.fetch_locked(Conference, id=wanted.conference_id) if wanted and wanted.conference_id else None


def locked(command_id: uuid.UUID) -> tuple[CallCommand | None, datetime]:
    """Lock the command if it is open and not leased; return it with the database's time.

    Leases are compared with that time: this machine's clock may be wrong. What is asked next comes along: whether it is
    ``blocked``, whether one of its event ``failed_before``, whether its account ``has_breaker`` or ``has_suspension``.
    Nobody can block it after that, since its call or conference is locked.
    """
    sql = f"""SELECT {rows.columns(CallCommand)}, {rows.now()} AS clock, {_blocked()} AS blocked,
                  EXISTS (SELECT 1 FROM voice_callcommand other WHERE other.event_id = voice_callcommand.event_id
                          AND other.sequence < voice_callcommand.sequence
                          AND {_OTHERS} IN ('refused', 'uncertain', 'expired')) AS failed_before,
                  {_HAS_BREAKER} AS has_breaker, {_SUSPENDED.format("voice_callcommand.account_id")} AS has_suspension
              FROM voice_callcommand
              WHERE id = %s AND {_STATUS} IN ('queued', 'sending')
              AND (lease_until IS NULL OR lease_until < {rows.now()}) {rows.lock_clause()}"""  # noqa: S608
    command = next(iter(statements.rows(CallCommand, sql, [rows.prepared(CallCommand, "id", command_id)])), None)
    if command is None:
        return None, timezone.now()
    command.account = rows.fetch(TelnyxAccount, id=command.account_id) or command.account
    return command, rows.read_now(vars(command)["clock"])


def is_blocked(command: CallCommand) -> bool:
    """Tell whether the command had to wait for another one when it was ``locked``."""
    return bool(vars(command)["blocked"])


def not_blocked() -> RawSQL:
    """Build the condition for commands that wait for no other one: what ``is_blocked`` decides, for many at once."""
    return RawSQL(f"NOT {_blocked()}", [], BooleanField())  # noqa: S611


def now_if_leased(command: CallCommand) -> datetime | None:
    """Return the database's time while this sender has the command's lease; None when it has lost it.

    Whether its account ``has_breaker`` comes along.
    """
    sql = f"""SELECT id, {rows.now()} AS clock, {_HAS_BREAKER} AS has_breaker FROM voice_callcommand
              WHERE id = %s AND {_STATUS} = 'sending' AND lease_until = %s"""  # noqa: S608
    values = [rows.prepared(CallCommand, name, getattr(command, name)) for name in ("id", "lease_until")]
    found = next(iter(statements.rows(CallCommand, sql, values)), None)
    if found is None:
        return None
    vars(command)["has_breaker"] = vars(found)["has_breaker"]
    return rows.read_now(vars(found)["clock"])


def account_if_free(account_id: uuid.UUID, call_id: uuid.UUID) -> TelnyxAccount | None:
    """Return the account if nothing at all stands before a new command of this call; None where something may.

    Inside the transaction that has locked the call, so that nothing comes before it meanwhile. It says less than
    ``is_blocked`` and ``why_held``: who hears None saves the command ``queued``, and they decide.
    """
    sql = f"""SELECT {rows.columns(TelnyxAccount)} FROM portal_telnyxaccount
              WHERE id = %s AND NOT {circuit_breaker.may_hold("portal_telnyxaccount.id")}
              AND NOT {_SUSPENDED.format("portal_telnyxaccount.id")}
              AND NOT EXISTS (SELECT 1 FROM voice_callcommand other
                              WHERE other.call_id = %s AND {_OTHERS} IN ('queued', 'sending'))"""  # noqa: S608
    ids = [rows.prepared(TelnyxAccount, "id", account_id), rows.prepared(Call, "id", call_id)]
    return next(iter(statements.rows(TelnyxAccount, sql, ids)), None)


def close_ok(command: CallCommand) -> bool | None:
    """Close as ok, in one statement, what has its lease and of which nothing else is to be written.

    None, and nothing is written, where that is not so. Else whether another command of its call or conference waits:
    one that comes in the moment of this commit is left to the sweep.
    """
    sql = f"""UPDATE voice_callcommand SET attempts = %s, answer = %s, status = 'ok', error = '', error_code = '',
                  lease_until = NULL, finished_at = {rows.now()}
              WHERE id = %s AND {_STATUS} = 'sending' AND lease_until = %s
              AND NOT {circuit_breaker.may_learn("voice_callcommand.account_id")}
              RETURNING id, EXISTS (SELECT 1 FROM voice_callcommand other WHERE {_OTHERS} = 'queued' AND (
                  other.call_id = voice_callcommand.call_id
                  OR other.conference_id = voice_callcommand.conference_id)) AS has_more"""  # noqa: S608
    names = ("attempts", "answer", "id", "lease_until")
    values = [rows.prepared(CallCommand, name, getattr(command, name)) for name in names]
    found = next(iter(statements.rows(CallCommand, sql, values)), None)
    return None if found is None else bool(vars(found)["has_more"])


def next_free(command: CallCommand) -> list[uuid.UUID]:
    """Find the oldest command of the call or the conference that is free to go now."""
    if not (command.call_id or command.conference_id):
        return []
    sql = f"""SELECT id FROM voice_callcommand WHERE (call_id = %s OR conference_id = %s) AND {_STATUS} = 'queued'
              AND (lease_until IS NULL OR lease_until < {rows.now()}) AND NOT {_blocked()}
              ORDER BY created_at, sequence LIMIT 1"""  # noqa: S608
    ids = [rows.prepared(CallCommand, "id", row_id) for row_id in (command.call_id, command.conference_id)]
    return [row.pk for row in statements.rows(CallCommand, sql, ids)]


def _blocked() -> str:
    return _blocked_in(connection.vendor)


@cache
def _blocked_in(vendor: str) -> str:
    sql = re.sub(r"(\w+) OLDER (\w+)", _OLDER[vendor], _BLOCKED)
    sql = sql.replace("OUTCOME", _OUTCOME[vendor]).replace("HANG_UPS", f"({_HANG_UPS})")
    return sql.replace("own.", f"{CallCommand._meta.db_table}.")
