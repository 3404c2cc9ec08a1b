"""Opens the WebSockets of a world's streams, and keeps each talking until its stream or its call is over.

What a stream is stands in the store, so that a restart opens it again: ``KIND``, one object each. What becomes of it is
told by a timer of its call, as the answer to a question for a document is.
"""

import json
import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict

from portal.json_types import JsonObject
from portal.sandbox.clock import Clock
from portal.sandbox.core.events import timestamp
from portal.sandbox.core.store import Store
from portal.sandbox.streaming.codecs import SECONDS
from portal.sandbox.streaming.frames import TOKEN, Writer
from portal.sandbox.streaming.listener import Listener, Wrong
from portal.sandbox.streaming.websocket import Closed, WebSocket

KIND = "streams"  # in the store, and in the ledger
CONNECTING, OPEN, STOPPED, FAILED = "connecting", "open", "stopped", "failed"
MOST = 200  # at once, of one world
KEPT = 2000  # objects
CAUGHT_UP = 3000  # frames that are sent at once when time leaps: a minute. What is more is lost
_CONNECT_SECONDS = 5.0
_LOOK = 0.02  # seconds between looks at what is to be done
_NEARLY = 1e-3  # of a frame: Unix seconds are told apart by less than that, and not by nothing
_BEHIND = 0.25  # seconds that a stream may be behind a running clock and count as quiet


class Line:
    """Runs one stream in a thread of its own."""

    def __init__(self, stream: JsonObject, store: Store, own: Clock, pace: float, told: Callable[[], None]) -> None:
        self.stream = stream
        self._store, self._clock, self._pace, self._told = store, own, pace, told
        self._writer = Writer(stream["id"], stream["token"], stream["start"], stream["track"])
        self._listener = Listener(stream["mode"], stream["codec"], stream["rate"], pace)
        self._keys: deque[str] = deque()
        self._stopping, self._dropped = threading.Event(), threading.Event()
        self._sent_until: float | None = None  # until when everything was sent; None while it connects
        self.thread = threading.Thread(target=self._run, daemon=True, name="stream")

    def press(self, digit: str) -> None:
        self._keys.append(digit)

    def stop(self) -> None:
        """Take leave of the other side."""
        self._stopping.set()

    def drop(self) -> None:
        """Hang up, and leave no trace."""
        self._dropped.set()
        self._stopping.set()

    def is_quiet(self) -> bool:
        """Whether everything was sent that is due by now."""
        if not self.thread.is_alive():
            return True
        patience = 0.0 if self._clock.stands else _BEHIND
        is_sent = self._sent_until is not None and self._sent_until + patience >= self._clock.time()
        return is_sent and not self._keys

    def counted(self) -> JsonObject:
        return {"sent": self._writer.chunks, "received": asdict(self._listener.heard)}

    def _run(self) -> None:
        token = self.stream["token"]
        headers = {"User-Agent": "telnyx-media-streaming"} | ({TOKEN: token} if token else {})
        try:
            socket = WebSocket.connect(self.stream["url"], headers, _CONNECT_SECONDS)
        except Closed as problem:
            self._tell(FAILED, str(problem))
            return
        self._tell(OPEN)
        try:
            self._talk(socket)
            reason = "the call or the stream ended"
        except Closed as problem:
            reason = str(problem)
        self._tell(STOPPED, reason)
        self._sent_until = math.inf
        socket.close()

    def _talk(self, socket: WebSocket) -> None:
        self._send(socket, *self._writer.begin())
        began = self._clock.time()
        while not self._stopping.is_set():
            now = self._clock.time()
            self._send_due(socket, began, now)
            self._send(socket, *map(self._writer.mark, self._listener.passed(now)))
            self._send_keys(socket, now)
            self._sent_until = now
            message = socket.receive(self._pause(began))
            if message is not None:
                self._take(socket, message)
        if not self._dropped.is_set():
            self._send_keys(socket, self._clock.time())  # a key may be pressed just before the end
            self._send(socket, self._writer.stop())

    def _send_keys(self, socket: WebSocket, now: float) -> None:
        while self._keys:
            self._send(socket, self._writer.dtmf(self._keys.popleft(), now))

    def _send_due(self, socket: WebSocket, began: float, now: float) -> None:
        due = math.floor((now - began) / (SECONDS * self._pace) + _NEARLY) - self._writer.chunks
        self._writer.skip(max(0, due - CAUGHT_UP))
        for _ in range(min(due, CAUGHT_UP)):
            self._send(socket, *self._writer.media())

    def _pause(self, began: float) -> float:
        following = began + (self._writer.chunks + 1) * SECONDS * self._pace - self._clock.time()
        return min(max(following, 0.001), _LOOK)

    def _take(self, socket: WebSocket, message: str | bytes) -> None:
        now = self._clock.time()
        was_silent = self._listener.is_silent(now)
        try:
            what = self._listener.take(message, now)
        except Wrong as problem:
            self._send(socket, self._writer.error(problem.code, problem.title, str(problem)))
            self._enter("error", detail=str(problem))
            return
        if what != "media" or was_silent:  # of sound only that it begins
            self._enter(what)

    def _send(self, socket: WebSocket, *frames: JsonObject) -> None:
        for frame in frames:
            socket.send(json.dumps(frame))

    def _tell(self, state: str, why: str = "") -> None:
        """Keep what became of it, and let the call know, unless it was the call that ended it."""
        if self._dropped.is_set():  # the store may be closed by now
            return
        with self._store.transaction():
            if self._dropped.is_set():
                return
            note = self.stream.get("note") if state == OPEN else ""
            self._enter(state, **({"why": why} if why else {}), **({"note": note} if note else {}))
            kept = self._store.get(KIND, self.stream["id"]) or self.stream
            is_over = kept["state"] == STOPPED  # by the call or by a command: they know
            became = {} if is_over else {"state": state, "why": why}
            self._store.put(KIND, kept["id"], kept | became | self.counted())
            if became and kept["state"] != state:
                told = {"id": kept["id"], "state": state, "why": why}
                self._store.add_timer(self._clock.time(), kept["call_control_id"], kept["reply"], told)
        self._told()

    def _enter(self, event_type: str, **more: str) -> None:
        ids = {"stream_id": self.stream["id"], "call_control_id": self.stream["call_control_id"]}
        at = {"at": timestamp(self._clock.time()), "url": self.stream["url"]}
        self._store.enter(KIND, ids | at | {"event_type": event_type} | more | self.counted())


