"""Writes what Telnyx sends over a media WebSocket, and the tone that its callers whistle.

Shapes: developers.telnyx.com, "Stream call media over WebSocket" and "Media Streaming over WebSockets".
"""

import base64
import math
from itertools import count

from portal.json_types import JsonObject
from portal.sandbox.core.events import timestamp

SECONDS = 0.02  # of one frame
RATE = 8000  # samples a second, one byte each
CONNECTED: JsonObject = {"event": "connected", "version": "1.0.0"}
TOKEN = "x-telnyx-streaming-auth-token"  # noqa: S105  a name
FORMAT: JsonObject = {"encoding": "PCMU", "sample_rate": RATE, "channels": 1}  # what every call has here
_SAMPLES, _PITCH = round(RATE * SECONDS), 440
_AFTER = 5  # frames after which 440 Hz repeats: 44 waves
_LOUDEST, _BIAS = 32_635, 132  # ITU-T G.711
_SILENCE = base64.b64encode(b"\xff" * _SAMPLES).decode()


def tone(number: int) -> str:
    """Return the frame of that number of a tone, in base64: 20 ms of PCMU."""
    return _TONE[number % _AFTER]


class Writer:
    """Writes the frames of one stream, and counts them."""

    def __init__(self, stream_id: str, token: str | None, start: JsonObject, track: str) -> None:
        self._id, self._token, self._start = stream_id, token, start
        self._tracks = ("inbound", "outbound") if track == "both_tracks" else (track.removesuffix("_track"),)
        self._numbers = count(1)
        self.chunks = 0

    def begin(self) -> list[JsonObject]:
        connected = CONNECTED | ({"connected": {TOKEN: self._token}} if self._token else {})
        return [connected, self._numbered("start", {"start": self._start})]

    def media(self) -> list[JsonObject]:
        """Return the next 20 ms: of whom is heard the tone, of whom we let speak silence."""
        self.chunks += 1
        at = {"chunk": str(self.chunks), "timestamp": str(round((self.chunks - 1) * SECONDS * 1000))}
        return [
            self._numbered("media", {"media": {"track": one, **at, "payload": self._heard(one)}})
            for one in self._tracks
        ]

    def skip(self, chunks: int) -> None:
        """Leave out so many: they are lost, as packets are."""
        self.chunks += chunks

    def dtmf(self, digit: str, at: float) -> JsonObject:
        return self._numbered("dtmf", {"occurred_at": timestamp(at), "dtmf": {"digit": digit}})

    def mark(self, name: str) -> JsonObject:
        return self._numbered("mark", {"mark": {"name": name}})

    def error(self, code: int, title: str, detail: str) -> JsonObject:
        return self._numbered("error", {"payload": {"code": code, "title": title, "detail": detail}})

    def stop(self) -> JsonObject:
        ids = {name: self._start[name] for name in ("user_id", "call_control_id")}
        return self._numbered("stop", {"stop": ids})

    def _heard(self, track: str) -> str:
        return tone(self.chunks - 1) if track == "inbound" else _SILENCE

    def _numbered(self, event: str, more: JsonObject) -> JsonObject:
        return {"event": event, "sequence_number": str(next(self._numbers)), "stream_id": self._id, **more}


def _mu_law(sample: int) -> int:
    """Return a sample of 16 bits as the eight that a telephone sends (G.711)."""
    magnitude = min(abs(sample), _LOUDEST) + _BIAS
    exponent = magnitude.bit_length() - 8
    return ~((0x80 if sample < 0 else 0) | exponent << 4 | magnitude >> (exponent + 3) & 0x0F) & 0xFF


def _whistle(frame: int) -> str:
    every = range(frame * _SAMPLES, (frame + 1) * _SAMPLES)
    return base64.b64encode(
        bytes(_mu_law(round(8000 * math.sin(2 * math.pi * _PITCH * at / RATE))) for at in every)
    ).decode()


_TONE = tuple(_whistle(frame) for frame in range(_AFTER))
