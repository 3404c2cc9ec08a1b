"""Does all the work in one process: the worker of the host, the sweep, and what is periodic."""

import os
import signal
import sys
import threading
from argparse import ArgumentParser
from typing import Any

import structlog
from django.conf import settings
from django.core.management import BaseCommand

from portal import stopping
from portal.runtime import timers
from portal.runtime.worker import Worker
from voice.management.commands import sweep

_log = structlog.get_logger(__name__)


class Command(BaseCommand):
    """Runs until SIGTERM. Should the sweep end by a fault, so does the process: the supervisor starts it anew."""

    help = "Run worker, sweep and timers in one process: what a portal without a broker needs beside the web process."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--pull", action="store_true", help="Pull all applications first.")

    def handle(self, *args: Any, **options: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, sweep.end)
        worker = Worker()
        if options["pull"]:
            worker.put("applications.pull_all")
        sweeping = threading.Thread(target=_sweep, name="sweep")
        sweeping.start()
        try:
            with timers.running(settings.VAR_DIR / "beat-schedule", worker.put):
                worker.run()
        finally:
            has_failed = not stopping.has_begun()
            stopping.begin()
            sweeping.join()
            signal.setitimer(signal.ITIMER_REAL, 0)
        sys.exit(has_failed)


def _sweep() -> None:
    try:
        sweep.run()
    finally:
        if not stopping.has_begun():
            _log.error("the sweep has failed, and the process with it")
            os.kill(os.getpid(), signal.SIGTERM)
