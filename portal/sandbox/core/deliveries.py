"""Delivers webhooks: signed, posted, tried again, failed over, and every try written into the ledger.

What counts as delivered and where the next try goes: developers.telnyx.com, "Webhook Fundamentals" and "Receiving
webhooks for programmable voice"; support.telnyx.com article 4374050 (two tries, then the failover URL).
"""

import http.client
import json
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from urllib.parse import SplitResult, urlencode, urlsplit

from nacl.signing import SigningKey

from portal import signatures
from portal.json_types import JsonObject
from portal.sandbox import clock
from portal.sandbox.core import records
from portal.sandbox.core.events import envelope, timestamp
from portal.sandbox.core.faults import Fault, Faults
from portal.sandbox.core.keys import public_key
from portal.sandbox.core.store import Store
from portal.texml.tree import LARGEST

TRIES = 2  # at the primary URL; then one at the failover URL
REPEATED = (408, 429)  # the only 4xx that Telnyx tries again at the same URL
FORM = "application/x-www-form-urlencoded"
DEFAULT_TIMEOUT = 10.0  # seconds; Telnyx tells no number for webhook_timeout_secs null
WORKERS = 16
MOST_RECORDED = 4096  # bytes of an answer that are told in webhook_deliveries
_REORDER_PATIENCE = 2.0  # seconds a reordered event waits for a next one of its leg


@dataclass(frozen=True)
class Delivery:
    """Holds one event on its way. ``lane`` keeps the events of one leg in order; ``seq`` is its row until it is done.

    ``era`` counts the resets of this process: what belongs to an earlier one leaves no trace. A TeXML callback is sent
    as its ``form``, and by GET in the query. One with a ``reply`` asks for a document: it is tried once, and the timer
    of that name is given what came.
    """

    event: JsonObject
    lane: str
    primary: str
    failover: str
    version: str
    timeout: float
    seq: int = 0
    fault: str | None = None
    era: int = 0
    form: dict[str, str] | None = None
    method: str = "POST"
    reply: str = ""
    pauses: list[int] | None = None  # milliseconds before each further try, where a command told them
    token: int = 0  # which of its call's questions it is

    def as_json(self) -> JsonObject:
        return {name: value for name, value in asdict(self).items() if name not in ("seq", "fault", "era")}


@dataclass(frozen=True)
class Answer:
    """Holds an answer's status, and its body and what that is if they were asked for."""

    status: int
    body: bytes = b""
    kind: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass
class _Result:
    """Holds what became of one try: the answer's status, or the error that left it without one."""

    url: str
    attempt: int
    status: int | None = None
    error: str | None = None
    ms: int = 0


