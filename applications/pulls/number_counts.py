"""Keeps how many phone numbers each application has, as Telnyx lists them, and when it did. No number is kept."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import Min, Q, QuerySet

from applications.kinds import KINDS, Kind, kind_of
from applications.models import NumbersReading, TelnyxApplication
from portal import sql
from portal.models import TelnyxAccount
from portal.telnyx.errors import TelnyxError
from portal.telnyx.paging import PAGE, read_pages
from portal.telnyx.patience import nobody

_MOST_PAGES = 40  # 10,000 numbers
_log = structlog.get_logger(__name__)


def count(account: TelnyxAccount, alive: Callable[[], None] = nobody) -> None:
    """Count the numbers of each application; what was counted before stays when Telnyx does not tell all."""
    at = sql.clock()
    try:
        counts = _listed(account, alive)
    except TelnyxError as error:
        _log.warning("phone numbers not counted", account=account.name, error=str(error))
        return
    if counts is None:
        _log.warning("phone numbers not counted", account=account.name, error="There are too many, or not all came.")
        return
    with transaction.atomic():
        for kind in KINDS:
            _write(kind, account, counts, at)
        NumbersReading.objects.update_or_create(account=account, defaults={"at": at})


def keep(application: TelnyxApplication, count: int, at: datetime) -> None:
    """Keep what Telnyx told of one application, asked at ``at``."""
    rows = kind_of(application).rows(application.account).filter(pk=application.pk)
    _older(rows, at).update(numbers_count=count, numbers_read_at=at)


def tell_times(rows: Iterable[TelnyxApplication]) -> None:
    """Give each row, as ``numbers_as_of``, when its numbers were last counted; None where they never were."""
    readings = dict(NumbersReading.objects.values_list("account", "at"))
    for row in rows:
        counted = None if row.missing_since else readings.get(row.account_id)  # of what is missing no number is
        known = [at for at in (row.numbers_read_at, counted) if at]
        row.numbers_as_of = max(known) if known and row.numbers_count is not None else None


def as_of() -> datetime | None:
    """Return since when every count was read again that there is; None where none was."""
    earliest: datetime | None = NumbersReading.objects.aggregate(at=Min("at"))["at"]
    return earliest


def _write(kind: Kind, account: TelnyxAccount, counts: Counter[str], at: datetime) -> None:
    """Write the counts that are others than before."""
    rows = _older(kind.rows(account), at)
    ids = defaultdict[int, list[str]](list)
    for id, known in rows.order_by().values_list("telnyx_id", "numbers_count").iterator():
        if counts[id] != known:
            ids[counts[id]].append(id)
    for number, those in ids.items():
        rows.filter(telnyx_id__in=those).update(numbers_count=number, numbers_read_at=at)


def _listed(account: TelnyxAccount, alive: Callable[[], None]) -> Counter[str] | None:
    """Count by application; None when there are more than are read, or fewer came than Telnyx says."""
    counts = Counter[str]()
    for page in read_pages(account, "phone_numbers.list", most=_MOST_PAGES):
        alive()
        if page.total is not None and page.total > _MOST_PAGES * PAGE:
            return None
        counts.update(id for row in page.rows if isinstance(id := row.get("connection_id"), str) and id)
    return counts if page.complete else None


def _older(rows: QuerySet[TelnyxApplication], at: datetime) -> QuerySet[TelnyxApplication]:
    return rows.filter(Q(numbers_read_at=None) | Q(numbers_read_at__lt=at), missing_since=None)
