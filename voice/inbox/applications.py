"""Lists an account's applications for the inbox: when heard last, and where Telnyx sends their webhooks."""

import uuid
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Exists, IntegerField, OuterRef, QuerySet, Subquery

from applications import receivers
from applications.kinds import KINDS, Kind
from applications.models import CallControlApplication, TelnyxApplication, TexmlApplication
from portal.models import TelnyxAccount
from voice.models import CallEvent, Suspension

MOST = 500  # events of a day that are counted of one application; beyond that it is busy
_DAY = timedelta(hours=24)
MOST_OF_ALL = 2000  # applications of a kind that are looked at


@dataclass(frozen=True)
class WebhookSource:
    """Holds one application. ``trouble`` says why nothing of it may arrive; empty when it points here."""

    application: TelnyxApplication
    kind: Kind
    last: datetime | None
    is_silent: bool
    trouble: str

    @property
    def rank(self) -> tuple[int, float, str]:
        """Order those with trouble first, then the silent ones, then those heard last."""
        order = 0 if self.trouble else 1 if self.is_silent else 2
        return order, -self.last.timestamp() if self.last else 0, self.application.name

    @property
    def is_call_control(self) -> bool:
        return isinstance(self.application, CallControlApplication)


class Counted(Subquery):
    """Counts how many rows a sliced query has: never further than the slice."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


def webhook_sources(
    accounts: Collection[TelnyxAccount], now: datetime
) -> tuple[dict[uuid.UUID, list[WebhookSource]], bool]:
    """List per account what Telnyx still has, trouble first, and say whether there is more than was looked at.

    One query a kind, whatever their number.
    """
    found: dict[uuid.UUID, list[WebhookSource]] = defaultdict(list)
    more = False
    by_id = {account.pk: account for account in accounts}
    ours = list(TelnyxAccount.objects.all())
    for kind in KINDS:
        rows = list(_rows(kind, by_id))
        more = more or len(rows) > MOST_OF_ALL
        for row in rows[:MOST_OF_ALL]:
            row.account = by_id[row.account_id]
            last: datetime | None = row.last_event  # type: ignore[attr-defined]
            silent = last is None or last < now - _DAY
            found[row.account_id].append(WebhookSource(row, kind, last, silent, trouble(row, ours)))
    ranked = {account_id: sorted(sources, key=lambda source: source.rank) for account_id, sources in found.items()}
    return ranked, more


def events_of_a_day(shown: Collection[WebhookSource], now: datetime) -> dict[uuid.UUID, int]:
    """Count the events each of ``shown`` had in 24 hours, by its id; up to one more than ``MOST``."""
    counts: dict[uuid.UUID, int] = {}
    events = CallEvent.objects.filter(account=OuterRef("account"), connection_id=OuterRef("telnyx_id"))
    recent = events.filter(received_at__gte=now - _DAY).order_by("-received_at").values("received_at")
    for kind in KINDS:
        rows = kind.model._default_manager.filter(
            pk__in=[source.application.pk for source in shown if source.kind == kind]
        )
        counts |= rows.order_by().annotate(day=Counted(recent[: MOST + 1])).values_list("pk", "day")
    return counts


def trouble(application: TelnyxApplication, ours: Collection[TelnyxAccount]) -> str:
    """Say why webhooks of ``application`` may not arrive, by its own settings; ``ours`` are all accounts."""
    if application.active is False:
        return "It is switched off at Telnyx."
    if isinstance(application, CallControlApplication):
        return _of_address(application, ours) or _of_version(application)
    return _of_callback(application) if isinstance(application, TexmlApplication) else ""


def _of_version(application: CallControlApplication) -> str:
    if application.webhook_api_version == "2":
        return ""
    return "Its webhook API version is not 2: the old format cannot be used here."


def _of_address(application: CallControlApplication, ours: Collection[TelnyxAccount]) -> str:
    url = application.webhook_event_url
    if url == application.account.webhook_url:
        return ""
    if not url:
        return "Telnyx has no address for its webhooks: they go nowhere."
    host, owner = _host(url), next((account for account in ours if receivers.points_here(url, account)), None)
    if owner is None:
        return f"Telnyx sends its webhooks elsewhere: to {host or 'an address that cannot be read'}."
    if owner.pk != application.account_id:
        same = set(owner.public_keys) & set(application.account.public_keys)
        which = "which has its events" if same else "whose key does not fit"
        return f"Telnyx sends its webhooks to the address of the account {owner}, {which}."
    if host != urlsplit(settings.PORTAL_PUBLIC_URL).netloc:
        return f"Telnyx sends its webhooks to the host {host}; PORTAL_PUBLIC_URL names another."
    return "Its address is not quite the account's: copy it anew."


def _of_callback(application: TexmlApplication) -> str:
    """Say what is wrong with a TeXML address: any below ``texml/`` is one. A fetch gets an empty document."""
    mine = f"{settings.PORTAL_PUBLIC_URL}{receivers.path_of(application.account)}texml/"
    if application.voice_url.startswith(mine):
        return "Its voice URL is this portal's address for status callbacks: its calls would end there."
    if not application.status_callback.startswith(mine):
        return "Its status callback is not this portal's: it is heard only if its documents ask for that."
    if application.status_callback_method.lower() == "get":
        return "Its status callback comes by GET, which is refused here: set the method to POST."
    return ""


def _host(url: str) -> str:
    """Return the host without a password; empty for what cannot be read."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""


def _rows(kind: Kind, accounts: Collection[uuid.UUID]) -> QuerySet[TelnyxApplication]:
    arrived = CallEvent.objects.filter(account=OuterRef("account"), connection_id=OuterRef("telnyx_id"))
    arrived = arrived.exclude(source=CallEvent.Source.BACKFILL).order_by("-received_at")
    rows = kind.model._default_manager.filter(account__in=accounts, missing_since=None)
    held = Suspension.objects.filter(account=OuterRef("account"), connection_id=OuterRef("telnyx_id"))
    rows = rows.annotate(last_event=Subquery(arrived.values("received_at")[:1]), is_suspended=Exists(held))
    return rows.defer("remote", "inbound", "outbound", "tags").order_by("pk")[: MOST_OF_ALL + 1]