class Courier:
    """Posts deliveries from a few threads: one at a time and in order for each lane, lanes side by side."""

    def __init__(self, store: Store, key: SigningKey, faults: Faults, own: clock.Clock, workers: int = WORKERS) -> None:
        """``own`` is the clock of the world whose events these are."""
        self._clock = own
        self._store, self._key, self._faults = store, key, faults
        self.era = 0
        self.on_reply: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._lanes: dict[str, deque[Delivery]] = {}
        self._held: dict[str, list[Delivery]] = {}
        self._timers: list[threading.Timer] = []
        self._ready: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._closing = False
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._work, daemon=True, name="courier") for _ in range(workers)]

    @property
    def public_key(self) -> str:
        return public_key(self._key)

    def start(self) -> None:
        """Take up what an earlier process left, then whatever comes."""
        self.take_up()
        for thread in self._threads:
            thread.start()

    def take_up(self) -> None:
        """Deliver what the store has."""
        for seq, body in self._store.owed_deliveries():
            self.submit(Delivery(**body, seq=seq, era=self.era))

    def close(self) -> None:
        """Stop. What is under way ends by its own timeout; what was not posted stays owed."""
        self._closing = True
        self._stopped.set()
        self._cancel_timers()
        for _ in self._threads:
            self._ready.put(None)
        deadline = time.monotonic() + 2
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def forget(self) -> None:
        """Drop everything; what is under way is not written down any more. Within the store's transaction."""
        self.era += 1
        self._cancel_timers()
        with self._lock:
            self._held.clear()
            for lane in self._lanes.values():
                lane.clear()

    def is_idle(self) -> bool:
        """Whether nothing is under way or waits in a lane."""
        with self._lock:
            return not self._lanes

    def submit(self, delivery: Delivery) -> None:
        """Let a fault have it, or put it at the end of its lane."""
        call = delivery.event["payload"].get("call_control_id")
        fault = self._faults.for_delivery(delivery.event["event_type"], urlsplit(delivery.primary).path, call)
        if fault is None:
            self._enqueue(delivery)
            self._release(delivery.lane)
        else:
            self._spoil(replace(delivery, fault=fault.fault), fault)

    def _cancel_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()

    def _spoil(self, delivery: Delivery, fault: Fault) -> None:
        if fault.fault == "drop":
            dropped = _Result(delivery.primary, 0, error="dropped on request")
            self._enter(delivery, dropped, _told(delivery, delivery.primary, 0))
            self._done(delivery, [records.attempt(delivery.primary, None, clock.time(), clock.time())])
        elif fault.fault == "duplicate":
            self._enqueue(delivery)
            for copy in range(1, int(fault.value or 0)):  # the row belongs to the first
                self._enqueue(replace(delivery, lane=f"{delivery.lane} copy {delivery.seq}.{copy}", seq=0))
        elif fault.fault == "delay":
            own_lane = replace(delivery, lane=f"{delivery.lane} delayed {delivery.seq}")
            self._later(fault.value or 0.0, lambda: self._enqueue(own_lane))
        else:
            with self._lock:
                self._held.setdefault(delivery.lane, []).append(delivery)
            self._later(_REORDER_PATIENCE, lambda: self._release(delivery.lane))

    def _enqueue(self, delivery: Delivery) -> None:
        with self._lock:
            waiting = self._lanes.get(delivery.lane)
            if waiting is not None:
                waiting.append(delivery)
                return
            self._lanes[delivery.lane] = deque([delivery])
        self._ready.put(delivery.lane)

    def _work(self) -> None:
        clock.enter(self._clock)
        while (lane := self._ready.get()) is not None and not self._closing:
            with self._lock:
                waiting = self._lanes[lane]
                delivery = waiting.popleft() if waiting else None
            if delivery:
                self._deliver(delivery)
            self._leave(lane)

    def _leave(self, lane: str) -> None:
        with self._lock:
            if not self._lanes[lane]:
                del self._lanes[lane]
                return
        self._ready.put(lane)

    def _release(self, lane: str) -> None:
        with self._lock:
            held = self._held.pop(lane, [])
        for delivery in held:
            self._enqueue(delivery)

    def _later(self, seconds: float, run: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, run)
        timer.daemon = True
        self._timers = [other for other in self._timers if other.is_alive()] + [timer]
        timer.start()

    def _deliver(self, delivery: Delivery) -> None:
        attempt, tried = 0, list[JsonObject]()
        answer: Answer | None = None
        tries_at_first = 1 if delivery.reply else TRIES
        pauses = [0, *(delivery.pauses or [])]
        if delivery.pauses is not None:
            tries_at_first = len(pauses)
        for url, tries in ((delivery.primary, tries_at_first), (delivery.failover, 1)):
            for place in range(tries if url else 0):
                if delivery.pauses and url == delivery.primary:
                    self._stopped.wait(pauses[min(place, len(pauses) - 1)] / 1000)
                attempt, started = attempt + 1, clock.time()
                answer, sent = self._try(delivery, url, attempt)
                status = answer.status if answer else None
                told = (answer.headers, answer.body[:MOST_RECORDED].decode("latin-1")) if answer else ((), "")
                tried.append(records.attempt(url, status, started, clock.time(), sent, told))
                # at a stop it stays owed, even if it has arrived: the receiver may see it twice, as from Telnyx
                if self._closing or delivery.era != self.era:
                    return
                if status == 200:
                    self._done(delivery, tried, answer)
                    return
                if status is not None and 400 <= status < 500 and status not in REPEATED:
                    break
        self._done(delivery, tried, answer)

    def _try(self, delivery: Delivery, url: str, attempt: int) -> tuple[Answer | None, records.Headers]:
        """Try once; return the answer, and the headers that were sent."""
        kind, body = _content(delivery, url, attempt)
        result, answer = _Result(url, attempt), None
        headers: dict[str, str] = {}
        started = time.monotonic()
        try:
            headers = {"Content-Type": kind} | signatures.sign(_signed(delivery, body), self._key, time.time())
            answer = self._send(delivery, url, headers, body)
            result.status = answer.status
        except (OSError, http.client.HTTPException, ValueError) as problem:
            result.error = f"{type(problem).__name__}: {problem}"
        result.ms = round((time.monotonic() - started) * 1000)
        self._enter(delivery, result, _told(delivery, url, attempt))
        return answer, tuple(headers.items())

    def _send(self, delivery: Delivery, url: str, headers: dict[str, str], body: bytes) -> Answer:
        if delivery.method == "GET":  # what is signed is the body, and that is empty: the query is not covered
            parts = urlsplit(url)
            url = parts._replace(query="&".join(filter(None, (parts.query, body.decode())))).geturl()
            body = b""
        most = LARGEST + 1 if delivery.reply else MOST_RECORDED
        return send(delivery.method, url, body, headers, delivery.timeout, most)

    def _enter(self, delivery: Delivery, result: _Result, body: JsonObject) -> None:
        line = {
            "event_id": delivery.event["id"],
            "event_type": delivery.event["event_type"],
            "call_control_id": delivery.event["payload"].get("call_control_id"),
            "fault": delivery.fault,
            "body": body,
            "at": timestamp(clock.time()),
        }
        if not self._closing:
            with self._store.transaction():
                if delivery.era == self.era:
                    self._store.enter("deliveries", line | asdict(result))

    def _done(self, delivery: Delivery, tried: list[JsonObject], answer: Answer | None = None) -> None:
        if not delivery.seq or self._closing:
            return
        with self._store.transaction():
            self._store.drop_delivery(delivery.seq)
            if delivery.era == self.era:
                resource = records.RECORDS if delivery.form is None else records.TEXML
                records.keep(self._store, delivery.event, tried, resource)
                self._reply(delivery, answer)
        self.on_reply()

    def _reply(self, delivery: Delivery, answer: Answer | None) -> None:
        if delivery.reply:
            came: JsonObject = {"url": delivery.primary, "token": delivery.token, "status": answer and answer.status}
            came["body"] = answer.body.decode("latin-1") if answer else ""  # whatever bytes they are
            came["kind"] = answer.kind if answer else ""
            call_id = delivery.event["payload"]["call_control_id"]
            self._store.add_timer(clock.time(), call_id, delivery.reply, came)


