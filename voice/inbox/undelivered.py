"""Lists webhooks of an application that failed: unusable here, or not delivered by Telnyx."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from applications.models import TelnyxApplication
from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from portal.telnyx.client import ask
from portal.telnyx.errors import TelnyxUnread
from portal.times import read_time
from voice.catalogue.event_types import label
from voice.models import CallEvent

_DAY = timedelta(hours=24)
MOST = 50  # deliveries on a page
PAGE = "admin:voice_callevent_undelivered"


@dataclass(frozen=True)
class Undelivered:
    """Holds one webhook that Telnyx gave up, by its own record."""

    event_type: str
    at: datetime | None
    attempts: int
    url: str
    is_ours: bool
    why: str

    @property
    def host(self) -> str:
        """Return where it was sent, without what is secret in an address: its path and its name and password."""
        try:
            return urlsplit(self.url).hostname or ""
        except ValueError:
            return ""


def failures(application: TelnyxApplication) -> JsonObject:
    """Count quarantined and dead events of the last 24 hours, and say where to ask Telnyx for the undelivered.

    ``old_format`` is the time of the last one in webhook API version 1, if no usable event has come since.
    """
    here: JsonObject = {"account": application.account_id, "connection_id": application.telnyx_id}
    bad, since = (CallEvent.Status.QUARANTINED, CallEvent.Status.DEAD), timezone.now() - _DAY
    rows = CallEvent.objects.filter(**here, status__in=bad, received_at__gte=since).order_by()
    counts = Counter(rows.values_list("status", flat=True))
    counted: JsonObject = {"quarantined": counts[bad[0]], "dead": counts[bad[1]], "count": counts.total()}
    counted["old_format"] = _last_in_old_format(rows, here) if counts[bad[0]] else None
    counted |= {f"{status}_url": list_since(application, since, status__exact=status) for status in bad}
    return counted | {"undelivered": f"{reverse(PAGE)}?{urlencode(here)}"}


def list_since(application: TelnyxApplication, since: datetime, **asked: str) -> str:
    """Return the address of the list of the application's events that came since then, and are as ``asked``."""
    here = {"account__id__exact": str(application.account_id), "connection_id": application.telnyx_id}
    return events_since(since, **asked, **here)


def events_since(since: datetime, **asked: str) -> str:
    """Return the address of the list of the events that came since then, and are as ``asked``."""
    # with its offset: on one day of the year an hour comes twice
    day, _, clock = timezone.localtime(since).isoformat(timespec="microseconds").partition("T")
    wanted = asked | {"received_at_from_0": day, "received_at_from_1": clock}
    return f"{reverse('admin:voice_callevent_changelist')}?{urlencode(wanted)}"


def undelivered(account: TelnyxAccount, connection_id: str) -> list[Undelivered]:
    """List what Telnyx failed to deliver of that application in 24 hours, newest first: one more than 50 at most.

    Of the whole account when ``connection_id`` is empty. ``GET /webhook_deliveries``. How long Telnyx keeps these
    records is undocumented. Raises a ``TelnyxError``.
    """
    query = {
        "filter[status][eq]": "failed",
        "filter[started_at][gte]": (timezone.now() - _DAY).isoformat(),
        "page[size]": str(MOST + 1),  # whether there are more
    }
    if connection_id:
        query["filter[webhook][contains]"] = connection_id
    listed = ask(account, "webhook_deliveries.list", extra_query=query).get("data")
    if not isinstance(listed, list):
        raise TelnyxUnread("Telnyx's list of webhook deliveries cannot be read.")
    return [_read(item, account) for item in listed if isinstance(item, dict)][: MOST + 1]


def _last_in_old_format(rows: QuerySet[CallEvent], here: JsonObject) -> datetime | None:
    times = (
        rows.filter(reason=CallEvent.Reason.OLD_FORMAT).order_by("-received_at").values_list("received_at", flat=True)
    )
    last = times.first()
    usable = (CallEvent.Status.RECEIVED, CallEvent.Status.PROCESSED, CallEvent.Status.IGNORED)
    delivered = CallEvent.objects.filter(**here, status__in=usable).exclude(source=CallEvent.Source.BACKFILL)
    return None if last is None or delivered.filter(received_at__gt=last).exists() else last


def _read(item: JsonObject, account: TelnyxAccount) -> Undelivered:
    webhook, attempts = _object(item.get("webhook")), item.get("attempts")
    tried = [attempt for attempt in attempts if isinstance(attempt, dict)] if isinstance(attempts, list) else []
    last = tried[0] if tried else {}
    http = _object(last.get("http"))
    status, errors = _object(http.get("response")).get("status"), last.get("errors")
    codes = [str(code) for code in errors] if isinstance(errors, list) else []
    why = f"HTTP {status}" if status else "no answer"
    event_type = str(webhook.get("event_type") or "")
    url = str(_object(http.get("request")).get("url") or "")
    return Undelivered(
        event_type=label(event_type) or event_type or "unknown event",
        at=read_time(item.get("started_at")),
        attempts=len(tried),
        url=url,
        is_ours=f"/{account.webhook_token}/" in url,
        why=f"{why} (Telnyx code {', '.join(codes)})" if codes else why,
    )


def _object(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}
