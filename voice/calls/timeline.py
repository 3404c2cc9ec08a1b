"""Tells a session in order: what happened and what was sent, on which leg, how long after the start."""

import itertools
import string
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from portal.masking import display_number, masked_for
from portal.phone_numbers import pretty
from portal.templatetags.portal import phone
from portal.texts import pluralised
from portal.times import read_time
from voice.calls import search
from voice.catalogue import actions, texml_fields
from voice.catalogue.correlation import pairs
from voice.catalogue.event_types import ending, label
from voice.models import Call, CallCommand, CallEvent, Conference, ConferenceParticipant, TexmlFetch

_MOST = 500  # of a kind; of more than that the first and the last are shown
_HALF = _MOST // 2
_MEDIA = ("speak", "playback", "record", "gather", "dtmf", "transcription", "conversation", "assistant", "stream")
_TROUBLE = {"refused", "expired", "uncertain", "dead", "quarantined"}
CHIPS = (("all", "All"), ("events", "Events"), ("commands", "Commands"), ("media", "Media"), ("problems", "Problems"))


@dataclass(frozen=True)
class Answered:
    """Holds the event that answers a command: its ``id`` on this page, what it says, seconds after the command."""

    id: str
    title: str
    seconds: float


@dataclass(frozen=True)
class Entry:
    """Holds one line: an ``event``, a ``command``, a ``fetch``, or a ``cut`` (``source``: of what), where some are not
    shown.

    ``status`` colours it; ``offset`` is seconds from the start. ``name`` is the event's type, or the command's action.
    ``began`` is when what it tells the end of began, where it says so.
    """

    kind: str
    id: str
    at: datetime
    offset: float
    leg: str
    title: str
    detail: str
    status: str
    source: str = ""
    attempts: list[dict[str, Any]] = field(default_factory=list)
    answered: Answered | None = None
    asks: bool = False  # it is uncertain, and somebody may decide it
    name: str = ""
    began: datetime | None = None

    @property
    def is_media(self) -> bool:
        """Tell whether it is about what was heard, said or pressed."""
        return any(part in self.name for part in _MEDIA)

    @property
    def is_trouble(self) -> bool:
        """Tell whether something went wrong with it, or by it."""
        return self.status in _TROUBLE or self.name.endswith(("failed", "error", "absent"))


def legs(call: Call) -> list[tuple[str, Call]]:
    """List the session's legs with a letter each, the first one A. A call without a session is its own.

    Of very many the first ones are listed, and ``call`` behind them: which letter it has is not known then.
    """
    found = search.session(Call.objects.filter(account=call.account_id).defer("facts"), [call])
    listed = list(zip(_letters(), found, strict=False))
    if all(leg.pk != call.pk for _, leg in listed):
        listed.append(("?", call))
    return listed


def entries(session: list[tuple[str, Call]], user: Any) -> list[Entry]:
    """List events and commands of these legs, oldest first; commands after the event that caused them."""
    letters = {call.pk: letter for letter, call in session}
    rooms = set(ConferenceParticipant.objects.filter(call__in=letters).values_list("conference", flat=True)[:50])
    start = min(call.started_at for _, call in session)
    return _with_fetches(_entries(letters, rooms, letters, start, user), session, start, user)


def _with_fetches(entries: list[Entry], session: list[tuple[str, Call]], start: datetime, user: Any) -> list[Entry]:
    """Tell which documents were fetched: the first of an event in the line of that, all others in one of their own."""
    if not user.has_perm("voice.view_texmlfetch"):
        return entries
    letters = {call.call_control_id: letter for letter, call in session}
    rows = (
        TexmlFetch.objects.select_related("document")
        .defer("body", "parameters", "document__draft")
        .order_by("at", "pk")
    )
    found, between = _ends(rows.filter(document__account=session[0][1].account_id, call_control_id__in=letters))
    first = dict[str, TexmlFetch]()  # equal requests are one event, which happened when the first one came
    for row in found:
        if row.event_id:
            first.setdefault(str(row.event_id), row)
    beside = {entry.id: row for entry in entries if (row := first.get(entry.id))}
    told = [_beside(entry, beside.get(entry.id), user) for entry in entries]
    keys = {row.pk for row in beside.values()}
    told += [
        Entry(
            kind="fetch",
            id=str(row.pk),
            at=row.at,
            offset=_offset(row.at, start),
            leg=letters[row.call_control_id],
            title="Document fetched",
            detail=_fetched(row, user),
            status="processed",
            source=row.proof,
        )
        for row in found
        if row.pk not in keys
    ]
    if between:
        told.append(_cut("fetch", between, found[_HALF - 1].at, start))
    return sorted(told, key=lambda entry: entry.at)


