"""Looks at what each account needs until its calls run here."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management import BaseCommand, CommandError

from portal.checks import OWN_CHECKS
from portal.models import TelnyxAccount
from voice.first_steps import steps

_MARKS = {True: "ok  ", False: "FAIL", None: "?   "}


class Command(BaseCommand):
    """Prints the steps of the page *First steps*; exits with 1 if one fails. Nothing is changed."""

    requires_system_checks = OWN_CHECKS
    help = "Look at what each Telnyx account needs: key, public key, address, application, number, first call, limits."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", metavar="NAME", help="Only this one.")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        accounts = TelnyxAccount.objects.order_by("name")
        if options["account"]:
            accounts = accounts.filter(name=options["account"])
        if not accounts:
            raise CommandError("There is no such account." if options["account"] else "There is no account yet.")
        found = []
        for account in accounts:
            for id in steps.titles():
                step = steps.look(account, id)  # one after the other: each may take seconds
                found.append(step)
                self._tell(account, step, options["format"])
        if failed := sum(step.ok is False for step in found):
            raise CommandError(f"{failed} of {len(found)} steps {'is' if failed == 1 else 'are'} still to be done.")

    def _tell(self, account: TelnyxAccount, step: steps.Step, format: str) -> None:
        if format == "json":
            self.stdout.write(json.dumps({"account": account.name} | asdict(step)))
            return
        self.stdout.write(f"{_MARKS[step.ok]} {account.name}: {step.title}. {step.words}")
        if step.hint:
            self.stdout.write(f"     {step.hint}")
        self.stdout.flush()
