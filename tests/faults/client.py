"""A Telnyx that remembers: posts really signed webhooks from threads, and keeps what each request was answered."""

import contextlib
import hashlib
import http.client
import json
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from nacl.signing import SigningKey

from portal import signatures
from tests.faults.processes import TELNYX_KEY, Line, Portal
from tests.support.factories import make_event

CANARY = "+13125550187"  # the caller's number, which no log may show whole
CALLED = "+13125550188"
_TIMEOUT = 120  # seconds: longer than any answer takes, so that "no answer" means a broken connection


@dataclass(frozen=True)
class Sent:
    """One request and what became of it. ``status`` is None when the connection broke before an answer."""

    event_id: str
    body: bytes
    trusted: bool  # signed with the right key, in time
    at: float
    seconds: float
    status: int | None
    headers: dict[str, str] = field(default_factory=dict)
    answer: bytes = b""
    error: str = ""

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True)
class Leg:
    """One leg of a call, in Telnyx's ids. ``real`` ones ring at the sandbox, which carries their commands out."""

    line: Line
    call_control_id: str
    call_leg_id: str
    call_session_id: str
    real: bool = False

    def event(self, event_type: str, seconds: float = 0, **payload: Any) -> dict[str, Any]:
        """The whole envelope; it occurred ``seconds`` after (or before) now."""
        ids = {name: getattr(self, name) for name in ("call_control_id", "call_leg_id", "call_session_id")}
        told = ids | {"connection_id": self.line.connection_id, "from": CANARY, "to": CALLED}
        return make_event(event_type, seconds, leg=self.call_control_id, **(told | payload))

    def life(self) -> list[dict[str, Any]]:
        """A call that is answered, asked for a digit, and hangs up; a second between one event and the next."""
        return [
            self.event("call.initiated", -5),
            self.event("call.answered", -4),
            self.event("call.gather.ended", -3, digits="1", status="valid"),
            self.event("call.speak.ended", -2),
            self.event("call.hangup", -1),
        ]


class Client:
    """Posts to one line of a portal and keeps ``history``."""

    def __init__(self, portal: Portal, line: Line, key: SigningKey = TELNYX_KEY) -> None:
        self.portal, self.line, self.key = portal, line, key
        self.history: list[Sent] = []

    def ring(self, scenario: str = "transferred") -> Leg:
        """Somebody calls at the sandbox; the portal has not heard of it yet."""
        ids = self.portal.telnyx.ring(self.line.connection_id, scenario, **{"from": CANARY, "to": CALLED})
        return Leg(self.line, **ids, real=True)

    def leg(self) -> Leg:
        """A leg that only its events tell of: commands for it are refused."""
        return Leg(self.line, f"v3:{secrets.token_urlsafe(16)}", str(uuid.uuid4()), str(uuid.uuid4()))

    def post(self, event: Any, *, port: int | None = None, key: SigningKey | None = None, age: float = 0) -> Sent:
        """One request with an event (or raw bytes), signed ``age`` seconds ago, to be taken up by ``history``."""
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        headers = signatures.sign(body, key or self.key, time.time() - age)
        event_id = event["data"]["id"].lower() if isinstance(event, dict) else ""
        trusted = key is None and abs(age) < signatures.TOLERANCE_SECONDS
        begin, at = time.monotonic(), time.time()
        try:
            status, told, answer = _post(port or self.portal.port, self.line.path, body, headers)
            error = ""
        except (OSError, http.client.HTTPException) as broken:
            status, told, answer, error = None, {}, b"", type(broken).__name__
        sent = Sent(event_id, body, trusted, at, time.monotonic() - begin, status, told, answer, error)
        self.history.append(sent)
        return sent

    def post_all(self, events: Iterable[Any], threads: int = 16, **how: Any) -> list[Sent]:
        """All of them from so many threads at once, in no order."""
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(lambda event: self.post(event, **how), events))

    def at_once(self, event: Any, ports: list[int]) -> list[Sent]:
        """The same event to each of the ports in the same moment."""
        barrier = threading.Barrier(len(ports))

        def post(port: int) -> Sent:
            barrier.wait(60)
            return self.post(event, port=port)

        with ThreadPoolExecutor(len(ports)) as pool:
            return list(pool.map(post, ports))

    def insist(self, event: Any, seconds: float = 180, **how: Any) -> Sent:
        """As Telnyx does, only longer: again until it is answered 200."""
        deadline = time.monotonic() + seconds
        while (sent := self.post(event, **how)).status != 200:
            assert time.monotonic() < deadline, f"still {sent.status} {sent.error} {sent.answer!r}"
            time.sleep(0.2)
        return sent

    def answered(self, status: int) -> list[Sent]:
        return [sent for sent in self.history if sent.status == status]


class Load:
    """``with Load(client):`` events arrive all the while from ``threads``, each whole leg in order.

    About ``threads / pause`` a second: what breaks is to meet traffic, not an overload.
    """

    def __init__(self, client: Client, threads: int = 4, pause: float = 0.1, real: bool = False) -> None:
        self.client, self.pause, self.real = client, pause, real
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(120)

    def _run(self) -> None:
        while not self._stopping.is_set():
            leg = self.client.leg()
            with contextlib.suppress(OSError, AssertionError):
                leg = self.client.ring() if self.real else leg
            for event in leg.life():
                if self._stopping.is_set():
                    return
                self.client.post(event)
                self._stopping.wait(self.pause)


def burst(make: Callable[[], Leg], legs: int) -> list[dict[str, Any]]:
    """The events of so many whole calls."""
    return [event for _ in range(legs) for event in make().life()]


def _post(port: int, path: str, body: bytes, signed: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
    headers = {"Content-Type": "application/json", "User-Agent": "telnyx-webhooks", "Connection": "close"}
    try:
        connection.request("POST", path, body, headers | signed)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()
