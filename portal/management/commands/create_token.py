"""Makes a REST token from the command line."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from portal import sql
from portal.actors import Actor
from portal.checks import OWN_CHECKS
from portal.models import MOST_DAYS, SCOPES, ApiToken, AuditEvent


class Command(BaseCommand):
    """Prints a token once."""

    requires_system_checks = OWN_CHECKS
    help = "Make a REST token for a user and print it, once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="command line")
        parser.add_argument(
            "--scope", action="append", choices=SCOPES, help="May be given several times; without: all."
        )
        parser.add_argument("--expires", type=int, metavar="DAYS", help="Without: never.")

    def handle(self, *args: Any, **options: Any) -> None:
        user = get_user_model().objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['username']}.")
        if not user.is_active:
            raise CommandError(f"{options['username']} is not active: no token of theirs would work.")
        name = options["name"].strip()
        if not name:
            raise CommandError("--name is empty: say what will use the token.")
        if len(name) > (most := sql.longest(ApiToken, "name")):
            raise CommandError(f"--name takes at most {most} characters.")
        if options["expires"] is not None and not 1 <= options["expires"] <= MOST_DAYS:
            raise CommandError(f"--expires takes a number of days from 1 to {MOST_DAYS}.")
        until = timezone.now() + timedelta(days=options["expires"]) if options["expires"] else None
        with transaction.atomic():
            token, text = ApiToken.make(user, name, options["scope"], until)
            AuditEvent.note(Actor("command line"), "token.make", token, user=options["username"], scopes=token.scopes)
        self.stdout.write(text)