def _beside(entry: Entry, row: TexmlFetch | None, user: Any) -> Entry:
    if row is None:
        return entry
    return replace(entry, detail=" · ".join(part for part in (entry.detail, _fetched(row, user)) if part))


def _fetched(row: TexmlFetch, user: Any) -> str:
    outcome = "" if row.verdict == TexmlFetch.Verdict.SERVED else f" ({row.get_verdict_display()})"
    return str(masked_for(user, f"fetched {row}{outcome}"))


def participants(conference: Conference) -> list[tuple[str, ConferenceParticipant]]:
    """List who is or was in it, with a letter each, in the order of their last coming: of too many both ends."""
    rows = conference.participants.select_related("call", "conference").order_by("joined_at", "id")
    found, between = _ends(rows)
    letters = list(itertools.islice(_letters(), len(found) + between))
    del letters[_HALF : _HALF + between]
    return list(zip(letters, found, strict=False))


def left_out(conference: Conference, listed: Collection[Any]) -> int:
    """Return how many participants came between those ``listed``."""
    return conference.participants.count() - len(listed) if len(listed) >= _MOST else 0


def of_conference(conference: Conference, user: Any) -> list[Entry]:
    """List events and commands of a conference, oldest first, with the letters of ``participants``."""
    letters = {row.call_id: letter for letter, row in participants(conference) if row.call_id}
    return _entries([], {conference.pk}, letters, conference.started_at, user)


def _entries(
    calls: Collection[Any], rooms: set[Any], letters: dict[Any, str], start: datetime, user: Any
) -> list[Entry]:
    """List those of these legs and of these conferences; what is of a conference alone has no letter."""
    events: list[CallEvent] = []
    entries: list[Entry] = []
    if user.has_perm("voice.view_callevent"):
        rows = CallEvent.objects.defer("body", "headers").order_by("received_at", "id")
        events, cuts = _both(rows, calls, rooms)
        entries += [_of_event(event, letters.get(event.call_id, ""), start, user) for event in events]
        entries += [_cut("event", between, event.happened_at, start) for between, event in cuts]
    if user.has_perm("voice.view_callcommand"):
        ordered = CallCommand.objects.select_related("call").order_by("created_at", "sequence", "id")
        commands, cuts = _both(ordered, calls, rooms)
        entries += _of_commands(commands, letters, events, start, user)
        entries += [_cut("command", between, command.created_at, start) for between, command in cuts]
    return sorted(entries, key=lambda entry: entry.at)


def _both(rows: QuerySet[Any], calls: Collection[Any], rooms: set[Any]) -> tuple[list[Any], list[tuple[int, Any]]]:
    """Read by two statements, each on its index: one with OR would read far more.

    Returns the rows, and for each statement that was cut how many it left out, and behind which row.
    """
    found, cuts = list[Any](), list[tuple[int, Any]]()
    parts = [rows.filter(call__in=list(calls))] if calls else []
    parts += [rows.select_related("call").filter(conference__in=rooms)] if rooms else []
    for part in parts:
        some, between = _ends(part)
        known = {row.pk for row in found}
        found += [row for row in some if row.pk not in known]
        cuts += [(between, some[_HALF - 1])] if between else []
    return found, cuts


def _ends(rows: QuerySet[Any]) -> tuple[list[Any], int]:
    """Return all of ``rows``, or of too many as many of the first as of the last, and how many are between."""
    found = list(rows[: _MOST + 1])
    if len(found) <= _MOST:
        return found, 0
    return [*found[:_HALF], *reversed(rows.reverse()[:_HALF])], rows.count() - _MOST


def _cut(kind: str, between: int, at: datetime, start: datetime) -> Entry:
    """Return the line that says how many are not shown behind ``at``."""
    words = {"event": "events", "command": "commands", "fetch": "fetches"}
    title = f"{pluralised(between, kind, words[kind])} between these not shown"
    return Entry("cut", f"cut-{kind}", at, _offset(at, start), "", title, "", "processed", kind)


def _letters() -> Iterator[str]:
    """Count A to Z, then AA, AB …"""
    for length in itertools.count(1):
        for letters in itertools.product(string.ascii_uppercase, repeat=length):
            yield "".join(letters)


def _of_event(event: CallEvent, leg: str, start: datetime, user: Any) -> Entry:
    at = event.happened_at
    source = "" if event.source == CallEvent.Source.WEBHOOK else event.source
    source = source or ("conference" if event.conference_id and not leg else "")
    title, is_texml = label(event.event_type), event.source == CallEvent.Source.TEXML
    detail = _detail_of_texml(event, user) if is_texml else _detail(event, user)
    if event.conference_id and event.call and not leg:  # somebody else in the same conference
        detail = " · ".join(part for part in (pretty(display_number(event.call.from_number, user)), detail) if part)
    return Entry(
        kind="event",
        id=str(event.pk),
        at=at,
        offset=_offset(at, start),
        leg=leg,
        title=title,
        detail=detail,
        status=event.status,
        source=source,
        name=event.event_type,
        began=read_time((event.payload or {}).get("recording_started_at")),
    )


