"""Portals with one guard switched off: what the suite must turn red on."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.faults.child import Child
from tests.faults.processes import ROOT, Portal, Telnyx, Template
from tests.faults.servers import Postgres, RabbitMQ, Redis

_COPIED = ("portal", "applications", "voice", "tests", "templates", "manage.py")


@dataclass(frozen=True)
class Mutation:
    """``edits``: file, a place of it as it is and as it would be without the guard. Or a statement for the database."""

    edits: tuple[tuple[str, str, str], ...] = ()
    sql: str = ""


class Mutant(Portal):
    """A portal of its own from a copy of the code with the mutation in it."""

    def __init__(
        self, mutation: Mutation, postgres: Postgres, broker: RabbitMQ | Redis, telnyx: Telnyx, template: Template
    ) -> None:
        self.root = _copy(mutation) if mutation.edits else ROOT
        super().__init__(postgres, broker, telnyx, template)
        if mutation.sql:
            with self.connect() as database:
                database.execute(mutation.sql)

    def close(self) -> None:
        super().close()
        if self.root != ROOT:
            shutil.rmtree(self.root, ignore_errors=True)

    def _child(self, role: str, command: list[str], port: int | None = None) -> Child:
        child = super()._child(role, command, port)
        child.cwd = self.root
        return child


def _copy(mutation: Mutation) -> Path:
    root = Path(tempfile.mkdtemp(prefix="voice-portal-faults-mutant-"))
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root / name)
    for file, guard, without in mutation.edits:
        text = (root / file).read_text()
        assert text.count(guard) == 1, f"{file} has not just one {guard!r}"
        (root / file).write_text(text.replace(guard, without))
    return root
