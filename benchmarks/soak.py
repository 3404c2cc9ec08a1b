"""Soak: half of what the machine can take, as events of calls that go on in parallel. Flat, or there is a reason."""

import os
import re
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack

from benchmarks import bare_table, stage
from benchmarks.figures import Figure, Unmeasured, percentile
from portal.models import TelnyxAccount
from tests.support.factories import make_event, make_flow
from voice.models import CallCommand, CallEvent

_UNITS = {"s": 1, "m": 60, "h": 3600}
_PROBE, _ENOUGH = 600, 220  # webhooks, and calls of a slice: a p99 needs 200
# A call as it mostly goes, and how many seconds after the ring each of its events comes
_CALL = (("call.initiated", 0.0), ("call.answered", 1.0), ("call.speak.ended", 3.0), ("call.hangup", 5.0))
_MEANS = "an afternoon's campaign ends as fast as it began"


def run() -> Iterator[Figure | str]:
    """Lines to print, the last ones figures of the last part against the second."""
    seconds = _seconds(os.environ["SOAK"])
    environment = {"CELERY_BROKER_URL": os.environ.get("CELERY_BROKER_URL", "")}
    with ExitStack() as stack:
        telnyx_port, arrivals = stack.enter_context(stage.telnyx())
        account = stage.make_account("bench-soak", telnyx_port)
        make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
        processes = stack.enter_context(stage.workers(environment))
        port, web = stack.enter_context(stage.web("portal.wsgi", environment))
        path = stage.path_of(account)
        stage.warm(port, path, arrivals, lambda leg: stage.webhook(path, make_event(leg=leg)))
        capacity = _capacity(port, path, account)
        rate = capacity / 2
        yield f"taken in and worked off at most: {capacity:.0f} events a second; soaked at {rate:.0f} for {seconds} s"
        count = _slices(seconds, rate)
        load, slices = _Load(port, path, rate), []
        load.start()
        for _ in range(count):
            stage.know_the_tables()  # as PostgreSQL does each minute, where nobody has switched that off
            time.sleep(seconds / count)
            slices.append(_slice(load, arrivals, [web, *processes]))
            yield slices[-1].told()
            if load.failure:
                raise Unmeasured(f"the load broke off: {load.failure}")
        load.end()
        first, last = slices[1], slices[-1]  # the first one warms
        yield from _figures(first, last)
    bare_table.clear()


def _slices(seconds: int, rate: float) -> int:
    """Return into how many parts the time is cut: ten, or as many as have enough calls."""
    calls = rate / len(_CALL)
    if (count := min(int(seconds * calls / _ENOUGH), 10)) < 3:
        raise Unmeasured(f"at {calls:.1f} calls a second three parts of {_ENOUGH} need {3 * _ENOUGH / calls:.0f} s")
    return count


def _seconds(text: str) -> int:
    if not (found := re.fullmatch(r"(\d+)([smh])", text)):
        raise Unmeasured(f"SOAK={text} is no time: write 90s, 10m or 1h")
    return int(found[1]) * _UNITS[found[2]]


def _capacity(port: int, path: str, account: TelnyxAccount) -> float:
    """Events a second, from the first webhook until nothing of them is owed."""
    requests = [stage.webhook(path) for _ in range(_PROBE)]
    begin = time.perf_counter()
    stage.fire(port, requests)
    while CallEvent.objects.filter(account=account, status="received").exists():
        if time.perf_counter() - begin > 300:
            raise Unmeasured("what came in was not worked off within five minutes")
        time.sleep(0.05)
    return _PROBE / (time.perf_counter() - begin)


