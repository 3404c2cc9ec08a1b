"""Manages hosted TeXML documents as files: written to a folder, compared with it, made so."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError

from portal.accounts import accounts_named
from portal.actors import Actor
from portal.checks import OWN_CHECKS
from portal.models import AuditEvent, TelnyxAccount
from portal.refusals import PortalRefusal
from voice.documents import files, service
from voice.documents.files import MANIFEST, Step

_SIGNS = {"create": "+", "update": "~", "delete": "-"}


class Command(BaseCommand):
    """Manages documents as files.

    Exit status: 0 all is as told, 1 something is wrong or failed, 2 ``plan`` found something to do.
    """

    requires_system_checks = OWN_CHECKS
    help = "Export TeXML documents to a folder, plan what a folder would change, and apply it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        export = verbs.add_parser("export", help="Write the drafts into a folder.")
        plan = verbs.add_parser("plan", help="Print what the folder would change; exit 2 if anything.")
        plan.add_argument("--json", action="store_true", help="Print the plan as JSON.")
        apply = verbs.add_parser("apply", help="Make the drafts as the folder says, after asking.")
        apply.add_argument("--yes", action="store_true", help="Do not ask.")
        apply.add_argument("--publish", action="store_true", help="Publish those whose draft is not what is published.")
        apply.add_argument("--confirm-warnings", action="store_true", help="Publish in spite of the linter's warnings.")
        apply.add_argument("--note", default="", help="Of the versions.")
        for verb in (plan, apply):
            verb.add_argument(
                "--prune", action="store_true", help="Delete the documents that the folder does not name."
            )
        for verb in (export, plan, apply):
            verb.add_argument("folder")
            verb.add_argument("--account", metavar="NAME", help="May be left out while there is one.")

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, f"_{options['verb']}")(_account(options["account"]), Path(options["folder"]), options)

    def _export(self, account: TelnyxAccount, folder: Path, options: dict[str, Any]) -> None:
        manifest = files.export(account)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for entry in manifest.values():
                (folder / entry["file"]).write_text(entry.pop("draft"), "utf-8")
            (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", "utf-8")
        except OSError as error:
            raise CommandError(f"{folder} cannot be written: {error}") from error
        AuditEvent.note(_actor(folder), "document.export", account=account.name)
        self.stdout.write(f"{len(manifest)} written.")

    def _plan(self, account: TelnyxAccount, folder: Path, options: dict[str, Any]) -> None:
        steps = _planned(account, _read(folder), options)
        if options["json"]:
            self.stdout.write(json.dumps([step.as_json() for step in steps], indent=2, ensure_ascii=False))
        else:
            self._show(steps)
        if steps:
            sys.exit(2)

    def _apply(self, account: TelnyxAccount, folder: Path, options: dict[str, Any]) -> None:
        entries = _read(folder)
        steps = _planned(account, entries, options)
        self._show(steps)
        if steps or options["publish"]:
            _ask(account, yes=options["yes"])
        failed = sum(not self._done(account, step, folder) for step in steps)
        if options["publish"]:
            drafts = files.unpublished(account, entries)
            failed += sum(not self._published(row, entries[row.name], folder, options) for row in drafts)
        if failed:
            raise CommandError("Not everything could be done.")

    def _done(self, account: TelnyxAccount, step: Step, folder: Path) -> bool:
        try:
            files.carry_out(account, step, _actor(folder))
        except (ValidationError, PortalRefusal) as error:
            self.stderr.write(f"{step.action} {step.name}: {_words(error)}")
            return False
        return True

    def _published(self, row: Any, values: dict[str, Any], folder: Path, options: dict[str, Any]) -> bool:
        if not files.is_as(row, values):  # who else wrote it has not asked for that
            self.stderr.write(f"publish {row.name}: its draft is not as the folder says. It is left alone.")
            return False
        try:
            version = service.publish(row, _actor(folder), note=options["note"], confirmed=options["confirm_warnings"])
        except (ValidationError, PortalRefusal) as error:
            self.stderr.write(f"publish {row.name}: {_words(error)}")
            return False
        self.stdout.write(f"{row.name}: version {version.number} is published.")
        return True

    def _show(self, steps: list[Step]) -> None:
        for step in steps:
            changed = f" ({', '.join(step.changed)})" if step.action == "update" else ""
            self.stdout.write(f"{_SIGNS[step.action]} {step.action} {step.name}{changed}")
        self.stdout.write(f"{len(steps)} to do.")


def _read(folder: Path) -> dict[str, dict[str, Any]]:
    try:
        return files.read(folder)
    except files.Unreadable as unreadable:
        raise CommandError(str(unreadable)) from unreadable


def _planned(account: TelnyxAccount, entries: dict[str, dict[str, Any]], options: dict[str, Any]) -> list[Step]:
    try:
        return files.plan(account, entries, prune=options["prune"])
    except files.Unreadable as unreadable:
        raise CommandError(str(unreadable)) from unreadable


def _ask(account: TelnyxAccount, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError("There is nobody to ask. Give --yes to apply without being asked.")
    world = "LIVE" if account.is_live else "sandbox"
    if input(f"Do this to the documents of the {world} account {account}? Type yes: ").strip() != "yes":
        raise CommandError("Nothing was done.")


def _words(error: ValidationError | PortalRefusal) -> str:
    return error.words if isinstance(error, PortalRefusal) else " ".join(error.messages)


def _account(name: str | None) -> TelnyxAccount:
    accounts = accounts_named(name)
    if len(accounts) != 1:
        raise CommandError("Say which account, with --account: there are several, or none yet.")
    return accounts[0]


def _actor(folder: Path) -> Actor:
    return Actor(f"command line: {folder.name}")
