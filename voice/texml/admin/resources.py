"""Describes for pages what TeXML keeps at Telnyx: of whom it is read, which members are shown, and where it stands."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from portal.masking import masked_for
from portal.models import TelnyxAccount
from portal.phone_numbers import pretty
from portal.templatetags.portal import moment, seconds
from portal.texts import visible
from portal.times import read_mail_time, read_time
from voice.dialling import rights
from voice.texml import calls, conferences, queues, recordings, transcriptions
from voice.texml.requests import Page, Told

Row = Mapping[str, Any]
_SECONDS = re.compile(r"\d{1,8}(?:\.\d{1,9})?", re.ASCII)


@dataclass(frozen=True)
class Column:
    """Names what is shown of a resource: the first of ``members`` that Telnyx tells, drawn as its ``kind``."""

    title: str
    members: tuple[str, ...]
    kind: str = ""


@dataclass(frozen=True)
class Cell:
    """Holds one value as it is drawn."""

    title: str
    kind: str
    value: str


@dataclass(frozen=True)
class Resource:
    """Describes one: ``name`` of its pages' addresses, ``sid`` what its commands call its id."""

    name: str
    plural: str
    permission: str
    sid: str
    columns: tuple[Column, ...]
    more: tuple[Column, ...]
    at_telnyx: Callable[[TelnyxAccount, Mapping[str, str]], Page | None]
    retrieve: Callable[[TelnyxAccount, str], Told | None]
    empty: str
    note: str = ""

    @property
    def list_name(self) -> str:
        """Return what its list is called among the operations."""
        return f"texml.{self.plural}.list"


def _column(title: str, members: str, kind: str = "") -> Column:
    return Column(title, tuple(members.split()), kind)


_MADE, _CHANGED = _column("Made", "date_created", "time"), _column("Changed", "date_updated", "time")
_STATUS, _LENGTH = _column("Status", "status", "badge"), _column("Length", "duration", "seconds")
_ID = _column("SID", "sid", "mono")
_NAME = _column("Name", "friendly_name sid")
_FROM, _TO = _column("From", "from", "number"), _column("To", "to", "number")
_IN_HEAD = (_STATUS, _NAME, _FROM, _TO)
CALL = Resource(
    *("call", "calls", "voice.view_call", "call_sid"),
    (
        _column("Started", "start_time date_created", "time"),
        _column("Direction", "direction"),
        *(_FROM, _TO),
        _STATUS,
        _LENGTH,
    ),
    (
        _column("Ended", "end_time", "time"),
        _column("Answered by", "answered_by"),
        _column("Price", "price"),
        _column("Currency", "price_unit"),
        _ID,
    ),
    *(calls.at_telnyx, calls.retrieve),
    "Telnyx lists no TeXML call here.",
    "Telnyx's list lags behind: a call of just now may be missing.",
)
CONFERENCE = Resource(
    *("conference", "conferences", "voice.view_conference", "conference_sid"),
    (_NAME, _STATUS, _column("Region", "region"), _MADE, _CHANGED),
    (
        _column("Why it ended", "reason_conference_ended"),
        _column("Ended by", "call_sid_ending_conference", "mono"),
        _ID,
    ),
    *(conferences.at_telnyx, conferences.retrieve),
    "Telnyx lists no TeXML conference here.",
)
QUEUE = Resource(
    *("queue", "queues", "voice.view_queue", "queue_sid"),
    (
        _NAME,
        _column("Waiting", "current_size", "number"),
        _column("At most", "max_size", "number"),
        _column("Average wait", "average_wait_time", "seconds"),
        _MADE,
    ),
    (_CHANGED,),
    *(queues.at_telnyx, queues.retrieve),
    "Telnyx lists no TeXML queue here. One is also made by a document's Enqueue.",
)
RECORDING = Resource(
    *("recording", "recordings", "voice.view_call", "recording_sid"),
    (
        _column("Started", "start_time date_created", "time"),
        _LENGTH,
        _column("Channels", "channels", "number"),
        _column("Made by", "source"),
        _STATUS,
    ),
    (_CHANGED, _column("Call", "call_sid", "mono"), _column("Conference", "conference_sid", "mono"), _ID),
    *(recordings.at_telnyx, recordings.retrieve),
    "Telnyx lists no recording of a TeXML call here.",
)
TRANSCRIPTION = Resource(
    *("transcription", "transcriptions", "voice.view_call", "recording_transcription_sid"),
    (_MADE, _LENGTH, _STATUS, _column("Call", "call_sid", "mono")),
    (_CHANGED, _column("Recording", "recording_sid", "mono"), _ID),
    *(transcriptions.at_telnyx, transcriptions.retrieve),
    "Telnyx lists no transcription here.",
)
RESOURCES = (CALL, CONFERENCE, QUEUE, RECORDING, TRANSCRIPTION)
PARTICIPANT = (
    _STATUS,
    _column("Label", "label"),
    _column("Muted", "muted"),
    _column("On hold", "hold"),
    _column("Came", "date_created", "time"),
)
MORE_OF_PARTICIPANT = (
    _column("Coaching", "coaching"),
    _column("Coaches", "coaching_call_sid", "mono"),
    _column("Ends it on leaving", "end_conference_on_exit"),
    _CHANGED,
    _column("Call", "call_sid", "mono"),
)


