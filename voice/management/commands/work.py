"""Does all the work of a host in one process: its worker, the sweep, and what is periodic."""

import signal
import threading
from typing import Any

import structlog
from django.conf import settings
from django.core.management import BaseCommand, CommandError

from portal import stopping
from portal.checks import OWN_CHECKS
from portal.runtime import timers, worker
from portal.runtime.datagrams import Taken
from voice.management.commands import sweep

_log = structlog.get_logger(__name__)


class Command(BaseCommand):
    """Runs until SIGTERM. Should the sweep end by a fault, so does the process: the supervisor starts it anew."""

    requires_system_checks = OWN_CHECKS
    help = "Run worker, sweep and timers in one process: what a portal without a broker needs beside the web process."

    def handle(self, *args: Any, **options: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, sweep.end)
        sweeping, working = threading.Thread(target=_sweep, name="sweep"), worker.Worker()
        sweeping.start()
        try:
            with timers.running(settings.VAR_DIR / "beat-schedule", working.put):
                working.put("applications.pull_all")  # not only at the next full hour
                working.run()
        except Taken as taken:
            raise CommandError(str(taken)) from None
        finally:
            stopping.begin()
            sweeping.join()
            signal.setitimer(signal.ITIMER_REAL, 0)


def _sweep() -> None:
    try:
        sweep.run()
    finally:
        if not stopping.has_begun():
            _log.error("the sweep has failed, and the process with it")
            stopping.begin()
