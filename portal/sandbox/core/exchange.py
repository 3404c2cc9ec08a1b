"""Exchanges calls, and is the one place that knows the time, the open calls, the timers and who is told what.

Everything that happens, asked for by a client or due by the clock, happens inside ``transaction()``; events leave
when it is committed, so that nobody hears of what was not kept.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from typing import Any, Protocol

from portal.json_types import JsonObject
from portal.sandbox.chance import Chance
from portal.sandbox.chance import within as drawn
from portal.sandbox.clock import Clock, within
from portal.sandbox.core import events
from portal.sandbox.core.deliveries import DEFAULT_TIMEOUT, Courier, Delivery
from portal.sandbox.core.store import Call, Store, Timer
from portal.sandbox.strictness import ignoring

TimerFunction = Callable[["Exchange", Call, JsonObject], None]
Party = Callable[["Exchange", Call, str], None]
Teller = Callable[["Exchange", Call, str, JsonObject], None]

CALL_CONTROL, TEXML = "call_control_applications", "texml_applications"
KEPT_SECONDS = 86_400.0  # ended calls and command ids older than this are dropped
OUTLIVING = ("recording_saved", "insights", "sounded")  # timers that the end of their call does not stop
_IDLE = 60.0  # seconds between looks when nothing is due
_logger = logging.getLogger(__name__)


class Streamer(Protocol):
    """Streams the sound of calls elsewhere, beside what happens here."""

    def open(self, stream: JsonObject) -> None: ...
    def press(self, call_control_id: str, digit: str) -> None: ...
    def stop(self, id: str) -> None: ...
    def counted(self, id: str) -> JsonObject: ...
    def is_full(self) -> bool: ...
    def is_idle(self) -> bool: ...


class Exchange:
    """Keeps the open calls, and runs everything that happens to them.

    ``pace`` multiplies every duration of a call. ``timers`` says what each timer's name does; ``party`` is told of what
    happens to a leg (started, answered, gathering, bridged, ending, ended) and sees to what follows. ``texml`` tells of
    a TeXML leg, in forms of its own, what is told of others in events: it is given their type and payload.
    """

    def __init__(
        self,
        store: Store,
        courier: Courier,
        streamer: Streamer,
        pace: float,
        timers: Mapping[str, TimerFunction],
        party: Party,
        texml: Teller,
        clock: Clock | None = None,
        chance: Chance | None = None,
    ) -> None:
        self.clock, self.chance = clock or Clock(), chance or Chance()
        self.store, self.courier, self.streamer, self.pace = store, courier, streamer, pace
        self.ignores_unknown = False  # of requests: members that the SDK does not know
        self.media_url, self.media_key = (
            "",
            b"",
        )  # where recordings are heard, and what signs the links: the server tells
        self._timers, self._party, self._texml = timers, party, texml
        self._open: dict[str, tuple[Call, Call]] = {}  # as it is now, as it was read
        self._outgoing: list[Delivery] = []
        self._afterwards: list[Callable[[], None]] = []
        self._last = 0.0
        self._alarm = threading.Event()
        courier.on_reply = self._alarm.set
        self._closing = False
        self._thread = threading.Thread(target=self._watch, daemon=True, name="clock")

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing = True
        self._alarm.set()
        self._thread.join(5)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run all or nothing, alone. Not to be nested."""
        with self.around(), self.store.transaction():
            self._open, self._outgoing, self._afterwards = {}, [], []
            yield
            self._save()
            outgoing, self._open, self._outgoing = self._outgoing, {}, []
            afterwards, self._afterwards = self._afterwards, []
        with self.around():
            for delivery in outgoing:
                self.courier.submit(delivery)
            for do in afterwards:
                do()

    def afterwards(self, do: Callable[[], None]) -> None:
        """Do that once the transaction is committed."""
        self._afterwards.append(do)

    @contextmanager
    def around(self) -> Iterator[None]:
        """Let what is done happen by this world's clock, and be drawn by its chance."""
        with within(self.clock), drawn(self.chance), ignoring(self.ignores_unknown):
            yield

    def now(self) -> float:
        """Return Unix seconds, greater at every call: events carry microseconds and are told apart by them."""
        self._last = max(self.clock.time(), self._last + 2e-6)
        return self._last

    # calls

    def call(self, id: str) -> Call | None:
        """Return the leg of that id: within a transaction always the same object, saved at its end."""
        if id not in self._open:
            call = self.store.call(id)
            if call is None:
                return None
            self._open[id] = (call, deepcopy(call))
        return self._open[id][0]

    def add(self, call: Call) -> None:
        self.store.save_call(call)
        self._open[call.call_control_id] = (call, deepcopy(call))

    def session(self, session_id: str) -> list[Call]:
        calls = [self.call(id) for id in self.store.session(session_id)]
        return [call for call in calls if call]

    def tell(self, call: Call, what: str) -> None:
        """Bring about what follows from a change of a leg: ``call`` was just ``what``."""
        self._party(self, call, what)

    def application(self, call: Call) -> JsonObject:
        """Return the application of a leg, of either kind; empty when it was deleted under its calls."""
        kind = CALL_CONTROL if call.texml is None else TEXML
        return self.store.application(kind, call.connection_id) or {}

    # events

    def emit(self, call: Call, event_type: str, **more: Any) -> None:
        """Have Telnyx's ``event_type`` for ``call`` delivered once the transaction is committed."""
        payload = events.payload(call, event_type, more)
        if call.texml is not None:
            self._texml(self, call, event_type, payload)
            return
        event = events.event(event_type, payload, self.now())
        application = self._told(call)
        default: str = call.webhook_url or application.get("webhook_event_url") or ""
        named = call.webhook_urls.get(event_type)
        method = call.webhook_urls_method if named else call.webhook_method if call.webhook_url else "POST"
        for url in named or [default]:
            if url:  # none when the application was deleted under its calls
                addressed = self._addressed(call, application, event, url)
                self._owe(call, replace(addressed, method=method.upper(), pauses=call.webhook_retries.get(event_type)))

    def emit_made(self, call: Call, event_type: str, payload: JsonObject, url: str | None) -> JsonObject:
        """Have an event delivered that nothing brought about, and return it."""
        event = events.event(event_type, payload, self.now())
        application = self._told(call)
        to = url or call.webhook_url or application.get("webhook_event_url") or application.get("voice_url") or ""
        if to:
            self._owe(call, self._addressed(call, application, event, to))
        return event

    def emit_form(
        self,
        call: Call,
        event_type: str,
        form: dict[str, str],
        url: str,
        failover: str = "",
        method: str = "POST",
        **asking: Any,
    ) -> None:
        """Have a TeXML callback delivered once the transaction is committed.

        It names no event: ``event_type`` is the sandbox's own word, for its ledger and for faults. The callbacks of a
        session come in order, those of a Dial's second leg among them. ``asking`` are ``reply`` and ``token`` of a
        delivery whose answer matters.
        """
        ids = {name: getattr(call, name) for name in ("call_control_id", "call_leg_id", "call_session_id")}
        ids |= {"connection_id": call.connection_id, "from": call.from_number, "to": call.to_number}
        event = events.event(event_type, ids | form, self.now())
        lane = call.call_session_id
        self._owe(call, Delivery(event, lane, url, failover, "2", DEFAULT_TIMEOUT, form=form, method=method, **asking))

    def _told(self, call: Call) -> JsonObject:
        """Return the application that is told of a leg: of a SIP device it is that which dials."""
        dialled = self.call(call.device_of) if call.device_of else None
        return self.application(dialled or call)

    def _owe(self, call: Call, delivery: Delivery) -> None:
        seq = self.store.add_delivery(call.call_session_id, delivery.as_json())
        self._outgoing.append(replace(delivery, seq=seq, era=self.courier.era))

    def _addressed(self, call: Call, application: JsonObject, event: JsonObject, url: str) -> Delivery:
        return Delivery(
            event=event,
            lane=call.call_leg_id,
            primary=url,
            failover=application.get("webhook_event_failover_url") or "",
            version=application.get("webhook_api_version", "2"),
            timeout=float(application.get("webhook_timeout_secs") or DEFAULT_TIMEOUT),
        )

    # timers

    def after(self, seconds: float, call: Call, name: str, **arguments: Any) -> None:
        """Run the timer ``name`` for ``call`` in ``seconds`` (times the pace), also after a restart."""
        self.store.add_timer(self.clock.time() + seconds * self.pace, call.call_control_id, name, arguments)
        self._alarm.set()

    def cancel(self, call: Call, name: str | None = None) -> None:
        """Drop the timers of that name, or all of the call's but those that outlive it."""
        self.store.cancel_timers(call.call_control_id, name, () if name else OUTLIVING)

    def is_quiet(self) -> bool:
        """Whether everybody was told of what happened, and nothing more happens before some time has passed."""
        with self.transaction():
            timer = self.store.first_timer()
            waits = timer is None or timer.due > self.clock.time()
            told = not self.store.owed_deliveries() and self.courier.is_idle()
            return waits and told and self.streamer.is_idle()

    def leap(self) -> None:
        """Let the time until the next timer be over at once."""
        with self.transaction():
            timer = self.store.first_timer()
            if timer:
                self.store.bring_forward(max(0.0, timer.due - self.clock.time()))
        self._alarm.set()

    def begin_anew(self, chance: Chance) -> None:
        """Draw from there from now on, and let time begin again: everything was forgotten."""
        self.chance, self._last = chance, 0.0

    def wake(self) -> None:
        """Look at once what is due: the clock was changed."""
        self._alarm.set()

    def advance(self, seconds: float, patience: float) -> bool:
        """Let so much time pass, with all that happens in it, one thing after the other; return once all were told.

        The clock moves from one timer to the next and waits there until everybody was told. False is returned when
        ``patience`` seconds of this machine's were not enough for all of it.
        """
        target, deadline = self.clock.time() + seconds, time.monotonic() + patience
        while self._settle(deadline):
            with self.transaction():
                timer = self.store.first_timer()
                due = timer.due if timer and timer.due <= target else None
                self.clock.set_forward(target if due is None else due)
            self._alarm.set()
            if due is None:
                return self._settle(deadline)
        return False

    def _settle(self, deadline: float) -> bool:
        """Wait until it is quiet; False at the deadline."""
        while not self.is_quiet():
            if time.monotonic() > deadline or self._closing:
                return False
            time.sleep(0.002)
        return True

    def _watch(self) -> None:
        while not self._closing:
            self._alarm.clear()
            pause = self._run_due()
            if pause == _IDLE:
                self.store.forget_calls(self.clock.time() - KEPT_SECONDS)
            if pause > 0:
                self._alarm.wait(pause)

    def _run_due(self) -> float:
        """Run the first timer if it is due; return the seconds until the next one can be."""
        timer = None
        try:
            with self.transaction():
                timer = self.store.first_timer()
                if timer is None or timer.due > self.clock.time():
                    if timer is None or self.clock.stands:
                        return _IDLE
                    return max(0.0, timer.due - self.clock.time())
                self.store.drop_timer(timer.seq)
                self._run(timer)
        except Exception:  # one broken timer must not stop every other call
            _logger.exception("A timer of the sandbox failed and was dropped.")
            if timer:
                self.store.drop_timer(timer.seq)
        return 0.0

    def _run(self, timer: Timer) -> None:
        call = self.call(timer.call_id)
        if call:
            self._timers[timer.name](self, call, timer.arguments)

    def _save(self) -> None:
        for call, before in self._open.values():
            if call != before:
                self.store.save_call(call)
