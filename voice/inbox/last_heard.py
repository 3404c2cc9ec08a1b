"""Tells when an application was last heard of, and what of it had to be fetched from Telnyx."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from applications.models import TelnyxApplication
from portal.models import TelnyxAccount
from voice.inbox.applications import trouble
from voice.inbox.undelivered import list_since
from voice.models import CallEvent

_Source, _Status = CallEvent.Source, CallEvent.Status
_DAY = timedelta(hours=24)
_MOST = 1000  # that are counted


@dataclass(frozen=True)
class LastHeard:
    """Holds the time of the ``last`` usable webhook; ``recovered`` counts events of 24 hours that none brought.

    ``check`` says, of one never heard of, what is odd about its settings.
    """

    last: datetime | None
    recovered: int
    recovered_url: str
    check: str

    @property
    def recovered_words(self) -> str:
        return f"{self.recovered:,}" if self.recovered <= _MOST else f"more than {_MOST:,}"


def last_heard(application: TelnyxApplication) -> LastHeard:
    """Read both from indexes by application, however many events there are."""
    here = {"connection_id": application.telnyx_id, "account": application.account_id}
    usable = CallEvent.objects.filter(**here, source__in=(_Source.WEBHOOK, _Source.TEXML))
    usable = usable.exclude(status__in=(_Status.QUARANTINED, _Status.DEAD)).order_by("-received_at")
    last = usable.values_list("received_at", flat=True).first()
    since = timezone.now() - _DAY
    fetched = CallEvent.objects.filter(**here, source=_Source.BACKFILL, received_at__gte=since).order_by()
    return LastHeard(
        last=last,
        recovered=fetched[: _MOST + 1].count(),
        recovered_url=list_since(application, since, source__exact=_Source.BACKFILL),
        check=trouble(application, TelnyxAccount.objects.all()) if not last else "",
    )
