"""Tells of each account what arrived, what was refused, and in one sentence why nothing does: the inbox page.

Every number is bounded or read from an index, so the page is quick whatever lies in the tables.
"""

import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.utils import timezone

from applications import addresses
from portal.models import TelnyxAccount
from portal.signatures import format_duration
from voice.events import refusal_reasons, rejections
from voice.inbox import applications
from voice.inbox.applications import Counted, WebhookSource
from voice.inbox.undelivered import events_since
from voice.models import CallEvent, RejectedRequest, Suspension

MOST = 5_000  # events of one status that are counted
_STATUSES = CallEvent.Status.values
_SINCE = {"hour": timedelta(hours=1), "day": timedelta(hours=24)}
_LATE = timedelta(seconds=60)  # an event that waits longer than this is waiting for a worker that is not there
_TONES = ("bad", "warn", "plain", "good")
_SHOWN = 10  # of the rejected requests of an account
# What no stranger can bring about without trying: it carries something like Telnyx's signature
_GRAVE = {"other_key", "stale", "timestamp_form", "not_base64", "length", "no_public_key"}


@dataclass(frozen=True)
class Refusals:
    """Holds requests that were refused in the last 24 hours: how many by kind, and the latest of them."""

    counts: list[tuple[str, refusal_reasons.Kind, int]]
    latest: list[RejectedRequest]

    @property
    def shown(self) -> list[RejectedRequest]:
        """Return the very last of them."""
        return self.latest[:_SHOWN]

    @property
    def total(self) -> int:
        """Count them without the portal's own checks of whether it can be reached."""
        return sum(count for code, _, count in self.counts if code != refusal_reasons.PROBE.code)


@dataclass(frozen=True)
class Verdict:
    """Holds one sentence, its tone (of ``_TONES``), and what to do."""

    tone: str
    words: str
    remedy: str = ""


@dataclass(frozen=True)
class Card:
    """Holds one account.

    ``counts`` are a status, its events of the last hour and day, where there are any, and the list of the day's.
    ``more``: of very many ``applications`` not all were looked at.
    """

    account: TelnyxAccount
    counts: list[tuple[str, int, int, str]]
    last: datetime | None
    waiting_since: datetime | None
    refused: Refusals
    applications: list[WebhookSource]
    more: bool
    verdict: Verdict


def cards(accounts: QuerySet[TelnyxAccount]) -> list[Card]:
    """Make one card an account, those with trouble first. The number of queries does not depend on what there is."""
    now = timezone.now()
    rows = list(_annotated(accounts, now))
    refused = _refused(now)
    sources, more = applications.webhook_sources(rows, now)
    none = Refusals([], [])
    found = [_card(row, refused.get(row.pk) or none, sources.get(row.pk, []), more, now) for row in rows]
    return sorted(found, key=lambda card: _TONES.index(card.verdict.tone))


def unknown_address() -> Refusals:
    """Collect what came to an address that nobody has."""
    return _refused(timezone.now()).get(None) or Refusals([], [])


def _annotated(accounts: QuerySet[TelnyxAccount], now: datetime) -> QuerySet[TelnyxAccount]:
    """Annotate ``<status>_hour``, ``<status>_day`` and ``<status>_last`` of each status, and what else a card tells."""
    columns: dict[str, Any] = {}
    for status in _STATUSES:
        events = CallEvent.objects.filter(account=OuterRef("pk"), status=status).order_by("-received_at")
        for name, length in _SINCE.items():
            recent = events.filter(received_at__gte=now - length)
            columns[f"{status}_{name}"] = Counted(recent.values("pk")[: MOST + 1])
        arrived = events.exclude(source=CallEvent.Source.BACKFILL)
        columns[f"{status}_last"] = Subquery(arrived.values("received_at")[:1])
    waiting = CallEvent.objects.filter(account=OuterRef("pk"), status=CallEvent.Status.RECEIVED)
    columns["oldest_waiting"] = Subquery(waiting.order_by("received_at").values("received_at")[:1])
    columns["is_suspended"] = Exists(Suspension.objects.filter(account=OuterRef("pk"), connection_id=""))
    return accounts.annotate(**columns)


