"""Begins what runs once at a time for each account and kind: its row, while it runs, is the lock."""

from datetime import timedelta
from typing import Any, TypeVar

from django.db import IntegrityError, transaction

from applications.kinds import Kind
from applications.models import SILENT_SECONDS, OneAtATime
from portal import sql
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
    silent = sql.Now() - timedelta(seconds=SILENT_SECONDS)
    records.filter(**mine, seen_alive_at__lt=silent).update(state="failed", finished_at=sql.Now(), **interrupted)
    try:
        with transaction.atomic():
            record = records.create(**mine, requested_by=actor.label[:200], **values)
            now = sql.Now()  # not this machine's clock
            records.filter(pk=record.pk).update(started_at=now, seen_alive_at=now)
        record.refresh_from_db()
        return record, True
    except IntegrityError:
        running = records.filter(**mine).first()
        if running is None and not TelnyxAccount.objects.filter(pk=account.pk).exists():
            raise  # it was deleted meanwhile
    return (running, False) if running else begin(model, kind, account, actor, interrupted, **values)


def bury(record: OneAtATime, interrupted: dict[str, Any]) -> bool:
    """End a record that should be running and was killed: it gets the values ``interrupted``.

    False, and nothing is written, while somebody is at it.
    """
    silent = sql.Now() - timedelta(seconds=SILENT_SECONDS)
    records: Any = type(record)._default_manager
    mine = records.filter(pk=record.pk, state="running", seen_alive_at__lt=silent)
    return bool(mine.update(state="failed", finished_at=sql.Now(), **interrupted))
