"""Reads from events what was pressed and said on a leg: keys, within a menu and outside of any, words, an assistant's.

Pure, and the same for any order in which they came: each key is told once, by the menu that asked for it or alone.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from portal.times import read_time
from voice.models import CallEvent

PRESSED, ANSWERED, SAID, ASSISTANT = "pressed", "answered", "said", "the assistant said"
_KEY, _CONVERSATION = "call.dtmf.received", "call.conversation.ended"
_MENUS, _ASSISTED = ("call.gather.ended", "texml.gather"), ("call.ai_gather.ended", "texml.ai_gather")
_WORDS = ("call.transcription", "texml.transcription")
TYPES = (_KEY, *_MENUS, *_ASSISTED, *_WORDS, _CONVERSATION)

_END_KEYS = "#*"  # one of them, by default #, ends a menu and is none of its digits
_MOMENT = timedelta(seconds=0.5)  # a key and the end of its menu are told at once, in either order
_PAUSE = timedelta(seconds=5)  # keys with less between them were pressed in one go
_SPEAKERS = {"user": SAID, "assistant": ASSISTANT}
_MOST_MESSAGES, _MOST_WORDS = 100, 1000


@dataclass(frozen=True)
class Heard:
    """Holds what was pressed or said at a time: ``keys``, ``words``, or what an assistant ``gathered`` of a caller."""

    at: datetime
    leg: Any  # the key of its call
    who: str
    keys: str = ""
    words: str = ""
    gathered: Any = None
    outcome: str = ""


def of(events: Iterable[CallEvent]) -> list[Heard]:
    """Tell it leg by leg, each in the order in which it happened."""
    legs: dict[Any, list[CallEvent]] = {}
    for event in sorted(events, key=lambda event: (event.happened_at, event.event_type != _KEY, str(event.pk))):
        legs.setdefault(event.call_id, []).append(event)
    return [one for told in legs.values() for one in sorted(_of_leg(told), key=lambda one: one.at)]


def _of_leg(told: Sequence[CallEvent]) -> Iterator[Heard]:
    yield from _keys_alone(told)
    known = {(one.who, one.words) for event in told if event.event_type == _CONVERSATION for one in _talk(event)}
    for event in told:
        fields = _fields(event)
        if event.event_type in _MENUS:
            keys, words, outcome = _digits(event), _text(fields, "SpeechResult"), _text(fields, "status")
            yield Heard(event.happened_at, event.call_id, ANSWERED, keys, words, outcome=outcome)
        elif event.event_type in _ASSISTED:
            yield from (one for one in _talk(event) if (one.who, one.words) not in known)
            gathered = fields.get("result") or _unpacked(fields.get("Base64Result"))
            outcome = _text(fields, "status") or _text(fields, "Status")
            yield Heard(event.happened_at, event.call_id, ANSWERED, gathered=gathered, outcome=outcome)
        elif event.event_type == _CONVERSATION:
            yield from _talk(event)
        elif event.event_type in _WORDS and (words := _transcript(fields)):
            yield Heard(event.happened_at, event.call_id, SAID, words=words)


# --- keys -------------------------------------------------------------------------------------------------------------


def _keys_alone(told: Sequence[CallEvent]) -> Iterator[Heard]:
    """Tell the keys that no menu tells; those pressed in one go together."""
    keys = [event for event in told if event.event_type == _KEY and _text(_fields(event), "digit")]
    begin = None
    for menu in (event for event in told if event.event_type in _MENUS):
        taken = _keys_of(menu, [key for key in keys if begin is None or key.happened_at > begin])
        keys = [key for key in keys if key.pk not in taken]
        begin = menu.happened_at - _MOMENT
    for run in _runs(keys, [event.happened_at for event in told if event.event_type in _MENUS]):
        yield Heard(run[0].happened_at, run[0].call_id, PRESSED, "".join(_text(_fields(key), "digit") for key in run))


def _keys_of(menu: CallEvent, keys: Sequence[CallEvent]) -> set[Any]:
    """Find the keys that the menu tells as its digits, the last one first, and the key that ended it."""
    rest, taken = _digits(menu), set[Any]()
    for key in reversed([key for key in keys if key.happened_at <= menu.happened_at + _MOMENT]):
        digit = _text(_fields(key), "digit")
        ends_it = not taken and digit in _END_KEYS and key.happened_at >= menu.happened_at - _MOMENT
        if rest.endswith(digit):
            rest = rest[: -len(digit)]
        elif not ends_it:
            continue
        taken.add(key.pk)
    return taken


def _runs(keys: Sequence[CallEvent], ends: Sequence[datetime]) -> Iterator[list[CallEvent]]:
    run: list[CallEvent] = []
    for key in keys:
        before = run[-1].happened_at if run else key.happened_at
        if run and (key.happened_at - before > _PAUSE or any(before < end <= key.happened_at for end in ends)):
            yield run
            run = []
        run.append(key)
    if run:
        yield run


def _digits(event: CallEvent) -> str:
    fields = _fields(event)
    return _text(fields, "digits") or _text(fields, "Digits")


# --- words ------------------------------------------------------------------------------------------------------------


def _talk(event: CallEvent) -> Iterator[Heard]:
    """Tell what caller and assistant said; at the time of the event where the message has none of its own."""
    fields = _fields(event)
    told = fields.get("messages") or fields.get("message_history") or _unpacked(fields.get("Base64MessageHistory"))
    for message in told[:_MOST_MESSAGES] if isinstance(told, list) else ():
        role, words = (_text(message, name) for name in ("role", "content")) if isinstance(message, dict) else ("", "")
        if role in _SPEAKERS and words:
            at = read_time(message.get("timestamp")) or event.happened_at
            yield Heard(at, event.call_id, _SPEAKERS[role], words=words[:_MOST_WORDS])


def _transcript(fields: Mapping[str, Any]) -> str:
    data = fields.get("transcription_data")
    told = data if isinstance(data, dict) else fields
    if told.get("is_final") is False:
        return ""
    return str(told.get("transcript") or told.get("TranscriptionText") or "")[:_MOST_WORDS]


def _unpacked(packed: Any) -> Any:
    """Read TeXML's JSON in base64; None for what is none."""
    try:
        return json.loads(base64.b64decode(packed)) if isinstance(packed, str) else None
    except (binascii.Error, ValueError, RecursionError):
        return None


def _fields(event: CallEvent) -> Mapping[str, Any]:
    return event.payload if isinstance(event.payload, dict) else {}


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return str(value) if isinstance(value, str | int) else ""
