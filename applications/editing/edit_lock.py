"""Locks an application for one change at a time: from the re-read to Telnyx's answer nobody else here writes it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from applications.models import EditLock, TelnyxApplication
from portal import sql
from portal.telnyx.errors import TelnyxUnavailable

LONGEST = timedelta(seconds=30)  # far above the two requests of 8 s that a change takes
_PATIENCE_SECONDS = 10.0


@contextmanager
def edit_lock(application: TelnyxApplication) -> Iterator[None]:
    """Wait for the lock and hold it. Raises ``TelnyxUnavailable`` when another's change takes longer than that."""
    mine = _take(f"{application._meta.model_name}:{application.pk}")
    try:
        yield
    finally:
        EditLock.objects.filter(pk=mine.pk, until=mine.until).delete()


def _take(subject: str) -> EditLock:
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < give_up:
        EditLock.objects.filter(subject=subject, until__lt=Now()).delete()
        try:
            with transaction.atomic():
                return EditLock.objects.create(subject=subject, until=sql.clock() + LONGEST)
        except IntegrityError:
            time.sleep(0.1)
    raise TelnyxUnavailable("Another change of this application is still on its way. Nothing was sent.", retry_after=2)