class Streamer:
    """Keeps the lines of one world. ``on_news`` is called when something was told to a call."""

    def __init__(self, store: Store, own: Clock, pace: float) -> None:
        self.on_news: Callable[[], None] = lambda: None
        self._store, self._clock, self._pace = store, own, pace
        self._lock = threading.Lock()
        self._lines: dict[str, Line] = {}

    def take_up(self) -> None:
        """Open again what the store has open."""
        for stream in self._store.all(KIND):
            if stream["state"] in (CONNECTING, OPEN):
                self.open(stream)

    def open(self, stream: JsonObject) -> None:
        line = Line(stream, self._store, self._clock, self._pace, self._news)
        with self._lock:
            self._lines = {id: other for id, other in self._lines.items() if other.thread.is_alive()}
            self._lines[stream["id"]] = line
            line.thread.start()

    def is_full(self) -> bool:
        with self._lock:
            return sum(line.thread.is_alive() for line in self._lines.values()) >= MOST

    def press(self, call_control_id: str, digit: str) -> None:
        """Tell the streams of a call of a key."""
        for line in self._every():
            if line.stream["call_control_id"] == call_control_id:
                line.press(digit)

    def stop(self, id: str) -> None:
        with self._lock:
            line = self._lines.get(id)
        if line:
            line.stop()

    def counted(self, id: str) -> JsonObject:
        """Return what a stream that is open sent and received so far; nothing of others: the store has it."""
        with self._lock:
            line = self._lines.get(id)
        return line.counted() if line and line.thread.is_alive() else {}

    def is_idle(self) -> bool:
        return all(line.is_quiet() for line in self._every())

    def forget(self) -> None:
        """Hang up everything, without a trace. Within the store's transaction, or before it is closed."""
        for line in self._every():
            line.drop()
        with self._lock:
            self._lines = {}

    def close(self) -> None:
        """Hang up; what is open in the store is opened again at the next start."""
        every = self._every()
        self.forget()
        for line in every:
            line.thread.join(2)

    def _every(self) -> list[Line]:
        with self._lock:
            return list(self._lines.values())

    def _news(self) -> None:
        self.on_news()
