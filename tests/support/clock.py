"""What stands in for time: a clock that goes when a test moves it, a gate where a slow Telnyx waits for the test."""

import threading

PATIENCE = 60  # s; only a test that fails waits so long
STANDING_STILL = 10_000.0  # a pace: a second of a call takes hours


class Clock:
    """Put in the place of one module's ``time``: no machine is too slow for it, and nobody sleeps."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def passing(self) -> threading.Event:
        """An event that nobody sets; who waits for it moves the clock instead."""
        return _Passing(self)


class _Passing(threading.Event):
    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.now += timeout or 0.0
        return False


class Gate(threading.Event):
    """Put in the place of ``Sandbox.closing``: the sandbox's slow answers wait until the test has ``opened`` it."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()
        self.opened = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        """Hold up the answer, which was to take ``timeout`` seconds longer."""
        self.reached.set()
        assert self.opened.wait(PATIENCE), "nobody opened the gate"
        return self.is_set()
