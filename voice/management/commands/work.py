"""Does all the work in one process: the worker on threads, the sweep, and what is periodic."""

import os
import signal
import sys
import threading
from typing import Any

import structlog
from celery.signals import worker_shutting_down
from django.conf import settings
from django.core.management import BaseCommand

from portal import stopping
from portal.celery import app
from portal.runtime import timers
from voice.management.commands import sweep

_THREADS = 8  # on SQLite one writes at a time: more would wait for each other
_QUIET: dict[str, Any] = {"without_gossip": True, "without_mingle": True, "without_heartbeat": True, "quiet": True}
_log = structlog.get_logger(__name__)


class Command(BaseCommand):
    """Runs until SIGTERM. Should the sweep end by a fault, so does the process: the supervisor starts it anew."""

    help = "Run worker, sweep and timers in one process: what a portal on SQLite needs beside the web process."

    def handle(self, *args: Any, **options: Any) -> None:
        worker_shutting_down.connect(_end)  # SIGTERM is Celery's in this process
        worker = app.Worker(
            pool="threads", concurrency=_THREADS, queues="events,commands", loglevel="WARNING", **_QUIET
        )
        sweeping = threading.Thread(target=_sweep, name="sweep")
        sweeping.start()
        try:
            with timers.running(settings.VAR_DIR / "beat-schedule"):
                worker.start()
        finally:
            stopping.begin()
            sweeping.join()
            signal.setitimer(signal.ITIMER_REAL, 0)
        sys.exit(worker.exitcode)


def _end(**_: object) -> None:
    sweep.end()


def _sweep() -> None:
    try:
        sweep.run()
    finally:
        if not stopping.has_begun():
            _log.error("the sweep has failed, and the process with it")
            os.kill(os.getpid(), signal.SIGTERM)
