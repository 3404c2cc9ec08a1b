"""Begins what runs once at a time for each account and kind: its row, while it runs, is the lock."""

from datetime import timedelta
from typing import Any, TypeVar

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from applications.kinds import Kind
from applications.models import SILENT_SECONDS, OneAtATime
from portal.actors import Actor
from portal.models import TelnyxAccount

R = TypeVar("R", bound=OneAtATime)


def begin(
    model: type[R], kind: Kind, account: TelnyxAccount, actor: Actor, interrupted: dict[str, Any], **values: Any
) -> tuple[R, bool]:
    """Return a new record, or the running one, and whether it is new.

    One that was silent for a minute was killed: it gets the values ``interrupted``, and makes room.
    """
    records = model._default_manager
    mine = {"account": account, "kind": kind.slug, "state": "running"}
    silent = Now() - timedelta(seconds=SILENT_SECONDS)
    records.filter(**mine, seen_alive_at__lt=silent).update(state="failed", finished_at=Now(), **interrupted)
    try:
        with transaction.atomic():
            record = records.create(**mine, requested_by=actor.label[:200], **values)
            records.filter(pk=record.pk).update(started_at=Now(), seen_alive_at=Now())  # not this machine's clock
        record.refresh_from_db()
        return record, True
    except IntegrityError:
        running = records.filter(**mine).first()
    return (running, False) if running else begin(model, kind, account, actor, interrupted, **values)


def bury(record: OneAtATime, interrupted: dict[str, Any]) -> bool:
    """End a record that should be running and was killed: it gets the values ``interrupted``.

    False, and nothing is written, while somebody is at it.
    """
    silent = Now() - timedelta(seconds=SILENT_SECONDS)
    records: Any = type(record)._default_manager
    mine = records.filter(pk=record.pk, state="running", seen_alive_at__lt=silent)
    return bool(mine.update(state="failed", finished_at=Now(), **interrupted))
