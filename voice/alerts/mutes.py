"""Mutes alerts: they are kept and shown, and nobody is told of them."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from portal import sql
from portal.actors import Actor
from portal.models import AuditEvent
from voice.models import Alert, AlertMute

SPANS: dict[str, timedelta | None] = {
    "1 hour": timedelta(hours=1),
    "8 hours": timedelta(hours=8),
    "1 day": timedelta(days=1),
    "7 days": timedelta(days=7),
    "for ever": None,
}


def active(now: datetime) -> list[AlertMute]:
    """List the mutes that hold now, newest first."""
    return list(AlertMute.objects.filter(_holding(now)))


def with_muted(alerts: QuerySet[Alert], now: datetime) -> QuerySet[Any]:
    """Annotate each alert with ``muted``: whether a mute covers it now."""
    return alerts.annotate(muted=_covered(now))


def tell_muted(alerts: list[Any], now: datetime) -> None:
    """Give each alert of a page its ``muted``: mutes are few, and read once."""
    rows = active(now)
    for alert in alerts:
        alert.muted = any(row.covers(alert.kind, alert.subject) for row in rows)


def unmuted(alerts: QuerySet[Alert], now: datetime) -> QuerySet[Alert]:
    """Keep the alerts that no mute covers now."""
    return alerts.filter(~_covered(now))


def is_muted(alert: Alert, now: datetime) -> bool:
    return any(row.covers(alert.kind, alert.subject) for row in active(now))


def mute(kind: str, subject: str, span: timedelta | None, reason: str, actor: Actor) -> AlertMute:
    """Mute from now for ``span``; None is for ever. An earlier one of the same kind and subject is replaced."""
    now = sql.clock()
    values = {"until": now + span if span else None, "reason": reason, "by": actor.label[:200], "created_at": now}
    with transaction.atomic():
        row, _ = AlertMute.objects.update_or_create(kind=kind, subject=subject, defaults=values)
        until = row.until.isoformat() if row.until else None
        AuditEvent.note(actor, "alert.mute", row, kind=kind, about=subject, until=until, reason=reason)
    return row


def unmute(row: AlertMute, actor: Actor) -> None:
    """End the mute now. What is open and was never told of is told with the next check."""
    with transaction.atomic():
        if AlertMute.objects.filter(pk=row.pk).delete()[0]:
            AuditEvent.note(actor, "alert.unmute", row, kind=row.kind, about=row.subject)


def _covered(now: datetime) -> Exists:
    here = Q(kind="") | Q(kind=OuterRef("kind")), Q(subject="") | Q(subject=OuterRef("subject"))
    return Exists(AlertMute.objects.filter(_holding(now), *here))


def _holding(now: datetime) -> Q:
    return Q(until=None) | Q(until__gt=now)
