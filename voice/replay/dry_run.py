"""Applies stored events to copies of the rows, in the order given, and writes none of them: the dry run."""

import uuid

from voice.calls.projection import Change, assign, changes
from voice.conferences import projection
from voice.models import Call, CallEvent, Conference, ConferenceParticipant
from voice.replay.apply import REPEAT, Applied, Outcome, disown, foreign_owner, read, reread, set_status
from voice.replay.ledger import Kind, Ledger, overlay, seat_key


class DryRun:
    """Applies each event to its call as the ones before have changed it: that is what ``ledger`` remembers."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def apply(self, event_id: uuid.UUID) -> Applied:
        """Do to copies what ``replay.apply`` would do, and note it in the ledger."""
        applied = self._apply(read(event_id))
        self.ledger.note(applied)
        return applied

    def _apply(self, event: CallEvent) -> Applied:
        was, why = event.status, reread(event)
        if was == CallEvent.Status.RECEIVED:
            return Applied(event, was, Outcome.WAITING)
        if was == CallEvent.Status.QUARANTINED and not why and self._is_taken(event):
            why = REPEAT
        if why:
            return Applied(event, was, Outcome.KEPT, why)
        call, made = self._call_of(event)
        if owner := foreign_owner(event):
            return disown(event, was, owner)
        differences = [assign(call, changes(call, event, restore=True), is_new=made)] if call else []
        event.call = call
        differences += self._conference(event, call)
        outcome = set_status(event, was, differences, rules=False)
        return Applied(event, was, outcome, differences=[change for change in differences if change])

    def _is_taken(self, event: CallEvent) -> bool:
        return self.ledger.has_taken(event.account_id, event.dedupe_key)

    def _call_of(self, event: CallEvent) -> tuple[Call | None, bool]:
        """Copy the event's call as it would be by now, and tell whether this event would make it."""
        rows, control_id = Call.objects.filter(account_id=event.account_id), event.call_control_id
        if not control_id and event.call_leg_id:
            found = rows.filter(call_leg_id=event.call_leg_id).first()
            leg = self.ledger.control_id_of(event.account_id, event.call_leg_id)
            control_id = found.call_control_id if found else leg
        if not control_id:
            return None, False
        row, line = rows.filter(call_control_id=control_id).first(), self.ledger.at(self._call_place(event, control_id))
        call = row or Call(account_id=event.account_id, call_control_id=control_id, started_at=event.happened_at)
        overlay(call, line)
        return call, row is None and line is None

    def _conference(self, event: CallEvent, call: Call | None) -> list[Change]:
        if not (conference_id := projection.id_of(event)):
            return []
        row = Conference.objects.filter(account_id=event.account_id, conference_id=conference_id).first()
        line = self.ledger.at((Kind.CONFERENCE, event.account_id, conference_id))
        conference = row or Conference(
            account_id=event.account_id, conference_id=conference_id, started_at=event.happened_at
        )
        overlay(conference, line)
        event.conference = conference
        made = row is None and line is None
        done = [assign(conference, projection.changes(conference, event, restore=True), is_new=made)]
        if call is not None and (column := projection.seat_column(event)):
            done.append(self._seat(event, conference, call, column))
        return done

    def _seat(self, event: CallEvent, conference: Conference, call: Call, column: str) -> Change:
        rows = ConferenceParticipant.objects.select_related("conference").filter(call_control_id=call.call_control_id)
        row = rows.filter(conference=conference.pk).first()
        key = seat_key(conference.conference_id, call.call_control_id)
        line = self.ledger.at((Kind.PARTICIPANT, event.account_id, key))
        seat = row or ConferenceParticipant(conference=conference, call_control_id=call.call_control_id)
        overlay(seat, line)
        made = row is None and line is None
        return assign(seat, projection.seat_changes(seat, event, column), is_new=made)

    def _call_place(self, event: CallEvent, control_id: str) -> tuple[str, uuid.UUID, str]:
        return Kind.CALL, event.account_id, control_id
