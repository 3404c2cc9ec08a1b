"""Orders the commands of a call or conference: decides which may be sent now, and locks it.

The statements are written by hand, since each command takes them.
"""

import uuid
from datetime import datetime

from django.utils import timezone

from portal import sql as rows
from portal.models import TelnyxAccount
from voice.models import Call, CallCommand, Conference


def lock_subjects(command_id: uuid.UUID) -> tuple[Call | None, Conference | None]:
    """Lock the call and the conference that the command is about: before the command, as everybody does."""
    wanted = rows.fetch(CallCommand, id=command_id)
    call = rows.fetch_locked(Call, id=wanted.call_id) if wanted and wanted.call_id else None
    return call, rows.fetch_locked(Conference, id=wanted.conference_id) if wanted and wanted.conference_id else None


def locked(command_id: uuid.UUID) -> tuple[CallCommand | None, datetime]:
    """Lock the command if it is open and not leased; return it with the database's time.

    Leases are compared with that time: this machine's clock may be wrong.
    """
    sql = f"""SELECT {rows.columns(CallCommand)}, {rows.now()} AS clock FROM voice_callcommand
              WHERE id = %s AND status IN ('queued', 'sending')
              AND (lease_until IS NULL OR lease_until < {rows.now()}) {rows.lock_clause()}"""  # noqa: S608
    command = next(iter(CallCommand.objects.raw(sql, [rows.prepared(CallCommand, "id", command_id)])), None)
    if command is None:
        return None, timezone.now()
    command.account = rows.fetch(TelnyxAccount, id=command.account_id) or command.account
    return command, rows.read_now(vars(command)["clock"])


def is_blocked(command: CallCommand) -> bool:
    """Tell whether the command has to wait for another one.

    An earlier command of its event is open, another of its call or conference is on the wire, or an older wish for the
    same call has not been begun. What waits for a resend holds up nobody: a hang-up must go.
    """
    sql = f"""SELECT {rows.columns(CallCommand)} FROM voice_callcommand WHERE id <> %s AND (
                  (event_id = %s AND sequence < %s AND status IN ('queued', 'sending'))
                  OR (call_id = %s AND status = 'sending') OR (conference_id = %s AND status = 'sending')
                  OR (call_id = %s AND status = 'queued' AND sequence = 0 AND lease_until IS NULL
                      AND created_at < %s))"""  # noqa: S608
    # nothing is equal to NULL: who has no event waits for none
    ids = [rows.prepared(CallCommand, "id", row_id) for row_id in (command.pk, command.event_id)]
    subjects = [rows.prepared(CallCommand, "id", row_id) for row_id in (command.call_id, command.conference_id)]
    made = rows.prepared(CallCommand, "created_at", command.created_at)
    found = CallCommand.objects.raw(sql, [*ids, command.sequence, *subjects, subjects[0], made])
    return any(not (command.action == "hangup" and _waits_for_a_resend(other, command)) for other in found)


def _waits_for_a_resend(other: CallCommand, command: CallCommand) -> bool:
    """Tell whether it is on no wire now, and no earlier command of the same event."""
    apart = other.event_id is None or other.event_id != command.event_id
    return (
        apart
        and other.status == CallCommand.Status.SENDING
        and bool(other.attempts)
        and "outcome" in other.attempts[-1]
    )


def now_if_leased(command: CallCommand) -> datetime | None:
    """Return the database's time while this sender has the command's lease; None when it has lost it."""
    sql = f"""SELECT id, {rows.now()} AS clock FROM voice_callcommand
              WHERE id = %s AND status = 'sending' AND lease_until = %s"""  # noqa: S608
    values = [rows.prepared(CallCommand, name, getattr(command, name)) for name in ("id", "lease_until")]
    found = next(iter(CallCommand.objects.raw(sql, values)), None)
    return rows.read_now(vars(found)["clock"]) if found else None


def next_free(command: CallCommand) -> list[uuid.UUID]:
    """Find the oldest command of the call or the conference that is free to go now."""
    if not (command.call_id or command.conference_id):
        return []
    sql = """SELECT id FROM voice_callcommand WHERE (call_id = %s OR conference_id = %s) AND status = 'queued'
             ORDER BY created_at, sequence LIMIT 1"""
    ids = [rows.prepared(CallCommand, "id", row_id) for row_id in (command.call_id, command.conference_id)]
    return [row.pk for row in CallCommand.objects.raw(sql, ids)]
