"""The command ``applications``, the document that it reads, and what Telnyx has afterwards."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from django.core.management import call_command

from applications.kinds import Kind
from portal.models import TelnyxAccount
from portal.telnyx.client import ask
from tests.support.applications import CALL_CONTROL

HOOK = "https://portal.example/hook"


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("applications", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def plan_of(file: Path, *arguments: str) -> dict[str, Any]:
    """The plan, with the exit status that belongs to it checked."""
    out, status = StringIO(), 0
    try:
        call_command("applications", "plan", str(file), "--json", *arguments, stdout=out)
    except SystemExit as ended:
        status = int(str(ended.code))
    plan: dict[str, Any] = json.loads(out.getvalue())
    assert status == (2 if plan["steps"] else 0)
    return plan


def counts(plan: dict[str, Any]) -> tuple[int, int, int, int]:
    return plan["create"], plan["update"], plan["delete"], plan["unchanged"]


def write(file: Path, document: Any) -> None:
    file.write_text(yaml.safe_dump(document, sort_keys=False))


def by_name(account: TelnyxAccount, kind: Kind = CALL_CONTROL) -> dict[str, dict[str, Any]]:
    """What Telnyx has."""
    remotes = ask(account, kind.method("list"))["data"]
    return {remote[kind.model.name_field]: remote for remote in remotes}
