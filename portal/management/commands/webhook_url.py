"""Prints the webhook address that Telnyx is to be given."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from portal.checks import OWN_CHECKS
from portal.models import TelnyxAccount


class Command(BaseCommand):
    """Prints one line an account: name and webhook URL, or with ``--texml`` that of TeXML's status callbacks."""

    requires_system_checks = OWN_CHECKS
    help = "Print account name and webhook URL, as Telnyx should be given it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", metavar="NAME")
        parser.add_argument("--texml", action="store_true", help="The address for TeXML's status callbacks instead.")

    def handle(self, *args: Any, **options: Any) -> None:
        accounts = TelnyxAccount.objects.all()
        if options["account"]:
            accounts = accounts.filter(name=options["account"])
        if not accounts:
            raise CommandError("There is no such account." if options["account"] else "There is no account yet.")
        for account in accounts:
            url = account.texml_url if options["texml"] else account.webhook_url
            self.stdout.write(f"{account.name} {url}")
