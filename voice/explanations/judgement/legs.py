"""Reads from the facts of a session what each of its legs went through, whatever order the facts came in."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from portal.times import read_time
from voice.explanations.judgement.facts import Command, Context, Event, Facts

_LIFE = ("call.initiated", "call.ringing", "call.answered", "call.bridged")
_ANSWERED = (
    *("call.bridged", "call.machine.", "call.gather.", "call.speak.", "call.playback.", "call.dtmf."),
    *("call.recording.", "call.transcription", "call.ai_gather.", "call.conversation.", "call.enqueued"),
)
_INCOMING_ONLY = frozenset({"answer", "reject"})
_TRANSFER_SECONDS = timedelta(seconds=30)  # a target's leg begins so soon after the transfer
_GREETING = ("call.machine.greeting.ended", "call.machine.premium.greeting.ended")
# these say who answered: not that detection began, nor that the phone asks who calls
DETECTION = ("call.machine.detection.ended", "call.machine.premium.detection.ended", *_GREETING)


@dataclass(frozen=True)
class Leg:
    """Holds one leg: its events in order, each once, and the commands on it."""

    control_id: str
    events: tuple[Event, ...]
    commands: tuple[Command, ...]
    context: Context

    @cached_property
    def hangup(self) -> Event | None:
        """Return the last word of its end."""
        return next((event for event in reversed(self.events) if event.type == "call.hangup"), None)

    @cached_property
    def initiated(self) -> Event | None:
        return self.first("call.initiated")

    @property
    def end_was_asked(self) -> bool:
        """Tell whether Telnyx told the end when it was asked, and no event did."""
        return self.hangup is not None and self.hangup.is_asked

    def first(self, *types: str) -> Event | None:
        """Return the first event of these types."""
        return next((event for event in self.events if event.type in types), None)

    def last(self, *beginnings: str, before: datetime | None = None) -> Event | None:
        """Return the last event whose type begins with one of these."""
        found = (event for event in reversed(self.events) if event.type.startswith(beginnings))
        return next((event for event in found if before is None or event.at <= before), None)

    def told(self, name: str) -> Any:
        """Return what the events tell of ``name``; the hang-up is asked first."""
        ordered = [*([self.hangup] if self.hangup else []), *self.events]
        return next((value for event in ordered if (value := event.payload.get(name)) not in (None, "")), None)

    @cached_property
    def direction(self) -> str:
        """Return incoming, outgoing or nothing: told, or to be seen from our commands."""
        told = str(self.told("direction") or self.context.directions.get(self.control_id) or "")
        told = {"inbound": "incoming", "outbound": "outgoing"}.get(told, told)
        if told:
            return told
        if any(command.is_dial for command in self.commands):
            return "outgoing"
        return "incoming" if any(command.action in _INCOMING_ONLY for command in self.commands) else ""

    @property
    def is_incoming(self) -> bool:
        return self.direction == "incoming"

    @cached_property
    def started_at(self) -> datetime | None:
        told = read_time(self.told("start_time"))
        return told or (self.initiated.at if self.initiated else None)

    @cached_property
    def first_at(self) -> datetime:
        """Return when it is first heard of, for the order of legs."""
        return self.started_at or self.events[0].at

    @cached_property
    def answered_at(self) -> datetime | None:
        event = self.first("call.answered")
        return event.at if event else read_time(self.told("answered_time"))

    @cached_property
    def was_answered(self) -> bool:
        """Tell whether it was, also where only later events prove it."""
        if self.answered_at or any(event.type.startswith(_ANSWERED) for event in self.events):
            return True
        return any(command.action == "answer" and command.status == "ok" for command in self.commands)

    @cached_property
    def bridged_at(self) -> datetime | None:
        event = self.first("call.bridged")
        return event.at if event else None

    @cached_property
    def ended_at(self) -> datetime | None:
        if self.hangup is None:
            return None
        return read_time(self.hangup.payload.get("end_time")) or self.hangup.at

    @property
    def talk(self) -> float | None:
        """Return the seconds from the answer to the end."""
        return _between(self.answered_at, self.ended_at)

    @property
    def setup(self) -> float | None:
        """Return the seconds from the start to the answer, or to the end of what nobody answered."""
        return _between(self.started_at, self.answered_at or self.ended_at)

    @property
    def cause(self) -> str:
        return str(self._of_the_end("hangup_cause") or self._of_the_end("ending") or "").lower()

    @property
    def side(self) -> str:
        """Return Telnyx's ``hangup_source``: one side of this leg, not a party of the session."""
        return str(self._of_the_end("hangup_source") or "unknown").lower()

    @cached_property
    def sip(self) -> int | None:
        """Return ``sip_hangup_cause`` as a number: SIP from 300, Q.850 below 128."""
        text = str(self._of_the_end("sip_hangup_cause") or "")
        return int(text) if text.isascii() and text.isdecimal() and len(text) <= 3 else None

    @property
    def persons_side(self) -> str:
        """Return the side of this leg on which a person is."""
        return {"incoming": "caller", "outgoing": "callee"}.get(self.direction, "")

    @property
    def was_ended_by_its_person(self) -> bool:
        return bool(self.persons_side) and self.side == self.persons_side

    @property
    def was_ended_at_our_end(self) -> bool:
        return bool(self.persons_side) and self.side in {"caller", "callee"} and not self.was_ended_by_its_person

    @cached_property
    def machine(self) -> str:
        """Return the last word of machine detection; empty without any.

        How a greeting ended tells who answered by its beep alone, or where nothing else does.
        """
        told = [one for one in self.events if one.type in DETECTION]
        surer = [one for one in told if one.type not in _GREETING or one.payload.get("result") == "beep_detected"]
        return next((str(one.payload.get("result") or "") for one in reversed(surer or told)), "")

    def commands_named(self, *actions: str) -> list[Command]:
        """List the commands of these actions."""
        return [command for command in self.commands if command.action in actions]

    def _of_the_end(self, name: str) -> Any:
        return self.hangup.payload.get(name) if self.hangup else None


