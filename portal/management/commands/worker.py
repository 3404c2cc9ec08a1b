"""Runs the worker of this host: ``portal.runtime.worker``."""

from typing import Any

from django.core.management import BaseCommand, CommandError

from portal.checks import OWN_CHECKS
from portal.runtime import worker
from portal.runtime.datagrams import Taken


class Command(BaseCommand):
    """Runs until SIGTERM."""

    requires_system_checks = OWN_CHECKS
    help = "Work off the wake-ups of this host: process events, send commands, run tasks. Needs no broker."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            worker.run()
        except Taken as taken:
            raise CommandError(str(taken)) from None