def cells(columns: Iterable[Column], shown: Row) -> list[Cell]:
    """Draw a resource that ``listings.shown`` has made fit for the person."""
    return [Cell(column.title, column.kind, _value(column, shown)) for column in columns]


def facts(columns: Iterable[Column], shown: Row) -> list[Cell]:
    """Draw what Telnyx tells of it; not what it leaves out, nor what the head of the page says."""
    rest = [column for column in columns if column not in _IN_HEAD]
    return [cell for cell in cells(rest, shown) if cell.value != "—"]


def _value(column: Column, shown: Row) -> str:
    value = next((shown[name] for name in column.members if shown.get(name) not in (None, "")), None)
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    if column.kind == "time" and (at := _time(text)):
        return moment(at)
    if column.kind == "seconds":
        return _length(text)
    return visible(pretty(text) if column.kind == "number" else text)


def _time(text: str) -> datetime | None:
    """Read a time of either kind: recordings have ISO 8601, all else RFC 2822."""
    return read_time(text) or read_mail_time(text)


def _length(text: str) -> str:
    return seconds(float(text)) if _SECONDS.fullmatch(text) else visible(text)


# --- Addresses --------------------------------------------------------------------------------------------------------


def key(user: Any, sid: object) -> str:
    """Return what stands for a resource in an address; nothing for a name that this person may not see whole."""
    is_whole = isinstance(sid, str) and sid and masked_for(user, {"sid": sid}) == {"sid": sid}
    return str(sid) if is_whole else ""


def list_page(resource: Resource, account: TelnyxAccount) -> str:
    return f"{reverse(f'admin:voice_texml_{resource.plural}')}?{urlencode({'account': account.pk})}"


def page(resource: Resource, account: TelnyxAccount, sid: str) -> str:
    return reverse(f"admin:voice_texml_{resource.name}", args=[account.pk, sid])


def do(account: TelnyxAccount, action: str, **given: str) -> str:
    """Return the address of a command's page; ``given`` are ids of its address, and values to begin with."""
    query = f"?{urlencode(given)}" if given else ""
    return reverse("admin:voice_texml_do", args=[account.pk, action]) + query


def buttons(user: Any, account: TelnyxAccount, wanted: Iterable[tuple[str, str, dict[str, str]]]) -> list[Any]:
    """Return label, address and operation of those that this person may press."""
    return [
        (label, do(account, action, **given), action) for action, label, given in wanted if rights.may(user, action)
    ]
