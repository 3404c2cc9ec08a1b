"""Writes what Telnyx sends over a media WebSocket; whom it hears whistles a tone.

Shapes: developers.telnyx.com, "Stream call media over WebSocket" and "Media Streaming over WebSockets".
"""

from itertools import count

from portal.json_types import JsonObject
from portal.sandbox.core.events import timestamp
from portal.sandbox.streaming.codecs import SECONDS, silence, tone

CONNECTED: JsonObject = {"event": "connected", "version": "1.0.0"}
TOKEN = "x-telnyx-streaming-auth-token"  # noqa: S105  a name


class Writer:
    """Writes the frames of one stream, and counts them."""

    def __init__(self, stream_id: str, token: str | None, start: JsonObject, track: str) -> None:
        self._id, self._token, self._start = stream_id, token, start
        sent = start["media_format"]
        self._tone = tone(sent["encoding"], sent["sample_rate"])
        self._silence = silence(sent["encoding"], sent["sample_rate"])
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
        return self._tone[(self.chunks - 1) % len(self._tone)] if track == "inbound" else self._silence

    def _numbered(self, event: str, more: JsonObject) -> JsonObject:
        return {"event": event, "sequence_number": str(next(self._numbers)), "stream_id": self._id, **more}
