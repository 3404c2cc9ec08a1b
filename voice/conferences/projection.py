"""Derives conferences from their events, and from what Telnyx tells of them when asked: a merge, as of calls.

The events name a conference by ``conference_id`` and never tell its name (Telnyx's OpenAPI spec, ``webhooks``). Those
of the room as a whole (playback, speaking, recordings) name no leg, so this is what puts them into anybody's story.
"""

import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction

from portal import sql
from portal.models import TelnyxAccount
from portal.times import read_time
from voice.calls.projection import Change, Fact, assign, merge
from voice.catalogue.event_types import meaning
from voice.models import Call, CallEvent, Conference, ConferenceParticipant

_ID = re.compile(r"[A-Za-z0-9_\-]{1,64}")
_ENDED, _TOLD_ENDED = 9, 8  # the event knows the exact time and the reason
_STATES = set(Conference.State.values)


def id_of(event: CallEvent) -> str:
    """Return the ``conference_id`` of a conference's event; empty for any other event."""
    value = (event.payload or {}).get("conference_id")
    known = event.event_type.startswith("conference.") and isinstance(value, str) and _ID.fullmatch(value)
    return str(value) if known else ""


def apply(event: CallEvent, call: Call | None, *, restore: bool = False) -> list[Change]:
    """Merge the event into its conference and link it there; empty if it is none's. Inside the event's transaction.

    Locks go call → event → conference → command. ``restore`` as in ``projection.changes``.
    """
    conference_id = id_of(event)
    if not conference_id:
        return []
    conference, made = _locked(event.account_id, conference_id, event.happened_at)
    event.conference = conference
    done = [assign(conference, changes(conference, event, restore=restore), is_new=made)]
    if call is not None and (column := seat_column(event)):
        seat, sat = ConferenceParticipant.objects.get_or_create(
            conference=conference, call_control_id=call.call_control_id, defaults={"call": call}
        )
        done.append(_seated(seat, seat_changes(seat, event, column), is_new=sat))
    for difference in done:
        difference.save()
    return done


def changes(conference: Conference, event: CallEvent, *, restore: bool = False) -> dict[str, Any]:
    """Return the conference's columns that its event changes, as ``projection.changes`` of a call."""
    at, rank = event.happened_at, meaning(event.event_type).rank
    return merge(conference, _facts_of(event, at), at, rank, event.dedupe_key, restore=restore)


def seat_column(event: CallEvent) -> str:
    """Name the column for the time of a coming or a leaving; empty for other events."""
    return {"conference.participant.joined": "joined_at", "conference.participant.left": "left_at"}.get(
        event.event_type, ""
    )


def seat_changes(seat: ConferenceParticipant, event: CallEvent, column: str) -> dict[str, Any]:
    """Keep the greatest time of each kind: the same for every order and repetition."""
    known, at = getattr(seat, column), event.happened_at
    return {column: at} if known is None or known < at else {}


def _seated(seat: ConferenceParticipant, values: dict[str, Any], *, is_new: bool) -> Change:
    """Set ``values``, and from when on the others of the conference may have been together with somebody else.

    The reports count anew whom it concerns: from here their calls cannot be locked, which are locked first.
    """
    told = [seat.recount_after, *values.values(), *(getattr(seat, name) for name in values)]
    seated = assign(seat, values, is_new=is_new)
    if not values:
        return seated
    seat.recount_after = min(at for at in told if at)
    return replace(seated, beside=("recount_after",))


def merge_answer(account: TelnyxAccount, data: dict[str, Any]) -> Conference | None:
    """Merge Telnyx's answer (a create, a retrieve) into the conference it describes; None if it describes none."""
    conference_id = data.get("id")
    if not isinstance(conference_id, str) or not _ID.fullmatch(conference_id):
        return None
    created, updated = (read_time(data.get(name)) or sql.clock() for name in ("created_at", "updated_at"))
    with transaction.atomic():
        conference, _ = _locked(account.pk, conference_id, created)
        assign(conference, merge(conference, _facts_of_answer(data, created, updated), updated, 0, "told")).save()
    return conference


def _locked(account_id: uuid.UUID, conference_id: str, at: datetime) -> tuple[Conference, bool]:
    """Lock the conference's row, and tell whether it was made just now."""
    rows = Conference.objects.select_for_update(of=("self",), no_key=True).select_related("account")
    rows = rows.filter(account_id=account_id, conference_id=conference_id)
    if found := rows.first():
        return found, False
    stub = Conference(account_id=account_id, conference_id=conference_id, started_at=at)
    Conference.objects.bulk_create([stub], ignore_conflicts=True)
    made = rows.get()
    return made, made.pk == stub.pk


def _facts_of(event: CallEvent, at: datetime) -> Iterator[Fact]:
    payload = event.payload or {}
    yield Fact("started_at", at, 2 if event.event_type == "conference.created" else 1)
    if event.connection_id:
        yield Fact("connection_id", event.connection_id)
    if event.event_type != "conference.ended":
        yield Fact("state", Conference.State.IN_PROGRESS)
        return
    yield Fact("state", Conference.State.COMPLETED, _ENDED)
    yield Fact("ended_at", at)
    if isinstance(reason := payload.get("reason"), str) and reason:
        yield Fact("end_reason", reason[:50])


def _facts_of_answer(data: dict[str, Any], created: datetime, updated: datetime) -> Iterator[Fact]:
    """State what Telnyx's own description says; see ``Conference`` in its OpenAPI spec."""
    yield Fact("started_at", created, 2, created)
    for column, name, length in (("name", "name", 255), ("connection_id", "connection_id", 64)):
        if isinstance(value := data.get(name), str) and value:
            yield Fact(column, value[:length])
    state = data.get("status")
    if state == Conference.State.COMPLETED:
        yield Fact("state", state, _TOLD_ENDED)
        yield Fact("ended_at", updated, 0)
        if isinstance(reason := data.get("end_reason"), str) and reason:
            yield Fact("end_reason", reason[:50], 0)
    elif state in _STATES:
        yield Fact("state", state)
