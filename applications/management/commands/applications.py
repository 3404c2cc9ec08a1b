"""Manages applications as code: written to YAML, compared with it, made so."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from applications.exchange import plans, yaml_documents
from applications.exchange.apply import Outcome, carry_out
from applications.exchange.plans import Plan, Problem, Step, Unreadable
from applications.mirror.progress import Bar
from applications.wording import display_value
from portal.actors import Actor
from portal.models import AuditEvent, TelnyxAccount
from portal.telnyx.errors import TelnyxError

_SIGNS = {"create": "+", "update": "~", "delete": "-"}


class Command(BaseCommand):
    """Manages applications as code.

    Exit status: 0 all is as told, 1 something is wrong or failed, 2 ``plan`` found something to do.
    """

    help = "Export the applications at Telnyx to YAML, plan what a file would change there, and apply it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        export = verbs.add_parser("export", help="Print what Telnyx has as YAML.")
        export.add_argument("--no-ids", action="store_true", help="Leave Telnyx's ids out, for another account.")
        plan = verbs.add_parser("plan", help="Print what the file would change; exit 2 if anything.")
        plan.add_argument("--json", action="store_true", help="Print the plan as JSON.")
        apply = verbs.add_parser("apply", help="Make Telnyx as the file says, after asking.")
        apply.add_argument("--yes", action="store_true", help="Do not ask.")
        for verb in (plan, apply):
            verb.add_argument("file", help="YAML, as export prints it.")
            pruned = "Delete what the file's sections do not name; a kind without a section is left alone."
            verb.add_argument("--prune", action="store_true", help=pruned)
        for verb in (export, plan, apply):
            verb.add_argument("--account", metavar="NAME", help="May be left out while there is one.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['verb']}")(_account(options["account"]), options)
        except TelnyxError as error:
            raise CommandError(str(error)) from error

    def _export(self, account: TelnyxAccount, options: dict[str, Any]) -> None:
        for part in yaml_documents.dump(account, ids=not options["no_ids"]):
            self.stdout.write(part, ending="")
        AuditEvent.note(_actor(""), "application.export", account=account.name, format="yaml")

    def _plan(self, account: TelnyxAccount, options: dict[str, Any]) -> None:
        plan = self._made(account, options)
        if options["json"]:
            self.stdout.write(json.dumps(plan.as_json(), indent=2, ensure_ascii=False))
        else:
            self._show(plan)
        if plan.steps:
            sys.exit(2)

    def _apply(self, account: TelnyxAccount, options: dict[str, Any]) -> None:
        plan = self._made(account, options)
        self._show(plan)
        if not plan.steps:
            return
        self._ask(plan, yes=options["yes"])
        if changed := plans.outdated(plan):
            raise CommandError("\n".join(["Telnyx changed since the plan was made; nothing was done.", *changed]))
        outcomes = self._run(plan, _actor(options["file"]))
        done = sum(outcome.state == "done" for outcome in outcomes)
        self.stdout.write(f"{done} of {len(plan.steps)} done.")
        if done < len(plan.steps):
            raise CommandError("Not everything could be done.")

    def _made(self, account: TelnyxAccount, options: dict[str, Any]) -> Plan:
        file = options["file"]
        try:
            entries, kinds = yaml_documents.load(Path(file).read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} cannot be read: {error}") from error
        except Unreadable as unreadable:
            raise _bad(file, unreadable.problems) from unreadable
        plan = plans.make(account, entries, kinds, prune=options["prune"])
        if plan.problems:
            raise _bad(file, plan.problems)
        return plan

    def _show(self, plan: Plan) -> None:
        for step in plan.steps:
            id = f" ({step.telnyx_id})" if step.telnyx_id else ""
            self.stdout.write(f"{_SIGNS[step.action]} {step.action} {step.kind.slug} {step.name}{id}")
            for name, (before, after) in step.changes.items():
                self.stdout.write(f"    {name}: {_change(step, before, after)}")
        counts = plan.counts
        summary = "{create} to create, {update} to update, {delete} to delete, {unchanged} unchanged."
        self.stdout.write(summary.format(**counts))

    def _ask(self, plan: Plan, *, yes: bool) -> None:
        if yes:
            return
        if not sys.stdin.isatty():
            raise CommandError("There is nobody to ask. Give --yes to apply without being asked.")
        world = "LIVE" if plan.account.is_live else "sandbox"
        if input(f"Do this at the {world} account {plan.account}? Type yes: ").strip() != "yes":
            raise CommandError("Nothing was done.")

    def _run(self, plan: Plan, actor: Actor) -> list[Outcome]:
        bar, outcomes = Bar(self.stderr, plan.account.name), []
        for outcome in carry_out(plan.account, plan.steps, actor, plan.made_at):
            outcomes.append(outcome)
            bar.update(len(outcomes), len(plan.steps))
            if outcome.message:
                bar.close()
                at = f"line {outcome.step.line}: " if outcome.step.line else ""
                self.stderr.write(f"{at}{outcome.step.action} {outcome.step.name}: {outcome.message}")
        bar.close()
        return outcomes


def _account(name: str | None) -> TelnyxAccount:
    accounts = list(TelnyxAccount.objects.all() if name is None else TelnyxAccount.objects.filter(name=name))
    if name is not None and not accounts:
        raise CommandError(f"There is no account {name}.")
    if len(accounts) != 1:
        raise CommandError("Say which account, with --account: there are several, or none yet.")
    return accounts[0]


def _actor(file: str) -> Actor:
    return Actor(f"command line: {Path(file).name}" if file else "command line")


def _change(step: Step, before: Any, after: Any) -> str:
    return _said(after) if step.action == "create" else f"{_said(before)} → {_said(after)}"


def _said(value: Any) -> str:
    return display_value(value).replace("\n", ", ") or "empty"


def _bad(file: str, problems: list[Problem]) -> CommandError:
    return CommandError("\n".join(f"{file}: {problem}" for problem in problems))