def _refused(now: datetime) -> dict[uuid.UUID | None, Refusals]:
    """Collect the refusals of every account that has any."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    counted = rejections.counts_by_account(hour - timedelta(hours=23))
    latest: dict[uuid.UUID | None, list[RejectedRequest]] = defaultdict(list)
    for request in RejectedRequest.objects.filter(at__gt=now - _SINCE["day"])[: rejections.RING]:
        latest[request.account_id].append(request)
    return {
        account_id: Refusals(_by_kind(counted.get(account_id, Counter())), latest[account_id])
        for account_id in {*counted, *latest}
    }


def _by_kind(counts: Counter[str]) -> list[tuple[str, refusal_reasons.Kind, int]]:
    return [(code, refusal_reasons.kind(code), count) for code, count in counts.most_common()]


def _card(row: Any, refused: Refusals, applications: list[WebhookSource], more: bool, now: datetime) -> Card:
    times = [at for status in _STATUSES if (at := getattr(row, f"{status}_last"))]
    since, here = now - _SINCE["day"], {"account__id__exact": str(row.pk)}
    counts = [
        (status, getattr(row, f"{status}_hour"), day, events_since(since, status__exact=status, **here))
        for status in _STATUSES
        if (day := getattr(row, f"{status}_day"))
    ]
    last = max(times, default=None)
    verdict = (
        _of_key(row)
        or _of_refusals(refused, last, now)
        or (_of_arrivals(row, refused, last, now) if last else _of_silence(row, applications))
    )
    return Card(row, counts, last, row.oldest_waiting, refused, applications, more, verdict)


def _of_key(account: TelnyxAccount) -> Verdict | None:
    if account.public_keys:
        return None
    kind = refusal_reasons.kind(refusal_reasons.NO_PUBLIC_KEY.code)
    return Verdict("bad", f"Nothing can be verified: {kind.words}.", kind.remedy)


def _of_refusals(refused: Refusals, last: datetime | None, now: datetime) -> Verdict | None:
    """Judge by what was refused last: nothing ever got in, or nothing does any more."""
    day = now - timedelta(hours=24)
    since = [
        request
        for request in refused.latest
        if request.at > max(last or day, day) and request.code != refusal_reasons.PROBE.code
    ]
    grave = [request for request in since if request.code in _GRAVE or request.hint]
    if last is not None:  # a stranger's nonsense beside good webhooks is no trouble
        since = grave if now - last > _LATE else []
    if not since:
        return None
    newest = (grave or since)[0]
    grown = f" Nothing got in since {last:%Y-%m-%d %H:%M} UTC." if last else ""
    words = f"Requests arrive but are refused: {newest.reason}."
    return Verdict("bad", words + grown, f"{newest.hint} {refusal_reasons.kind(newest.code).remedy}".strip())


def _of_arrivals(row: Any, refused: Refusals, last: datetime, now: datetime) -> Verdict:
    ago = f"the last one came {format_duration((now - last).total_seconds())} ago"
    if row.oldest_waiting and now - row.oldest_waiting > _LATE:
        waits = format_duration((now - row.oldest_waiting).total_seconds())
        remedy = "Is a worker or the sweep running? The portal's home page tells the backlog."
        return Verdict("bad", f"Webhooks arrive, but they wait: the oldest since {waits}; {ago}.", remedy)
    if now - last > timedelta(hours=24):
        remedy = "If there were calls since then: look at the applications below, and ask Telnyx what did not arrive."
        return Verdict("plain", f"Webhooks arrived: {ago}.", remedy)
    unusable, turned_away = row.quarantined_day + row.dead_day, refused.total
    parts = [f"{_number(unusable)} could not be used"] if unusable else []
    parts += [f"{_number(turned_away)} request{'s were' if turned_away > 1 else ' was'} refused"] if turned_away else []
    extra = f" In the last 24 hours {' and '.join(parts)}." if parts else ""
    return Verdict("warn" if unusable else "good", f"Webhooks arrive: {ago}.{extra}")


def _of_silence(account: TelnyxAccount, applications: Sequence[WebhookSource]) -> Verdict:
    """Find the likeliest cause, visible from here, that nothing ever came."""
    never = "Nothing has ever arrived: "
    why = addresses.unreachable(settings.PORTAL_PUBLIC_URL) if account.is_live else ""
    if why:
        return Verdict("bad", f"{never}Telnyx cannot reach this portal, {why}.", "Set PORTAL_PUBLIC_URL and restart.")
    if not applications:
        remedy = "Pull the account's applications, or make one with the address below."
        return Verdict("warn", f"{never}the portal knows no application of this account.", remedy)
    if all(source.trouble for source in applications):
        remedy = "Below stands what is the matter with each; the address to give it stands there too."
        return Verdict("warn", f"{never}no application is set up to be heard here.", remedy)
    remedy = "Press “Webhook reachable?”, and ask Telnyx what did not arrive."
    return Verdict("plain", f"{never}there was no call yet, or Telnyx cannot reach the address.", remedy)


def _number(count: int) -> str:
    return f"{count:,}" if count <= MOST else f"more than {MOST:,}"
