"""Brings a session into the log that Telnyx knows and no webhook told of, when somebody asks for it."""

from dataclasses import dataclass

from applications import receivers
from portal import sql
from portal.actors import Actor
from portal.json_types import JsonObject
from portal.models import AuditEvent, TelnyxAccount
from voice.calls import telnyx_record
from voice.models import CallEvent
from voice.recovery.collector import SETTLED, of_entries, record_new


@dataclass(frozen=True)
class Brought:
    """Says what came: ``young`` entries are left to their webhooks, which may come yet; ``elsewhere`` to others."""

    events: list[CallEvent]
    young: int
    elsewhere: int
    is_whole: bool


def bring(account: TelnyxAccount, wanted: JsonObject, actor: Actor) -> Brought:
    """Read the record that ``wanted`` (``leg_id`` or ``application_session_id``) finds, and record what is not here.

    At most 1000 entries are read, fewer when Telnyx is slow. Rules never run for what comes this way. Raises a
    ``TelnyxError``.
    """
    record = telnyx_record.read(account, wanted)
    before = sql.clock() - SETTLED
    told = [one for one in record.entries if telnyx_record.event_of(one) is not None]
    settled = [one for one in told if (at := telnyx_record.time_of(one)) is not None and at <= before]
    others = receivers.pointing_elsewhere(account, map(connection_of, settled))
    ours = [one for one in settled if connection_of(one) not in others]
    events = record_new(account, of_entries(ours))
    AuditEvent.note(actor, "events.import", None, account=account.name, events=len(events), **wanted)
    return Brought(events, len(told) - len(settled), len(settled) - len(ours), record.complete)


def connection_of(entry: JsonObject) -> str:
    """Return the id of the application whose call an entry of Telnyx's record is of; empty where it does not tell."""
    payload = (telnyx_record.event_of(entry) or {}).get("payload")
    named = payload.get("connection_id") if isinstance(payload, dict) else None
    return named if isinstance(named, str) else ""
