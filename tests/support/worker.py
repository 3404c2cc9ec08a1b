"""The portal's own sweep as a worker on a thread, for tests that let whole calls happen."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from django.db import connections

from voice.management.commands.sweep import Sweep


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
        thread.join(20)
