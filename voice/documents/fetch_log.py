"""Writes down what was fetched, by a thread: no caller waits for it.

What cannot be written, because the database is away or far behind, is counted.
"""

import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.db.models import F
from django.utils import timezone

from portal.payloads import storable
from portal.write_behind import WriteBehind
from voice.models import TexmlDocument, TexmlFetch

_MOST_WAITING = 2000
_BATCH = 5000
_MOST_PARAMETERS, _LONGEST = 100, 2000
_PAUSE, _PAUSE_AFTER_FAILURE = 0.2, 2.0  # seconds between two writes

_log = structlog.get_logger(__name__)


def parameters_kept(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return parameters as they are stored: not all of what somebody may send."""
    kept = {
        name[:100]: [one[:_LONGEST] for one in value[:_MOST_PARAMETERS]]
        if isinstance(value, list)
        else value[:_LONGEST]
        for name, value in list(parameters.items())[:_MOST_PARAMETERS]
    }
    stored: dict[str, Any] = storable(kept)
    return stored


class Writer(WriteBehind):
    """Collects fetches and has them written behind the answer."""

    def __init__(self) -> None:
        super().__init__("fetch log", _PAUSE, _PAUSE_AFTER_FAILURE)
        self._rows: list[TexmlFetch] = []
        self._unlogged: Counter[uuid.UUID] = Counter()

    def put(self, row: TexmlFetch) -> None:
        """Have it written; only counted when too many wait already."""
        with self._lock:
            if len(self._rows) < _MOST_WAITING:
                self._rows.append(row)
            else:
                self._unlogged[row.document_id] += 1
        self.start()

    def flush(self) -> bool:
        """Write what waits. False when the database is away: then it is counted, and the count goes on waiting."""
        with self._lock:
            rows, unlogged = self._rows, self._unlogged
            self._rows, self._unlogged = [], Counter()
        try:
            _write(rows, unlogged)
        except (DatabaseError, InterfaceError) as error:
            _log.warning("fetches not logged", number=len(rows), error=type(error).__name__)
            with self._lock:
                self._unlogged.update(unlogged)
                self._unlogged.update(row.document_id for row in rows)
            return False
        return True

    def _waits(self) -> bool:
        return bool(self._rows or self._unlogged)


writer = Writer()


def clean_up() -> None:
    """Forget fetches that are older than ``TEXML_FETCH_DAYS``."""
    old = TexmlFetch.objects.filter(at__lt=timezone.now() - timedelta(days=settings.TEXML_FETCH_DAYS)).order_by("at")
    while keys := list(old.values_list("pk", flat=True)[:_BATCH]):
        TexmlFetch.objects.filter(pk__in=keys).delete()


def _write(rows: list[TexmlFetch], unlogged: Counter[uuid.UUID]) -> None:
    documents = {row.document_id for row in rows}
    there = set(TexmlDocument.objects.filter(pk__in=documents).values_list("pk", flat=True)) if documents else set()
    TexmlFetch.objects.bulk_create([row for row in rows if row.document_id in there], ignore_conflicts=True)
    for document_id, number in list(unlogged.items()):
        TexmlDocument.objects.filter(pk=document_id).update(unlogged=F("unlogged") + number)
        del unlogged[document_id]  # written: should the next one fail, it is not counted again
