"""Takes what an application sends over a media WebSocket: sound, marks, and that all of it be forgotten.

What it may send: developers.telnyx.com, "Stream call media over WebSocket". The codes of ``error`` are those of
Telnyx's guide to media streaming.
"""

import base64
import binascii
import json
from collections import deque
from dataclasses import dataclass, field

from portal.json_types import JsonObject

FILE_SECONDS = 2.0  # of an MP3, as everything that is played here
LONGEST = 30.0  # seconds of one frame of sound
_NEARLY = 1e-6  # seconds: Unix seconds are told apart by less than that, and not by nothing
MARKS_TOLD = 100  # the newest
_PER_SECOND = {"PCMU": 8000, "PCMA": 8000, "G722": 8000}  # bytes
_COMPRESSED_SECONDS = 0.02  # of a frame of the others: how long it is, only its codec knows
_MALFORMED, _INVALID, _TOO_MANY = (
    (100_003, "malformed_frame"),
    (100_004, "invalid_media"),
    (100_005, "rate_limit_reached"),
)


class Wrong(Exception):
    """What came is not taken: the code and the title of the answer, and in words why."""

    def __init__(self, kind: tuple[int, str], detail: str) -> None:
        super().__init__(detail)
        self.code, self.title = kind


@dataclass
class Heard:
    """Counts what came. ``seconds`` is how long the sound is."""

    media: int = 0
    bytes: int = 0
    seconds: float = 0.0
    clears: int = 0
    refused: int = 0
    marks: list[str] = field(default_factory=list)
    marks_answered: int = 0


class Listener:
    """Plays what comes, as far as the time that it takes; ``pace`` multiplies that."""

    def __init__(self, mode: str, codec: str, rate: int, pace: float) -> None:
        self._mode, self._pace = mode, pace
        self._per_second = rate * 2 if codec == "L16" else _PER_SECOND.get(codec)
        self.heard = Heard()
        self._until = 0.0  # when what came so far was played
        self._last_file = -1.0
        self._waiting: deque[tuple[float, str]] = deque()

    def take(self, message: str | bytes, now: float) -> str:
        """Take one message; return what it is. ``Wrong`` says what is wrong with it."""
        try:
            frame = _read(message)
            event: str = frame["event"]
            if event == "media":
                self._play(frame, now)
            elif event == "mark":
                self._mark(frame, now)
            else:
                self._clear(now)
        except Wrong:
            self.heard.refused += 1
            raise
        return event

    def is_silent(self, now: float) -> bool:
        return now + _NEARLY >= self._until

    def passed(self, now: float) -> list[str]:
        """Return the marks that were come to by now, once."""
        passed = []
        while self._waiting and self._waiting[0][0] <= now + _NEARLY:
            passed.append(self._waiting.popleft()[1])
        self.heard.marks_answered += len(passed)
        return passed

    def _play(self, frame: JsonObject, now: float) -> None:
        sound = _sound(frame)
        seconds = self._length(sound, now)
        self._until = max(self._until, now) + seconds * self._pace
        heard = self.heard
        heard.media, heard.bytes, heard.seconds = heard.media + 1, heard.bytes + len(sound), heard.seconds + seconds

    def _length(self, sound: bytes, now: float) -> float:
        if self._mode != "rtp":
            if not sound.startswith(b"ID3") and not (sound[:1] == b"\xff" and sound[1:2] >= b"\xe0"):
                raise Wrong(_INVALID, "This is no MP3; a stream that takes samples has the bidirectional mode rtp.")
            if self._last_file >= 0 and now - self._last_file + _NEARLY < self._pace:
                raise Wrong(_TOO_MANY, "One MP3 a second is taken.")
            self._last_file = now
            return FILE_SECONDS
        seconds = len(sound) / self._per_second if self._per_second else _COMPRESSED_SECONDS
        if not 0 < seconds <= LONGEST:
            raise Wrong(_INVALID, f"A frame has 20 ms to {LONGEST:g} s of sound.")
        return seconds

    def _mark(self, frame: JsonObject, now: float) -> None:
        mark = frame.get("mark")
        name = mark.get("name") if isinstance(mark, dict) else None
        if not isinstance(name, str):
            raise Wrong(_MALFORMED, "A mark has a name: mark.name.")
        self.heard.marks = [*self.heard.marks, name][-MARKS_TOLD:]
        self._waiting.append((max(self._until, now), name))

    def _clear(self, now: float) -> None:
        """Stop what is played; marks that wait behind it are come to."""
        self.heard.clears += 1
        self._until = now
        self._waiting = deque((now, name) for _, name in self._waiting)


def _read(message: str | bytes) -> JsonObject:
    if isinstance(message, bytes):
        raise Wrong(_MALFORMED, "A frame is a text of JSON, not bytes.")
    try:
        frame = json.loads(message)
    except (ValueError, RecursionError):
        raise Wrong(_MALFORMED, "A frame is a text of JSON.") from None
    if not isinstance(frame, dict) or frame.get("event") not in ("media", "mark", "clear"):
        raise Wrong(_MALFORMED, "An application sends the events media, mark and clear.")
    return frame


def _sound(frame: JsonObject) -> bytes:
    media = frame.get("media")
    payload = media.get("payload") if isinstance(media, dict) else None
    if not isinstance(payload, str):
        raise Wrong(_MALFORMED, "Sound has a payload: media.payload.")
    try:
        return base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        raise Wrong(_INVALID, "media.payload is no base64.") from None
