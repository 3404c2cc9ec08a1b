"""Keeps what is served on disk as well, in the data directory: for as long as the database is away.

A copy is a file of its owner's alone, replaced in one step, so whoever reads it reads one version whole.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog
from django.conf import settings

from voice.models import TexmlDocument, TexmlVersion

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Published:
    """Holds all that is needed to serve a document: one version whole, and who may fetch it."""

    document_id: str
    account_id: str
    name: str
    number: int
    source: str
    variables: dict[str, str]
    apology: str
    keys: list[str]
    signature: str
    is_verified: bool


def keep(document: TexmlDocument) -> None:
    """Write the copy of what is published now, unless a later version is there. It never raises: a copy is a spare."""
    row = TexmlDocument.objects.select_related("account").filter(pk=document.pk).first()
    if row is not None and (published := current(row)) is not None:
        write(row.token, published)


def current(row: TexmlDocument) -> Published | None:
    """Read the published version of a document from the database."""
    version = TexmlVersion.objects.filter(document=row.pk, number=row.published or 0).first()
    if version is None:
        return None
    return Published(
        document_id=str(row.pk),
        account_id=str(row.account_id),
        name=row.name,
        number=version.number,
        source=version.source,
        variables=version.variables,
        apology=version.apology,
        keys=row.account.public_keys,
        signature=row.signature,
        is_verified=row.verified_at is not None,
    )


def write(token: str, published: Published) -> None:
    """Put a copy in the place of an older one."""
    try:
        with _alone(token) as path:
            there = _read(path)
            if there is None or there.number <= published.number:
                draft = path.with_suffix(f".{os.getpid()}.new")
                with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                    json.dump(asdict(published), file)
                    file.flush()
                    os.fsync(file.fileno())
                draft.replace(path)
    except OSError as error:
        _log.warning("a document's copy was not written", document=published.document_id, error=type(error).__name__)


def read(token: str) -> Published | None:
    """Return the copy; None when there is none that can be read."""
    return _read(_path(token))


def forget(token: str) -> None:
    """Remove the copy of a document that was deleted."""
    _path(token).unlink(missing_ok=True)


def _read(path: Path) -> Published | None:
    try:
        return Published(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        _log.warning("a document's copy cannot be read", error=type(error).__name__)
        return None


@contextmanager
def _alone(token: str) -> Iterator[Path]:
    """Hold off other writers, of other processes too: an older version must not come in after a newer one."""
    path = _path(token)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with open(os.open(path.parent / "lock", os.O_WRONLY | os.O_CREAT, 0o600), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield path


def _path(token: str) -> Path:
    # a token may be any text that somebody sends
    name = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
    return Path(settings.DOCUMENT_COPIES) / f"{name}.json"
