"""Leases events: one committed UPDATE claims them, counts the attempt, and brings back what processing needs."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection

from applications.models import CallControlApplication, TexmlApplication
from portal import sql as rows
from portal import statements
from portal.times import uptime
from voice.catalogue.correlation import EVENT_TYPES
from voice.catalogue.texml_operations import ANSWERING
from voice.models import CallEvent

LEASE = timedelta(seconds=30)
_NOW = rows.NOW
_LEASED = rows.later(LEASE.seconds)
# Of many, those that somebody else is just claiming are left to him: two that wait for each other would be a deadlock.
_UNTAKEN = {"postgresql": "ORDER BY id FOR UPDATE SKIP LOCKED", "sqlite": ""}
# The claim's commit does not wait for the disk: what a crash of the database takes away with it is a lease and a count.
_AT_EASE = {"postgresql": ", set_config('synchronous_commit', 'off', true) AS at_ease", "sqlite": ""}
_APPLICATIONS = tuple(kind._meta.db_table for kind in (CallControlApplication, TexmlApplication))
_OWNED = """EXISTS (SELECT 1 FROM {} a WHERE a.account_id = voice_callevent.account_id
                     AND a.telnyx_id = voice_callevent.connection_id)"""


@dataclass(frozen=True)
class LeasedEvent:
    """Holds an event (without body and headers) that nobody else touches for 30 s."""

    event: CallEvent
    meets_rules: bool  # its account has an active flow with a rule for its type
    may_answer: bool  # a command of its account is uncertain, and events of its type answer some
    is_at_home: bool  # its application is one of its account's
    has_call: bool  # the call that it names was there
    at: datetime  # when it was claimed, by the database's clock
    claimed: float = field(default_factory=uptime)
    sends: bool = False  # whoever has it sends the first command that follows, as soon as all is committed

    def now(self) -> datetime:
        """Return the database's time without asking it: that of the claim, and what has gone by here since.

        Events that are claimed together have each their own: the commands that they make have an order.
        """
        return self.at + timedelta(seconds=uptime() - self.claimed)


def lease(event_id: uuid.UUID) -> LeasedEvent | None:
    """Lease the event, if it is due and nobody else has it."""
    return next(iter(_claim("id = %s AND {due}", [event_id])), None)


def lease_fresh(event_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, LeasedEvent]:
    """Lease together those of the events that are tried for the first time."""
    marks = ", ".join(["%s"] * len(event_ids))
    fresh = f"SELECT id FROM voice_callevent WHERE id IN ({marks}) AND attempts = 0 AND {{due}} {{untaken}}"  # noqa: S608
    return {leased.event.pk: leased for leased in _claim(f"id IN ({fresh})", event_ids)}


def _claim(which: str, event_ids: Sequence[uuid.UUID]) -> list[LeasedEvent]:
    vendor = connection.vendor
    due = f"{rows.unindexed('status')} = 'received' AND (lease_until IS NULL OR lease_until < {_NOW[vendor]})"
    sql = f"""
        UPDATE voice_callevent SET lease_until = {_LEASED[vendor]}, attempts = attempts + 1
        WHERE {which.format(due=due, untaken=_UNTAKEN[vendor])}
        RETURNING {rows.columns(CallEvent, "body", "headers")},
            EXISTS (SELECT 1 FROM voice_rule r JOIN voice_flow f ON f.id = r.flow_id
                    WHERE f.active AND f.account_id = voice_callevent.account_id
                    AND r.event_type = voice_callevent.event_type) AS meets_rules,
            EXISTS (SELECT 1 FROM voice_callcommand c WHERE c.status = 'uncertain' AND c.settled_at IS NULL
                    AND c.account_id = voice_callevent.account_id) AS has_questions,
            EXISTS (SELECT 1 FROM voice_call c WHERE c.account_id = voice_callevent.account_id
                    AND c.call_control_id = voice_callevent.call_control_id) AS has_call,
            {" OR ".join(_OWNED.format(table) for table in _APPLICATIONS)} AS is_at_home {_AT_EASE[vendor]}"""  # noqa: S608
    found = statements.rows(CallEvent, sql, [rows.prepared(CallEvent, "id", row_id) for row_id in event_ids])
    return [_claimed(event) for event in found]


def _claimed(event: CallEvent) -> LeasedEvent:
    columns = vars(event)
    may_answer = bool(columns["has_questions"]) and event.event_type in EVENT_TYPES | ANSWERING
    assert event.lease_until is not None
    meets_rules, is_at_home, has_call = (bool(columns[name]) for name in ("meets_rules", "is_at_home", "has_call"))
    return LeasedEvent(event, meets_rules, may_answer, is_at_home, has_call, event.lease_until - LEASE)
