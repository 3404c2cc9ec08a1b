"""Sends notices of alerts: a notice is a row before it is a message; each channel tells a state change once.

A notice is claimed by a committed UPDATE that counts the try; a sender that dies leaves it to the next one, under the
same ``webhook-id`` and ``Message-ID``. An alert's end is told after its beginning, never before.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from portal import sql
from portal.leases import Leased
from portal.masking import set_up_for
from voice.alerts import channels as alert_channels
from voice.alerts import mutes
from voice.models import Alert, AlertNotice

LEASE = timedelta(seconds=150)  # longer than the slowest mail server is waited for
PAUSES = (10, 30, 60, 120, 300, 600, 1800)  # seconds after each try that failed; then it is given up
MAX_ATTEMPTS = len(PAUSES) + 1
_Outcome = AlertNotice.Outcome

_log = structlog.get_logger(__name__)


def make(alert: Alert, change: str, now: datetime) -> int:
    """Make a notice for every channel that is set up, in the transaction of the change; return how many.

    Of an end only to those that were to tell of the beginning.
    """
    channels = set(alert_channels.set_up())
    if change == AlertNotice.Change.CLOSED:
        channels &= set(alert.notices.filter(change=AlertNotice.Change.OPENED).values_list("channel", flat=True))
    rows = [
        AlertNotice(alert=alert, change=change, channel=channel, body=body(alert, change), created_at=now)
        for channel in sorted(channels)
    ]
    AlertNotice.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def body(alert: Alert, change: str) -> dict[str, Any]:
    """Make what a notice says. No phone number and no secret is in it."""
    # the link is our own: of an address of digits, as 203.0.113.10, masking would leave none to follow
    words: dict[str, Any] = set_up_for(None, {"subject": alert.subject, "summary": alert.summary})
    return {
        "type": f"alert.{change}",
        "id": str(alert.pk),
        "kind": alert.kind,
        **words,
        "link": settings.PORTAL_PUBLIC_URL + alert.link if alert.link else "",
        "opened_at": _iso(alert.opened_at),
        "closed_at": _iso(alert.closed_at),
    }


def deliver_due(limit: int = 20) -> int:
    """Send what is due now, oldest first; return how many tries that were. Never inside a transaction."""
    ids = list(_unsent().due().order_by("created_at", "-change").values_list("id", flat=True)[:limit])
    return sum(deliver(notice_id) for notice_id in ids)


def deliver(notice_id: uuid.UUID) -> bool:
    """Try once, if it is due and nobody else has it."""
    if not _unsent().filter(pk=notice_id).claim(LEASE, attempts=F("attempts") + 1):
        return False
    notice = AlertNotice.objects.select_related("alert").get(pk=notice_id)
    if mutes.is_muted(notice.alert, sql.clock()):
        _hold_back(notice)
        return False
    problem = alert_channels.send(notice.channel, notice.pk, notice.body)
    if not problem:
        _finish(notice, _Outcome.SENT)
    elif notice.attempts >= MAX_ATTEMPTS:
        _log.warning("a notice of an alert is given up", channel=notice.channel, reason=problem)
        _finish(notice, _Outcome.FAILED, problem)
    else:
        later = timedelta(seconds=PAUSES[notice.attempts - 1])
        _mine(notice).update(lease_until=sql.Now() + later, error=problem[:300])
    return True


def test() -> dict[str, str]:
    """Send a test notice by every channel; return by channel what went wrong, empty when it went out."""
    payload = {
        "type": "alert.test",
        "id": str(uuid.uuid4()),
        "kind": "test",
        "subject": "portal",
        "summary": "This is a test. Nothing is wrong.",
        "link": f"{settings.PORTAL_PUBLIC_URL}/admin/",
        "opened_at": _iso(sql.clock()),
        "closed_at": None,
    }
    return {channel: alert_channels.send(channel, uuid.uuid4(), payload) for channel in alert_channels.set_up()}


def _unsent() -> Leased[AlertNotice]:
    opening = AlertNotice.objects.filter(
        alert=OuterRef("alert"), channel=OuterRef("channel"), change=AlertNotice.Change.OPENED, finished_at=None
    )
    first = Q(change=AlertNotice.Change.OPENED) | ~Exists(opening)
    return AlertNotice.objects.filter(first, finished_at=None)


def _mine(notice: AlertNotice) -> QuerySet[AlertNotice]:
    """Select the row while nobody has taken it over."""
    return AlertNotice.objects.filter(pk=notice.pk, finished_at=None, attempts=notice.attempts)


def _hold_back(notice: AlertNotice) -> None:
    """Hold a muted notice back. A beginning that outlasts the mute is told then, as if new."""
    with transaction.atomic():
        here = Alert.objects.select_for_update(no_key=True).filter(pk=notice.alert_id, closed_at=None)
        if notice.change == AlertNotice.Change.OPENED and here.first():
            _mine(notice).delete()
            here.update(announced_at=None)
            return
        # over by now: of a beginning that nobody heard of, no end is told either
        waiting = AlertNotice.objects.filter(alert=notice.alert_id, channel=notice.channel, finished_at=None)
        waiting.update(outcome=_Outcome.MUTED, finished_at=sql.Now(), lease_until=None)


def _finish(notice: AlertNotice, outcome: str, error: str = "") -> None:
    _mine(notice).update(outcome=outcome, error=error[:300], finished_at=sql.Now(), lease_until=None)


def _iso(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
