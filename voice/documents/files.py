"""Reads and writes the documents of an account as files: one of XML each, and ``documents.json`` that names them.

That is ``{"Menu": {"file": "menu.xml", "variables": {}, "apology": "…", "signature": "auto"}}``; what it leaves out of
a document stays as it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from django.core.exceptions import ValidationError
from django.utils.text import slugify

from portal import payloads
from portal.actors import Actor
from portal.models import TelnyxAccount
from voice.documents import service
from voice.models import TexmlDocument, TexmlVersion
from voice.texml_editor.forms import with_line_ends_of

MANIFEST = "documents.json"
_FIELDS = ("variables", "apology", "signature")


class Unreadable(Exception):
    """Says in sentences what is wrong with the files."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))


@dataclass(frozen=True)
class Step:
    """Says what is to be done to one document. ``digest`` is the state that it was planned for, empty for a new one."""

    action: Literal["create", "update", "delete"]
    name: str
    values: dict[str, Any]
    changed: tuple[str, ...] = ()
    digest: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"action": self.action, "name": self.name, "changed": list(self.changed)}


def export(account: TelnyxAccount) -> dict[str, Any]:
    """Return the manifest, each document with its draft as ``draft`` in it."""
    taken: set[str] = set()
    entries = {}
    for row in TexmlDocument.objects.filter(account=account).order_by("name"):
        stem = slugify(row.name) or "document"
        name = next(
            one for at in range(len(taken) + 1) if (one := f"{stem}{f'-{at + 1}' if at else ''}.xml") not in taken
        )
        taken.add(name)
        entries[row.name] = {"file": name, **{field: getattr(row, field) for field in _FIELDS}, "draft": row.draft}
    return entries


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """Read the manifest and the files that it names: the values by the document's name. Raises ``Unreadable``."""
    try:
        manifest = payloads.loads((folder / MANIFEST).read_bytes())
    except (OSError, payloads.Unreadable) as error:
        raise Unreadable([f"{MANIFEST} cannot be read: {error}."]) from None
    if not isinstance(manifest, dict):
        raise Unreadable([f"{MANIFEST} must be an object of documents by name."])
    problems: list[str] = []
    entries = {name: _entry(folder, name, members, problems) for name, members in manifest.items()}
    if problems:
        raise Unreadable(problems)
    return entries


def plan(account: TelnyxAccount, entries: dict[str, dict[str, Any]], *, prune: bool = False) -> list[Step]:
    """List what has to be done. With ``prune`` what is not named is deleted. Raises ``Unreadable``."""
    rows = {row.name: row for row in TexmlDocument.objects.filter(account=account)}
    problems: list[str] = []
    steps = [
        step for name, values in entries.items() if (step := _step(account, rows.get(name), name, values, problems))
    ]
    if problems:
        raise Unreadable(problems)
    gone = [row for name, row in sorted(rows.items()) if prune and name not in entries]
    return steps + [Step("delete", row.name, {}, digest=row.digest) for row in gone]


def carry_out(account: TelnyxAccount, step: Step, actor: Actor) -> TexmlDocument | None:
    """Do one step. Raises ``service.Changed`` when the document is not as it was planned for."""
    row = TexmlDocument.objects.filter(account=account, name=step.name).first()
    if (row.digest if row else "") != step.digest:
        raise service.Changed
    if step.action == "delete":
        assert row is not None
        service.delete_document(row, actor, expected=step.digest)
        return None
    row = row or TexmlDocument(account=account, name=step.name)
    for name, value in step.values.items():
        setattr(row, name, value)
    return service.save_document(row, actor, expected=step.digest or None)


def unpublished(account: TelnyxAccount, names: Iterable[str]) -> list[TexmlDocument]:
    """List those of these documents whose draft is not what is published."""
    rows = TexmlDocument.objects.filter(account=account, name__in=list(names)).order_by("name")
    return [row for row in rows if not _is_published(row)]


def is_as(row: TexmlDocument, values: dict[str, Any]) -> bool:
    """Tell whether a document is as the files say; line ends alone are no difference."""
    wanted = values | {"draft": with_line_ends_of(row.draft, values["draft"])}
    return all(getattr(row, field) == value for field, value in wanted.items())


def _is_published(row: TexmlDocument) -> bool:
    version = TexmlVersion.objects.filter(document=row, number=row.published or 0).first()
    drafted = (row.draft, row.variables, row.apology)
    return version is not None and (version.source, version.variables, version.apology) == drafted


def _entry(folder: Path, name: str, members: Any, problems: list[str]) -> dict[str, Any]:
    if not isinstance(members, dict):
        problems.append(f"{name}: must be an object.")
        return {}
    problems += [f"{name}: {member} is unknown." for member in sorted(members.keys() - {"file", *_FIELDS})]
    file = members.get("file")
    if not isinstance(file, str) or Path(file).name != file or file in {"", ".", ".."}:
        problems.append(f"{name}: file must be the name of a file beside {MANIFEST}.")
        return {}
    try:
        draft = (folder / file).read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{name}: {file} cannot be read: {error}.")
        return {}
    return {"draft": draft} | {field: members[field] for field in _FIELDS if field in members}


def _step(
    account: TelnyxAccount, row: TexmlDocument | None, name: str, values: dict[str, Any], problems: list[str]
) -> Step | None:
    if "draft" in values:  # a checkout may write other line ends than the browser did
        values = values | {"draft": with_line_ends_of(row.draft if row else "", values["draft"])}
    wanted = row or TexmlDocument(account=account, name=name)
    digest, there = (row.digest, {field: getattr(row, field) for field in values}) if row else ("", {})
    changed = tuple(field for field, value in values.items() if there.get(field) != value)
    for field, value in values.items():
        setattr(wanted, field, value)
    try:
        service.check(wanted)
    except ValidationError as error:
        problems += [f"{name}: {field}: {' '.join(words)}" for field, words in error.message_dict.items()]
        return None
    if row and not changed:
        return None
    return Step("update" if row else "create", name, values, changed, digest)
