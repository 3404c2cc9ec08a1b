"""Writes the audit trail as CSV, as the person who asks may see it, and with no cell that a spreadsheet would run."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from portal import csv_lines
from portal.masking import masked_for
from portal.models import AuditEvent
from portal.texts import visible
from portal.trail import changes, wording

MOST = 50_000  # lines of one file
_HEAD = (
    "at",
    "who",
    "what",
    "action",
    "object_type",
    "object_id",
    "object",
    "changes",
    "details",
    "address",
    "request_id",
)


def lines(events: Iterable[AuditEvent], user: Any) -> Iterator[str]:
    """Write a line for each of the events, at most ``MOST``; the last line says where it was cut."""
    yield csv_lines.line(_HEAD)
    for count, event in enumerate(events):
        if count == MOST:
            yield csv_lines.line([f"Cut after {MOST:,} lines: narrow the list by day."])
            return
        yield csv_lines.line(_cells(event, user))


def _cells(event: AuditEvent, user: Any) -> list[str]:
    found = changes.of_details(event.details, user)
    rest = masked_for(user, changes.others(event.details))
    return [
        event.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        _seen(event.actor, user),
        wording.words(event.action),
        event.action,
        event.object_type,
        event.object_id,
        _seen(event.object_label, user),
        "\n".join(f"{one.name}: {one.old or 'nothing'} → {one.new or 'nothing'}" for one in found),
        json.dumps(rest, ensure_ascii=False, sort_keys=True, default=str) if rest else "",
        event.address,
        event.request_id,
    ]


def _seen(text: str, user: Any) -> str:
    return visible(str(masked_for(user, text)))
