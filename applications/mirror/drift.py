"""Names the differences that were found at Telnyx: in the history, by who made them, on a page.

A pull writes a history entry for each. Afterwards, and as a courtesy that never fails it, Telnyx is asked who.
"""

from copy import copy
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from django.db.models import Max, OuterRef, Subquery

from applications.kinds import Kind
from applications.mirror import field_authors
from applications.mirror.answers import digest, with_those
from applications.mirror.rows import columns
from applications.mirror.store import changes
from applications.models import TelnyxApplication
from portal.models import TelnyxAccount

_CHANGED, _GONE, _PULLED = "changed at Telnyx", "gone at Telnyx", "pulled ("
_SHOWN = 10  # entries on a page
_SIGNED = 1000  # entries of one pull that are given a name
_WHO_LENGTH = 48  # of the 100 letters of a history entry's reason


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


def drift_of(application: TelnyxApplication) -> list[Drift]:
    """Return what was found changed at Telnyx since the last change made here, newest first; at most ten.

    What that change itself came upon counts: nobody had seen it before.
    """
    entries = list(application.history.all()[: _SHOWN + 2])  # type: ignore[attr-defined]
    came_upon = len(entries) > 1 and not is_drift(entries[0]) and _is_seen(entries[1])
    drifts: list[Drift] = []
    for entry, older in pairwise(entries[1:] if came_upon else entries[: _SHOWN + 1]):
        if not (_is_seen(entry) if came_upon else is_drift(entry)):
            break
        fields = {name: both for name, both in changes(older.remote, entry.remote).items() if name != "updated_at"}
        changed_at = entry.updated_at if entry.updated_at != older.updated_at else None
        gone = entry.missing_since is not None
        drifts.append(Drift(entry.history_date, changed_at, entry.history_change_reason or "", gone, fields))
    return drifts


def _is_seen(entry: Any) -> bool:
    return (entry.history_change_reason or "").startswith(f"{_CHANGED}, seen by ")


def is_drift(entry: Any) -> bool:
    """Return whether a history entry was found at Telnyx, not made here."""
    reason = entry.history_change_reason or ""
    return entry.history_type == "~" and reason.startswith((_CHANGED, _GONE, _PULLED))


def name_authors(kind: Kind, account: TelnyxAccount, reason: str, since: datetime) -> None:
    """Note in the entries that a pull made since then, with that ``reason``, what they are and who did it.

    One that several people made becomes several, each with its own fields; a field that Telnyx names nobody for is put
    to nobody. Few requests, however many entries. Raises nothing that Telnyx may answer.
    """
    history: Any = kind.model.history.model._default_manager  # type: ignore[attr-defined]
    mine = history.filter(
        account=account, history_type="~", history_date__gte=since, history_change_reason=reason[:100]
    )
    earlier = history.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id")).order_by("-history_id")
    entries = list(mine.annotate(older=Subquery(earlier.values("history_id")[:1]))[:_SIGNED])
    if not entries:
        return
    older = history.in_bulk([entry.older for entry in entries])
    found = [(entry, older[entry.older]) for entry in entries if entry.older in older]
    by = field_authors.authors(account, found)
    overtaken = _overtaken(history, [entry for entry, _ in found if len(by.get(entry.history_id, [])) > 1])
    versions = [
        version
        for entry, before in found
        for version in _versions(kind, entry, before, by.get(entry.history_id, []), reason, entry.id in overtaken)
    ]
    history.bulk_create([version for version in versions if version.history_id is None], batch_size=250)
    fields = ["history_change_reason", "remote", "remote_digest", *columns(kind.model, {})]
    history.bulk_update([version for version in versions if version.history_id], fields, batch_size=250)
    mine.update(history_change_reason=f"{_CHANGED}, found by pull{reason.removeprefix('pulled')}"[:100])


def _overtaken(history: Any, entries: list[Any]) -> set[Any]:
    """Return the applications that have a version after the one found: none can be put in between any more."""
    newest = (
        history.filter(id__in=[entry.id for entry in entries]).order_by().values("id").annotate(last=Max("history_id"))
    )
    last = {line["id"]: line["last"] for line in newest}
    return {entry.id for entry in entries if last[entry.id] != entry.history_id}


def _versions(
    kind: Kind, entry: Any, before: Any, by: list[tuple[str, list[str]]], reason: str, is_overtaken: bool
) -> list[Any]:
    """Return the entry signed, as one version for each author; the last is the state that was found."""
    if is_overtaken or not by:
        by = [("", [])]
    remote, versions = before.remote, []
    for at, (who, fields) in enumerate(by):
        version = copy(entry)
        if at < len(by) - 1:
            remote = with_those(remote, entry.remote, fields)
            for name, value in columns(kind.model, remote).items():
                setattr(version, name, value)
            version.remote, version.remote_digest = remote, digest(remote)
        if at:
            version.history_id = None
        version.history_change_reason = _reason(entry, who, reason)
        versions.append(version)
    return versions


def _reason(entry: Any, who: str, reason: str) -> str:
    what = _GONE if entry.missing_since else _CHANGED
    by = f" by {who[:_WHO_LENGTH]}" if who else ""
    return f"{what}{by}, found by pull{reason.removeprefix('pulled')}"[:100]
