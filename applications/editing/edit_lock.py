"""Locks an application for one change at a time: from the re-read to Telnyx's answer nobody else here writes it."""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction

from applications.kinds import Kind
from applications.models import EditLock, TelnyxApplication
from portal import sql
from portal.models import TelnyxAccount
from portal.telnyx.errors import TelnyxUnavailable

LONGEST = timedelta(seconds=45)  # above the five requests of 8 s that a change takes at most
_PATIENCE_SECONDS = 10.0


@contextmanager
def edit_lock(application: TelnyxApplication) -> Iterator[None]:
    """Wait for the lock and hold it. Raises ``TelnyxUnavailable`` when another's change takes longer than that."""
    with _held(EditLock.subject_of(application), "change of this application"):
        yield


@contextmanager
def create_lock(kind: Kind, account: TelnyxAccount, values: Mapping[str, Any]) -> Iterator[None]:
    """Hold a name and address: of two who create it at once, the second does not take the first one's for his."""
    about = json.dumps([kind.slug, str(account.pk), *(values.get(name) for name in kind.required)])
    with _held(f"create:{hashlib.sha256(about.encode()).hexdigest()}", "creation of this name and address"):
        yield


@contextmanager
def _held(subject: str, what: str) -> Iterator[None]:
    mine = _take(subject, what)
    try:
        yield
    finally:
        EditLock.objects.filter(pk=mine.pk, until=mine.until).delete()


def _take(subject: str, what: str) -> EditLock:
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < give_up:
        EditLock.objects.filter(subject=subject, until__lt=sql.Now()).delete()
        try:
            with transaction.atomic():
                return EditLock.objects.create(subject=subject, until=sql.clock() + LONGEST)
        except IntegrityError:
            time.sleep(0.1)
    raise TelnyxUnavailable(f"Another {what} is still on its way. Nothing was sent.", retry_after=2)