def _of_commands(
    commands: list[CallCommand], letters: dict[Any, str], events: list[CallEvent], start: datetime, user: Any
) -> list[Entry]:
    answers = pairs(commands, events)
    return [_of_command(command, letters, answers.get(command.pk), start, user) for command in commands]


def _of_command(
    command: CallCommand, letters: dict[Any, str], answer: CallEvent | None, start: datetime, user: Any
) -> Entry:
    at = command.first_sent_at or command.created_at
    said = (f"by {command.requested_by}", command.error, command.settlement)
    by, error, settlement = (masked_for(user, text) for text in said)
    parts = [by, _main_parameter(command, user), _held(command, user), error, settlement]
    return Entry(
        kind="command",
        id=str(command.pk),
        at=at,
        offset=_offset(at, start),
        leg=letters.get(command.call_id, ""),
        title=actions.label(command.action),
        detail=" · ".join(part for part in parts if part),
        status=command.status,
        attempts=command.attempts,
        answered=_answered(at, answer),
        asks=command.is_open_question and user.has_perm(actions.permission(command.action)),
        name=command.action,
    )


def _held(command: CallCommand, user: Any) -> str:
    """Say how long it was held back, and why; of what went out at once, nothing."""
    if command.held_since is None:
        return ""
    until = command.held_until
    span = f"held back for {(until - command.held_since).total_seconds():.0f} s" if until else "held back"
    return f"{span}: {masked_for(user, command.held_why)}"


def _answered(at: datetime, event: CallEvent | None) -> Answered | None:
    if event is None:
        return None
    happened = event.happened_at
    return Answered(str(event.pk), label(event.event_type), max(_offset(happened, at), 0.0))


def _offset(at: datetime, start: datetime) -> float:
    return round((at - start).total_seconds(), 1)


def _main_parameter(command: CallCommand, user: Any) -> str:
    """Return the parameter that says most: whom it connects, what it says."""
    for name in ("to", "payload", "audio_url", "digits", "cause"):
        if isinstance(value := command.parameters.get(name), str):
            if name == "to":
                return pretty(display_number(value, user))
            return f"“{masked_for(user, {name: value})[name][:120]}”"
    return ""


def _detail(event: CallEvent, user: Any) -> str:
    payload = event.payload or {}
    match event.event_type:
        case "call.initiated":
            return " → ".join(phone(str(payload.get(side) or ""), user) for side in ("from", "to"))
        case "call.hangup":
            return ending(str(payload.get("hangup_cause") or ""), str(payload.get("hangup_source") or ""))
        case "call.gather.ended":
            digits, status = _pressed(payload.get("digits"), user), _told(payload, "status", user)
            return f"digits {digits or 'none'} ({status})" if status else f"digits {digits or 'none'}"
        case "call.dtmf.received":
            return f"digit {_pressed(payload.get('digit'), user)}"
        case "call.cost":
            return _told(payload, "total_cost", user)
        case _:
            return _outcome(payload, user)


def _told(payload: dict[str, Any], name: str, user: Any) -> str:
    """Return a member as this person may see it; nothing where it is missing."""
    value = masked_for(user, {name: payload.get(name)})[name]
    return "" if value is None else str(value)


def _outcome(payload: dict[str, Any], user: Any) -> str:
    """Tell how it went in Telnyx's words: each hidden by its own name, since a result may be what a caller said."""
    shown = masked_for(user, {name: payload.get(name) for name in ("status", "result", "reason")})
    return str(next((value for value in shown.values() if value), ""))[:200]


def _detail_of_texml(event: CallEvent, user: Any) -> str:
    return " · ".join(texml_fields.describe(event.event_type, masked_for(user, event.payload or {})))


def _pressed(digits: Any, user: Any) -> str:
    """Show the keys a caller pressed: only their number to a person who sees no whole phone numbers either."""
    return str(masked_for(user, {"digits": str(digits or "")})["digits"])


class Story:
    """Holds the legs of the session, with a letter each; reads what happened when it is first asked for."""

    def __init__(self, call: Call, user: Any) -> None:
        self.user, self.legs = user, legs(call)

    @cached_property
    def entries(self) -> list[Entry]:
        """List events and commands in order, as the viewer may see them."""
        return entries(self.legs, self.user)


def story_of(request: HttpRequest, call: Call) -> Story:
    """Return the story of ``call`` for whoever asks by this request."""
    kept: dict[Any, Story] = request.__dict__.setdefault("call_stories", {})
    if call.pk not in kept:
        kept[call.pk] = Story(call, request.user)
    return kept[call.pk]
