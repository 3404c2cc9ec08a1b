"""Finds applications that are silent although their calls are live: a webhook was due, and none came.

A quiet conversation proves nothing. Proof is one of these, from three minutes ago, with no webhook of *any* call of the
application since: Telnyx carried out a command that brings one at once; a call is live that no webhook told of; events
of two calls came from Telnyx only because the portal asked. It lasts until a webhook of the application comes.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet
from django.urls import reverse

from applications import receivers
from applications.models import CallControlApplication, TelnyxApplication, TexmlApplication
from portal.times import read_time
from voice.alerts.findings import CheckRound, Finding
from voice.dispatch import sender
from voice.models import HAPPENED_AT, Alert, Call, CallCommand, CallEvent

KIND = "application_silent"
AFTER = timedelta(minutes=3)
WITHIN = timedelta(minutes=15)
_SKEW = timedelta(seconds=30)  # of when a call began, which Telnyx tells as a duration
# each brings its first webhook within a moment, whatever the caller does
PROMPT = ("dial", "answer", "hangup", "reject", "speak", "start_playback", "transfer", "enqueue")

_Key = tuple[uuid.UUID, str]  # account and connection_id


@dataclass(frozen=True)
class Proof:
    """Says that a webhook was due then. ``why`` in words."""

    at: datetime
    why: str


def silent_applications(check_round: CheckRound) -> Iterator[Finding]:
    """Find silent applications, one finding each; what was found before stays found until it is heard."""
    for (account_id, connection_id), proof in (_proofs(check_round) | _known()).items():
        if _has_webhook_since(account_id, connection_id, proof.at):
            continue
        application = _application(account_id, connection_id)
        if application is None or application.missing_since or receivers.is_elsewhere(application):
            continue
        yield Finding(
            f"{application.account.name}/{connection_id}",
            f"No webhook of “{application}” ({application.account}) has come since {proof.at:%H:%M:%S} UTC, and "
            f"{proof.why}.",
            application.account,
            reverse(f"admin:applications_{application._meta.model_name}_change", args=[application.pk]),
            {"connection_id": connection_id, "silent_since": proof.at.isoformat(), "why": proof.why},
        )


def _proofs(check_round: CheckRound) -> dict[_Key, Proof]:
    """Collect proofs of what happened since the checks run: while the portal was off, no webhook could come."""
    return _recovered(check_round) | _unheard(check_round) | _commanded(check_round)


def _known() -> dict[_Key, Proof]:
    found = {}
    for alert in Alert.objects.filter(kind=KIND, closed_at=None).exclude(account=None):
        at = read_time(alert.details.get("silent_since"))
        if at and alert.account_id:
            key = (alert.account_id, str(alert.details.get("connection_id")))
            found[key] = Proof(at, str(alert.details.get("why")))
    return found


def _commanded(check_round: CheckRound) -> dict[_Key, Proof]:
    rows = _commands(check_round).values_list("account_id", "call__connection_id")
    found = {}
    for account_id, connection_id, at in rows.annotate(at=Max("first_sent_at")).order_by():
        if not connection_id or _has_webhook_since(account_id, connection_id, at):
            continue
        # only now, since it costs: those whose webhooks were ordered to another address tell nothing
        own = _commands(check_round).filter(account=account_id, call__connection_id=connection_id)
        own = own.filter(~Exists(_ordered_elsewhere("call")))
        if at := own.aggregate(at=Max("first_sent_at"))["at"]:
            found[account_id, connection_id] = Proof(at, "Telnyx has carried out commands on its calls")
    return found


def _ordered_elsewhere(call: str) -> QuerySet[CallCommand]:
    ordered = Q(parameters__has_any_keys=["webhook_url", "webhook_urls", "StatusCallback", "StatusCallbacks"])
    return CallCommand.objects.filter(ordered, call=OuterRef(call))


def _commands(check_round: CheckRound) -> QuerySet[CallCommand]:
    rows = CallCommand.objects.filter(
        status=CallCommand.Status.OK,
        created_at__gt=check_round.now - WITHIN,
        first_sent_at__gt=check_round.since,
        action__in=PROMPT,
        first_sent_at__lt=check_round.now - AFTER,
    )
    return rows.exclude(settlement=sender.WAS_OVER)  # Telnyx has done nothing, and tells of nothing


def _unheard(check_round: CheckRound) -> dict[_Key, Proof]:
    """Find calls that live here because a recovery saw them in Telnyx's list: no webhook ever told of them."""
    webhooks = CallEvent.objects.filter(call=OuterRef("pk")).exclude(source=CallEvent.Source.BACKFILL)
    # of a TeXML call only the end is told, unless more was asked for
    rows = Call.objects.alive().filter(is_texml=False).exclude(connection_id="")
    rows = rows.filter(
        started_at__gt=max(check_round.now - 4 * WITHIN, check_round.since), started_at__lt=check_round.now - AFTER
    )
    rows = rows.filter(~Exists(webhooks), ~Exists(_ordered_elsewhere("pk")))
    begun = rows.order_by().values_list("account_id", "connection_id").annotate(at=Max("started_at"))
    why = "a live call in it is known only from Telnyx's list or from its dial"
    return {(account_id, connection_id): Proof(at - _SKEW, why) for account_id, connection_id, at in begun}


def _recovered(check_round: CheckRound) -> dict[_Key, Proof]:
    """Find applications of whose calls only a recovery told.

    Two calls at least: of one, a restart of the portal may have cost a delivery.
    """
    rows = CallEvent.objects.filter(
        source=CallEvent.Source.BACKFILL,
        received_at__gt=check_round.now - WITHIN,
        occurred_at__gt=max(check_round.now - 4 * WITHIN, check_round.since),
    )
    grouped = rows.exclude(connection_id="").values_list("account_id", "connection_id").order_by()
    by_application = grouped.annotate(at=Min(HAPPENED_AT), calls=Count("call_control_id", distinct=True))
    why = "its events had to be fetched from Telnyx"
    return {
        (account_id, connection_id): Proof(at, why)
        for account_id, connection_id, at, calls in by_application
        if calls > 1 and at < check_round.now - AFTER
    }


def _has_webhook_since(account_id: uuid.UUID, connection_id: str, since: datetime) -> bool:
    rows = CallEvent.objects.filter(account=account_id, connection_id=connection_id, received_at__gt=since)
    return rows.exclude(source=CallEvent.Source.BACKFILL).exists()


def _application(account_id: uuid.UUID, connection_id: str) -> TelnyxApplication | None:
    for model in (CallControlApplication, TexmlApplication):
        rows = model._default_manager.select_related("account")
        if row := rows.filter(account=account_id, telnyx_id=connection_id).first():
            return row
    return None