class _Load(threading.Thread):
    """Posts the events of calls at their times, so many a second in all; notes what each took and when it was sent."""

    def __init__(self, port: int, path: str, rate: float) -> None:
        super().__init__(name="load", daemon=True)
        self.sent: list[tuple[str, float]] = []  # of those that are answered: the leg's handle, and when it rang
        self.acknowledged: list[float] = []
        self.failure: Exception | None = None
        self._port, self._path, self._every = port, path, len(_CALL) / rate
        self._ending = threading.Event()

    def end(self) -> None:
        self._ending.set()
        self.join(stage.PATIENCE)

    def run(self) -> None:
        posting = [threading.Thread(target=self._post, args=(at,), daemon=True) for at in range(stage.CONNECTIONS)]
        for thread in posting:
            thread.start()
        for thread in posting:
            thread.join()

    def _post(self, at: int) -> None:
        """Play calls one beside the other: each thread a share of them, its own events in their order."""
        every, due = self._every * stage.CONNECTIONS, time.perf_counter() + at * self._every
        owed: list[tuple[float, str, str]] = []
        try:
            with stage.Line(self._port) as line:
                while not self._ending.is_set():
                    now = time.perf_counter()
                    if now >= due:
                        leg = uuid.uuid4().hex
                        owed += [(due + after, leg, kind) for kind, after in _CALL]
                        due += every
                    owed.sort()
                    if not owed or owed[0][0] > now:
                        self._ending.wait(min(due, owed[0][0] if owed else due) - now)
                        continue
                    when, leg, kind = owed.pop(0)
                    request = stage.webhook(self._path, make_event(kind, leg=leg))
                    if kind == _CALL[0][0]:
                        self.sent.append((f"v3:{leg}-leg", time.perf_counter()))
                    line.post(request)
                    self.acknowledged.append(time.perf_counter() - when)  # what it waited for its turn counts
        except Exception as error:
            self.failure = error


class _Slice:
    """What a part of the time was like."""

    def __init__(self, acknowledged: list[float], reactions: list[float], missing: int, memory: float) -> None:
        self.acknowledged = [percentile(acknowledged, share) * 1000 for share in (0.5, 0.99)]
        self.reactions = [percentile(reactions, share) * 1000 for share in (0.5, 0.99)]
        self.memory, self.missing = memory, missing
        self.events = CallEvent.objects.filter(status="received", lease_until=None).count()
        self.commands = CallCommand.objects.filter(status__in=("queued", "sending")).count()

    def told(self) -> str:
        pairs = [f"{name} p50 {one[0]:.0f}, p99 {one[1]:.0f} ms" for name, one in self._times()]
        waiting = f"waiting {self.events} events, {self.commands} commands; {self.missing} calls never answered"
        return f"{'; '.join(pairs)}; {self.memory:.0f} MiB; {waiting}"

    def _times(self) -> tuple[tuple[str, list[float]], ...]:
        return ("acknowledged", self.acknowledged), ("answered the call", self.reactions)


def _slice(load: _Load, arrivals: dict[str, float], processes: list[int]) -> _Slice:
    acknowledged, load.acknowledged = load.acknowledged, []
    sent, load.sent = load.sent, []
    stage.arrived(arrivals, [handle for handle, _ in sent], 2.0)  # those of the last moment are on their way
    reactions = [arrivals[handle] - then for handle, then in sent if handle in arrivals]
    missing = len(sent) - len(reactions)
    return _Slice(acknowledged, reactions + [float("inf")] * missing, missing, stage.memory(*processes))


def _figures(first: _Slice, last: _Slice) -> Iterator[Figure]:
    pairs = (
        ("acknowledgement p50", "ms", first.acknowledged[0], last.acknowledged[0]),
        ("acknowledgement p99", "ms", first.acknowledged[1], last.acknowledged[1]),
        ("answer of a call p50", "ms", first.reactions[0], last.reactions[0]),
        ("answer of a call p99", "ms", first.reactions[1], last.reactions[1]),
        ("memory of all processes", "MiB", first.memory, last.memory),
    )
    for what, unit, begin, end in pairs:
        told = {"floor": begin, "ratio": end / begin, "note": "the last part beside the second"}
        yield Figure("soak", what, unit, end, _MEANS, at_most=1.5 if unit == "ms" else 1.2, **told)
    waiting = last.events + last.commands
    yield Figure("soak", "events and commands that wait at the end", "", waiting, _MEANS, at_most=50, of_ratio=False)
