"""Reads the history of an application: each version, and what it changed."""

from collections.abc import Iterable, Sequence
from typing import Any

from applications.mirror.store import changes
from portal.json_types import JsonObject

TYPES = {"+": "created", "~": "changed", "-": "deleted"}


def with_changes(records: Sequence[Any]) -> Iterable[tuple[Any, dict[str, tuple[Any, Any]]]]:
    """Return each version, newest first as given, with what it changed: by dotted name the value before and after.

    The first version of all has changed nothing: everything in it is new.
    """
    older = [*records[1:], _before(records[-1])] if records else []
    for record, previous in zip(records, older, strict=True):
        yield record, differences(previous, record) if previous else {}


def entry(record: Any, changed: dict[str, tuple[Any, Any]]) -> JsonObject:
    """Return a version as JSON."""
    return {
        "id": record.history_id,
        "at": record.history_date,
        "type": TYPES[record.history_type],
        "actor": record.history_actor,
        "user": str(record.history_user) if record.history_user else None,
        "token": record.history_token.name if record.history_token else None,
        "request_id": record.history_request_id,
        "reason": record.history_change_reason or "",
        "changes": {name: {"before": old, "after": new} for name, (old, new) in changed.items()},
    }


def _before(record: Any) -> Any:
    """Return the version before the last of a page."""
    return type(record).objects.filter(id=record.id, history_id__lt=record.history_id).order_by("-history_id").first()


def differences(older: Any, newer: Any) -> dict[str, tuple[Any, Any]]:
    """Return what is another in ``newer``: by dotted name the value in either."""
    fields = changes(older.remote, newer.remote)
    if newer.missing_since != older.missing_since:
        fields["missing_since"] = (older.missing_since, newer.missing_since)
    return fields