def send(method: str, url: str, body: bytes, headers: dict[str, str], timeout: float, most: int = 0) -> Answer:
    """Ask as Telnyx does; return the answer with ``most`` bytes of its body. Redirects are answers like any other.

    ``timeout`` in seconds.
    """
    parts = urlsplit(url)
    connection = _connection(parts, timeout)
    try:
        connection.request(
            method, _target(parts), body, {"User-Agent": "telnyx-webhooks", "Connection": "close"} | headers
        )
        with connection.getresponse() as answer:
            return Answer(
                answer.status,
                answer.read(most) if most else b"",
                answer.headers.get_content_type(),
                tuple(answer.headers.items()),
            )
    finally:
        connection.close()


def _content(delivery: Delivery, url: str, attempt: int) -> tuple[str, bytes]:
    if delivery.form is not None:
        return FORM, urlencode(delivery.form).encode()
    if delivery.method == "GET":
        return FORM, urlencode(_flat(_told(delivery, url, attempt))).encode()
    return "application/json", json.dumps(_told(delivery, url, attempt)).encode()


def _told(delivery: Delivery, url: str, attempt: int) -> JsonObject:
    """Return what is posted: a form as it is, or an event in its envelope."""
    return delivery.form or envelope(delivery.event, delivery.version, attempt, url)


def _signed(delivery: Delivery, body: bytes) -> bytes:
    """Return what is signed: by GET the body is empty, and the query is not covered."""
    return b"" if delivery.method == "GET" else body


def _flat(told: JsonObject) -> dict[str, str]:
    """Return an event as parameters of a query. Telnyx names the members of the payload so, and writes down no more."""
    event = told.get("data", told)
    flat = {name: value for name, value in event.items() if name != "payload"} | event["payload"]
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in flat.items()}
    return {name: text for name, text in texts.items() if flat[name] is not None}


def _connection(parts: SplitResult, timeout: float) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=timeout)


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
