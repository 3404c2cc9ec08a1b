"""Opens and closes alerts: conditions that somebody should know of, as rows. Nothing is repeated while one lasts.

A round of checks is claimed by moving one row on, so any number of processes may try. It runs in the sweep, in a thread
of its own, and by Celery: each notices when the other has stopped.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog
from django.db import connections, transaction
from django.db.models import Count

from portal import sql
from voice.alerts import checks, mutes, notices
from voice.alerts.findings import CheckRound, Finding
from voice.models import Alert, AlertMute, AlertNotice, AlertRound

EVERY = timedelta(seconds=30)
KEPT = timedelta(days=90)
GAP = timedelta(minutes=3)  # without a round: the portal was off
MOST_OF_A_KIND = 20  # open at a time: an outage of everything is not a hundred mails
_TICK_SECONDS = 5.0
_PATIENCE_SECONDS = 8.0  # at the end: as long as a request to Telnyx may take

_log = structlog.get_logger(__name__)


@contextmanager
def watching() -> Iterator[None]:
    """Check and tell in a thread while the block runs: nothing there delays the block or ends it."""
    stopping = threading.Event()
    thread = threading.Thread(target=_watch, args=(stopping,), name="alerts", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(_PATIENCE_SECONDS)


def check_and_notify() -> None:
    """Run a round of checks if it is time for one, and send the notices that are due."""
    check_due()
    notices.deliver_due()


def check_due() -> bool:
    """Run the checks if it is time and nobody else does."""
    now = sql.clock()
    since = AlertRound.claim(now, EVERY, GAP)
    if since is not None:
        check(now, since)
    return since is not None


def check(now: datetime, since: datetime) -> None:
    """Run every check now. A check that breaks leaves its alerts as they are, and the others alone."""
    for kind, registered in checks.registered().items():
        try:
            found = {finding.subject: finding for finding in registered.find(CheckRound(now, since))}
            _settle(kind, registered.closes_after, found, now)
        except Exception:
            _log.exception("a check for alerts failed", kind=kind)
    _announce(now)


def clean_up() -> None:
    """Forget alerts that were over 90 days ago, and mutes that were."""
    old = sql.clock() - KEPT
    Alert.objects.filter(closed_at__lt=old).delete()
    AlertMute.objects.filter(until__lt=old).delete()


def open_by_kind() -> dict[str, int]:
    """Count how many are open, by kind; none is 0."""
    rows = Alert.objects.filter(closed_at=None).order_by().values("kind").annotate(number=Count("id"))
    return dict.fromkeys(checks.registered(), 0) | dict(rows.values_list("kind", "number"))


def open_unmuted() -> list[Alert]:
    """List the alerts that are open and not muted, newest first."""
    return list(mutes.unmuted(Alert.objects.filter(closed_at=None), sql.clock()))


def _settle(kind: str, closes_after: timedelta, found: dict[str, Finding], now: datetime) -> None:
    known = {alert.subject: alert for alert in Alert.objects.filter(kind=kind, closed_at=None)}
    for subject in known.keys() - found.keys():
        _leave(known[subject], closes_after, now)
    for subject in known.keys() & found.keys():
        values = _values_of(found[subject])
        Alert.objects.filter(pk=known[subject].pk, closed_at=None).update(**values, seen_at=now, clear_since=None)
    fresh = [finding for subject, finding in found.items() if subject not in known]
    rows = [
        Alert(kind=kind, subject=finding.subject, opened_at=now, seen_at=now, **_values_of(finding))
        for finding in fresh[: max(MOST_OF_A_KIND - len(known), 0)]
    ]
    Alert.objects.bulk_create(rows, ignore_conflicts=True)  # another's may be there just now


def _values_of(finding: Finding) -> dict[str, object]:
    summary = finding.summary if len(finding.summary) <= 300 else f"{finding.summary[:299]}…"
    return {"account": finding.account, "summary": summary, "link": finding.link, "details": finding.details}


def _leave(alert: Alert, closes_after: timedelta, now: datetime) -> None:
    """Begin to wait, or close the alert: it was not found."""
    if now - (alert.clear_since or now) < closes_after:
        Alert.objects.filter(pk=alert.pk, closed_at=None, clear_since=None).update(clear_since=now)
        return
    with transaction.atomic():
        row = Alert.objects.select_for_update(no_key=True).filter(pk=alert.pk, closed_at=None).first()
        if row is None:
            return
        row.closed_at, row.clear_since = now, None
        row.save(update_fields=["closed_at", "clear_since"])
        notices.make(row, AlertNotice.Change.CLOSED, now)


def _announce(now: datetime) -> None:
    """Tell of what is open and was never told: the new ones, and those whose mute is over."""
    untold = Alert.objects.filter(closed_at=None, announced_at=None)
    for alert in mutes.unmuted(untold, now):
        with transaction.atomic():
            rows = Alert.objects.select_for_update(no_key=True).filter(pk=alert.pk, closed_at=None, announced_at=None)
            row = rows.first()
            if row and notices.make(row, AlertNotice.Change.OPENED, now):
                rows.update(announced_at=now)


def _watch(stopping: threading.Event) -> None:
    while not stopping.wait(_TICK_SECONDS):
        try:
            check_and_notify()
        except Exception as error:
            _log.warning("alerts were not looked after", error=type(error).__name__)
        finally:
            connections.close_all()
