"""What lets whole calls happen in a test: the portal's own sweep on a thread, and time that passes for the callers."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from django.db import connections

from portal.sandbox.core.exchange import Exchange
from voice.management.commands.sweep import Sweep
from voice.models import CallCommand, CallEvent


class Line:
    """The sandbox's exchange and the portal at its other end: time passes when neither has anything left to do."""

    def __init__(self, exchange: Exchange) -> None:
        self.leap = exchange.leap
        self._exchange = exchange

    def is_quiet(self) -> bool:
        before = self._portal()
        owed = {("event", "received"), ("command", "queued"), ("command", "sending")} & before.keys()
        return not owed and self._exchange.is_quiet() and self._portal() == before

    def _portal(self) -> Counter[tuple[str, str]]:
        """How many events and commands the portal has, by what became of them."""
        events, commands = (rows.objects.values_list("status", flat=True) for rows in (CallEvent, CallCommand))
        return Counter([*(("event", status) for status in events), *(("command", status) for status in commands)])


@contextmanager
def working() -> Iterator[None]:
    """While this holds, what is owed is done at once."""
    stopping = threading.Event()

    def work() -> None:
        with ThreadPoolExecutor(4) as senders:
            sweep = Sweep(senders)
            while not stopping.is_set():
                sweep.safely()
                stopping.wait(0.02)
        connections.close_all()

    thread = threading.Thread(target=work, name="worker")
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(60)
