"""Names the differences that were found at Telnyx: in the history, by who made them, on a page.

A pull writes a history entry for each. Afterwards, and as a courtesy that never fails it, Telnyx is asked who.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import structlog

from applications.kinds import Kind
from applications.mirror import change_authors
from applications.mirror.change_authors import Edit
from applications.mirror.store import changes
from applications.models import TelnyxApplication
from applications.wording import display_value
from portal.models import TelnyxAccount
from portal.telnyx.errors import TelnyxError

_CHANGED, _GONE, _PULLED = "changed at Telnyx", "gone at Telnyx", "pulled ("
_SHOWN = 10  # entries on a page
_SIGNED = 1000  # entries of one pull that are given a name
_NEAR = timedelta(minutes=1)  # between a change and its entry in Telnyx's log
_WHO_LENGTH = 48  # of the 100 letters of a history entry's reason
_logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Drift:
    """Holds one difference found.

    ``found_at`` is by us, ``changed_at`` by Telnyx's own account, fields are (before, after).
    """

    found_at: datetime
    changed_at: datetime | None
    reason: str
    gone: bool
    fields: dict[str, tuple[Any, Any]]

    @property
    def lines(self) -> list[tuple[str, str, str]]:
        """Return field, before and after, as their fields show them."""
        return [(name, display_value(old), display_value(new)) for name, (old, new) in self.fields.items()]


def drift_of(application: TelnyxApplication) -> list[Drift]:
    """Return what was found changed at Telnyx since the last change made here, newest first; at most ten."""
    entries = list(application.history.all()[: _SHOWN + 1])  # type: ignore[attr-defined]
    drifts: list[Drift] = []
    for entry, older in pairwise(entries):
        if not is_drift(entry):
            break
        fields = {name: both for name, both in changes(older.remote, entry.remote).items() if name != "updated_at"}
        changed_at = entry.updated_at if entry.updated_at != older.updated_at else None
        gone = entry.missing_since is not None
        drifts.append(Drift(entry.history_date, changed_at, entry.history_change_reason or "", gone, fields))
    return drifts


def is_drift(entry: Any) -> bool:
    """Return whether a history entry was found at Telnyx, not made here."""
    reason = entry.history_change_reason or ""
    return entry.history_type == "~" and reason.startswith((_CHANGED, _GONE, _PULLED))


def name_authors(kind: Kind, account: TelnyxAccount, reason: str, since: datetime) -> None:
    """Note in the entries that a pull made since then, with that ``reason``, what they are and who did it.

    Few requests, however many entries; what Telnyx does not tell stays unsaid. Raises nothing that Telnyx may answer.
    """
    history: Any = kind.model.history.model._default_manager  # type: ignore[attr-defined]
    mine = history.filter(
        account=account, history_type="~", history_date__gte=since, history_change_reason=reason[:100]
    )
    entries = list(mine[:_SIGNED])
    if not entries:
        return
    by = _authors(account, entries)
    for entry in entries:
        entry.history_change_reason = _reason(entry, by.get(entry.telnyx_id, ""), reason)
    history.bulk_update(entries, ["history_change_reason"], batch_size=250)
    mine.update(history_change_reason=f"{_CHANGED}, found by pull{reason.removeprefix('pulled')}"[:100])


def _reason(entry: Any, who: str, reason: str) -> str:
    what = _GONE if entry.missing_since else _CHANGED
    by = f" by {who[:_WHO_LENGTH]}" if who else ""
    return f"{what}{by}, found by pull{reason.removeprefix('pulled')}"[:100]


def _authors(account: TelnyxAccount, entries: list[Any]) -> dict[str, str]:
    """Return who did it, by Telnyx's id of the application."""
    wanted, edits = {entry.telnyx_id: entry for entry in entries}, dict[str, Edit]()
    try:
        for edit in change_authors.edits(account):
            entry = wanted.get(edit.resource_id)
            if entry and edit.resource_id not in edits and _made(edit, entry):
                edits[edit.resource_id] = edit
            if len(edits) == len(wanted):
                break
    except TelnyxError as error:
        _logger.info("telnyx's log of changes not read", account=account.name, reason=error.kind)
    known = change_authors.names(account, {edit.user_id for edit in edits.values() if edit.user_id})
    return {id: edit.by(known) for id, edit in edits.items()}


def _made(edit: Edit, entry: Any) -> bool:
    """Return whether this edit is what the entry found. Another one, such as our own last one, must not be blamed."""
    if entry.missing_since:
        return edit.change == "delete"
    if edit.change == "delete" or edit.at is None or entry.updated_at is None:
        return False
    return bool(abs(edit.at - entry.updated_at) <= _NEAR)
