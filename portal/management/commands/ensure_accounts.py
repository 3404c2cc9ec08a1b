"""Makes the accounts of a start for those who run the processes as services of their own."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand

from portal.accounts import ensure_accounts
from portal.checks import OWN_CHECKS
from portal.models import TelnyxAccount


class Command(BaseCommand):
    """Does what ``make run`` does at each start: run it after ``migrate``, and when ``TELNYX_*`` changed."""

    requires_system_checks = OWN_CHECKS
    help = "Make or refresh the account “default” from TELNYX_*; without them “sandbox”, if there is no account yet."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--no-sandbox", action="store_true", help="Make no account “sandbox”: none runs here.")

    def handle(self, *args: Any, **options: Any) -> None:
        ensure_accounts(with_sandbox=not options["no_sandbox"])
        for account in TelnyxAccount.objects.all():
            self.stdout.write(f"{account.name} {account.base_url}")
