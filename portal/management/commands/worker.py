"""Runs the worker of this host: ``portal.runtime.worker``."""

from typing import Any

from django.core.management import BaseCommand

from portal.runtime import worker


class Command(BaseCommand):
    """Runs until SIGTERM."""

    help = "Work off the wake-ups of this host: process events, send commands, run tasks. Needs no broker."

    def handle(self, *args: Any, **options: Any) -> None:
        worker.run()
