"""Tells who at Telnyx changed which field, of versions that a pull found: from Telnyx's log of changes, or nobody.

The log is best-effort. So it names somebody for a field only where its newest entry about that field has the value that
was found.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from applications.kinds import flatten
from applications.mirror import change_authors
from applications.mirror.answers import differing
from applications.mirror.change_authors import Edit
from portal.models import TelnyxAccount
from portal.telnyx.errors import TelnyxError

Fields = list[str]

_NEAR = timedelta(minutes=1)  # between a change and its entry in Telnyx's log
_logger = structlog.get_logger(__name__)


def authors(account: TelnyxAccount, found: Sequence[tuple[Any, Any]]) -> dict[int, list[tuple[str, Fields]]]:
    """Return who changed what, by the number of each version ``found`` (with the one before it).

    In the order in which they did it, after what nobody is known for (an empty name).
    """
    read = _read(account, found)
    shares = {entry.history_id: _shares(entry, older, read.get(entry.telnyx_id, [])) for entry, older in found}
    people = {edit.user_id for share in shares.values() for edit, _ in share if edit and edit.user_id}
    known = change_authors.names(account, people)
    return {id: [(edit.by(known) if edit else "", names) for edit, names in share] for id, share in shares.items()}


def _read(account: TelnyxAccount, found: Sequence[tuple[Any, Any]]) -> dict[str, list[Edit]]:
    """Return the log's entries about these, newest first, as far back as the oldest of their changes."""
    edits: dict[str, list[Edit]] = {entry.telnyx_id: [] for entry, _ in found}
    starts = [_start(entry, older) for entry, older in found]
    oldest = min((start for start in starts if start), default=None)
    try:
        for edit in change_authors.edits(account):
            if oldest and edit.at and edit.at < oldest:
                break
            if edit.resource_id in edits:
                edits[edit.resource_id].append(edit)
    except TelnyxError as error:
        _logger.info("telnyx's log of changes not read", account=account.name, reason=error.kind)
    return edits


def _start(entry: Any, older: Any) -> datetime | None:
    if entry.missing_since:
        return older.updated_at  # type: ignore[no-any-return]
    return older.updated_at or (entry.updated_at - _NEAR if entry.updated_at else None)


def _shares(entry: Any, older: Any, edits: list[Edit]) -> list[tuple[Edit | None, Fields]]:
    if entry.missing_since:
        deleted = next((edit for edit in edits if edit.change == "delete"), None)
        return [(deleted, [])]
    start, end = _start(entry, older), entry.updated_at
    if start is None or end is None:
        return []
    # whoever created it changed nothing, though that entry may be a moment younger than the first version
    changed = [edit for edit in edits if edit.change not in {"create", "delete"}]
    made = [edit for edit in changed if edit.at and start <= edit.at <= end + _NEAR]
    names = [name for name in differing(older.remote, entry.remote) if name != "updated_at"]
    if len(made) == 1 and not made[0].fields:  # the log tells no field, but there is nobody else
        return [(made[0], names)]
    return _by_field(entry, names, made)


def _by_field(entry: Any, names: Fields, made: list[Edit]) -> list[tuple[Edit | None, Fields]]:
    there, shares = flatten(entry.remote), dict[str, tuple[Edit | None, Fields]]()
    newest: dict[str, datetime] = {}
    for name in names:
        edit = next((edit for edit in made if name in edit.fields), None)
        if edit and _text(edit.fields[name][1]) != _text(there.get(name)):
            edit = None  # an entry is missing: somebody else changed it once more
        person = (edit.user_id or edit.role or "somebody") if edit else ""
        shares.setdefault(person, (edit, []))[1].append(name)
        if edit and edit.at:
            newest[person] = max(edit.at, newest.get(person, edit.at))
    order = sorted(shares, key=lambda person: (person in newest, newest.get(person, 0)))
    return [shares[person] for person in order]


def _text(value: Any) -> str:
    """Return a value as the log has it: a list of texts is one text there."""
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return "" if value is None else str(value).casefold() if isinstance(value, bool) else str(value)
