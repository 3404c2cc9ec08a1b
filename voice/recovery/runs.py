"""Schedules the runs that look for missed webhooks, as rows, so that two beats run them once."""

import time
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Max

from portal import sql
from portal.actors import PORTAL, Actor
from portal.models import AuditEvent, TelnyxAccount
from voice.models import SILENT, Recovery

OPEN = (Recovery.State.QUEUED, Recovery.State.RUNNING)
_EARLY = timedelta(seconds=20)  # a beat's minutes are not exact: five of them are five
_KEPT = timedelta(days=30)
_COUNTED = ("deliveries_read", "events_recovered", "calls_ended", "calls_found", "calls_lost")


class Replaced(Exception):
    """Says that another run took this one for dead."""


def request(account: TelnyxAccount, actor: Actor) -> tuple[Recovery, bool]:
    """Request a run: a new row, or the one that is waiting or running; and whether it is new."""
    now = sql.clock()
    _bury_the_silent(account, now)
    try:
        with transaction.atomic():
            label = actor.label[:200]
            record = Recovery.objects.create(account=account, requested_by=label, started_at=now, seen_alive_at=now)
            if actor != PORTAL:
                AuditEvent.note(actor, "events.recover", record)
    except IntegrityError:
        waiting = Recovery.objects.filter(account=account, state__in=OPEN).first()
        if waiting is None and not TelnyxAccount.objects.filter(pk=account.pk).exists():
            raise  # it was deleted meanwhile
        return (waiting, False) if waiting else request(account, actor)
    return record, True


def begin(record: Recovery) -> bool:
    """Claim the run: of many that try, one gets True."""
    now = sql.clock()
    waiting = Recovery.objects.filter(pk=record.pk, state=Recovery.State.QUEUED)
    began = waiting.update(state=Recovery.State.RUNNING, started_at=now, seen_alive_at=now)
    record.refresh_from_db()
    return bool(began)


def wait(record: Recovery, seconds: float) -> None:
    """Wait until another's run is over, or the time is."""
    until = time.monotonic() + seconds
    while not record.is_over and time.monotonic() < until:
        time.sleep(0.1)
        record.refresh_from_db()


def is_due(account: TelnyxAccount) -> bool:
    """Tell whether somebody asked for a run, or the last one was an interval ago."""
    now, interval = sql.clock(), timedelta(minutes=settings.RECOVERY_INTERVAL_MINUTES)
    _bury_the_silent(account, now)
    newest = Recovery.objects.filter(account=account).first()
    if newest is not None and newest.state == Recovery.State.QUEUED:
        return True
    return bool(interval) and (newest is None or newest.started_at <= now - interval + _EARLY)


def watermark(account: TelnyxAccount) -> datetime | None:
    """Return the time up to which failed deliveries were read whole."""
    done = Recovery.objects.filter(account=account, state=Recovery.State.DONE)
    found: datetime | None = done.aggregate(until=Max("until"))["until"]
    return found


def has_just_failed(account: TelnyxAccount) -> bool:
    """Tell whether the last run that is over was not whole: what it found may not have made the next one look."""
    over = Recovery.objects.filter(account=account, state__in=(Recovery.State.DONE, Recovery.State.FAILED))
    last = over.first()
    return last is not None and last.state == Recovery.State.FAILED


def count(record: Recovery, found: Counter[str], **values: Any) -> None:
    """Add to the run's counts, which also says that it is alive. Raises ``Replaced`` when it is over."""
    added = {name: F(name) + found[name] for name in _COUNTED}
    mine = Recovery.objects.filter(pk=record.pk, state=Recovery.State.RUNNING)
    if not mine.update(seen_alive_at=sql.clock(), **added, **values):
        raise Replaced
    record.refresh_from_db()


def finish(record: Recovery, state: Recovery.State, problem: str) -> None:
    """End a run, unless another one has taken its place."""
    mine = Recovery.objects.filter(pk=record.pk, state=Recovery.State.RUNNING)
    mine.update(state=state, finished_at=sql.clock(), problem=problem)
    record.refresh_from_db()
    _forget_old(record)


def bury(record: Recovery) -> bool:
    """End a run that was killed; False, and nothing is written, while somebody is at it."""
    now = sql.clock()
    silent = Recovery.objects.filter(pk=record.pk, state=Recovery.State.RUNNING, seen_alive_at__lt=now - SILENT)
    return bool(silent.update(state=Recovery.State.FAILED, finished_at=now, problem="It was interrupted."))


def _forget_old(record: Recovery) -> None:
    """Delete runs after a month, all but what the watermark stands on."""
    old = Recovery.objects.filter(account=record.account_id, started_at__lt=sql.clock() - _KEPT)
    mark = watermark(record.account)
    (old.exclude(until=mark) if mark else old).delete()


def _bury_the_silent(account: TelnyxAccount, now: datetime) -> None:
    silent = Recovery.objects.filter(account=account, state=Recovery.State.RUNNING, seen_alive_at__lt=now - SILENT)
    silent.update(state=Recovery.State.FAILED, finished_at=now, problem="It was interrupted.")