def _between(begin: datetime | None, end: datetime | None) -> float | None:
    return max((end - begin).total_seconds(), 0.0) if begin and end else None


@dataclass(frozen=True)
class Session:
    """Holds the legs in the order they began, and the commands that are of none of them."""

    legs: tuple[Leg, ...]
    loose: tuple[Command, ...]
    context: Context

    def ended_near(self, leg: Leg, before: timedelta, after: timedelta) -> list[Leg]:
        """List the other legs that ended so shortly before or after this one, and may have been bridged with it.

        That takes a bridge of one of the two: a thousand legs of a conference, which end together, have none.
        """
        if leg.ended_at is None:
            return []
        ends = self._ends if leg.bridged_at else self._ends_of_bridged
        begin = bisect_left(ends, (leg.ended_at - before, -1))
        end = bisect_right(ends, (leg.ended_at + after, len(self.legs)))
        found = (self.legs[at] for at in sorted(at for _, at in ends[begin:end]))
        return [other for other in found if other.control_id != leg.control_id]

    @cached_property
    def _ends(self) -> list[tuple[datetime, int]]:
        return sorted((leg.ended_at, at) for at, leg in enumerate(self.legs) if leg.ended_at)

    @cached_property
    def _ends_of_bridged(self) -> list[tuple[datetime, int]]:
        return [(end, at) for end, at in self._ends if self.legs[at].bridged_at]

    def transfer_to(self, leg: Leg) -> Command | None:
        """Return the command of another leg that made this one: a transfer to its number, shortly before."""
        for other, command in self._transfers.get(str(leg.told("to")), ()):
            gap = leg.first_at - (command.sent_at or command.created_at)
            if other != leg.control_id and timedelta(seconds=-1) <= gap <= _TRANSFER_SECONDS:
                return command
        return None

    def target_of(self, command: Command) -> Leg | None:
        """Return the leg that a transfer made."""
        return self._targets.get(command.id)

    @cached_property
    def _transfers(self) -> dict[str, list[tuple[str, Command]]]:
        """Map a number to the transfers to it, each with its leg."""
        found: dict[str, list[tuple[str, Command]]] = {}
        for leg in self.legs:
            for command in leg.commands_named("transfer"):
                found.setdefault(str(command.parameter("to")), []).append((leg.control_id, command))
        return found

    @cached_property
    def _targets(self) -> dict[str, Leg]:
        found: dict[str, Leg] = {}
        for leg in self.legs:
            if made := self.transfer_to(leg):
                found.setdefault(made.id, leg)
        return found

    def is_first(self, leg: Leg) -> bool:
        return bool(self.legs) and self.legs[0].control_id == leg.control_id

    def person_of(self, leg: Leg) -> str:
        """Word the person on this leg, as a party of the session."""
        if leg.is_incoming:
            return "the caller"
        if self.is_first(leg):
            return "the called party"
        number = leg.told("to")
        return f"the party put through ({number})" if number else "the party put through"

    def who_of(self, leg: Leg) -> str:
        """Return the person on this leg as a word of the table."""
        return "caller" if leg.is_incoming else "callee"


def read(facts: Facts) -> Session:
    """Sort the facts by leg: each event once, in the order of their times."""
    by_leg: dict[str, list[Event]] = {}
    for event in _unique(facts.events):
        if event.leg:
            by_leg.setdefault(event.leg, []).append(event)
    commands = sorted(facts.commands, key=lambda one: (one.sent_at or one.created_at, one.created_at, one.id))
    of_legs: dict[str, list[Command]] = {}
    for one in commands:
        of_legs.setdefault(one.leg, []).append(one)
    legs = [Leg(name, tuple(events), tuple(of_legs.get(name, ())), facts.context) for name, events in by_leg.items()]
    legs.sort(key=lambda leg: (leg.first_at, leg.control_id))
    loose = tuple(one for one in commands if one.leg not in by_leg)
    return Session(tuple(_with_direction(legs)), loose, facts.context)


def _unique(events: tuple[Event, ...]) -> list[Event]:
    """Keep of repeated events the first attempt, and order all by time, then by the place in a call's life."""
    found: dict[str, Event] = {}
    for event in sorted(events, key=lambda one: (one.attempt, one.received_at or one.at)):
        found.setdefault(event.id, event)
    return sorted(found.values(), key=lambda one: (one.at, _rank(one.type), one.id))


def _rank(event_type: str) -> int:
    if event_type == "call.hangup":
        return 9
    return _LIFE.index(event_type) if event_type in _LIFE else 5


def _with_direction(legs: list[Leg]) -> Iterator[Leg]:
    """Take a later leg of unknown direction for one that we made."""
    for at, leg in enumerate(legs):
        if at and not leg.direction:
            context = Context(**{**vars(leg.context), "directions": {leg.control_id: "outgoing"}})
            yield Leg(leg.control_id, leg.events, leg.commands, context)
        else:
            yield leg
