"""Brings back what webhooks did not bring: failed deliveries, Telnyx's record of calls, and calls whose end is nowhere.

``GET /webhook_deliveries`` and ``GET /call_events`` are read. How long Telnyx keeps deliveries is undocumented; its
record of calls goes back 24 hours, and longer when asked for one leg.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from applications import receivers
from portal.actors import Actor
from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from portal.telnyx import paging
from portal.telnyx.errors import TelnyxError, TelnyxRefused, TelnyxUncertain
from portal.times import read_time
from voice.models import Recovery
from voice.recovery import open_calls, runs
from voice.recovery.collector import SETTLED, Found, RecoveryRun

OVERLAP = timedelta(minutes=15)  # read again before the watermark: Telnyx may list a delivery late
FIRST_LOOK = timedelta(hours=24)
GAP = timedelta(minutes=20)  # after so long without a run, more may be missing than Telnyx calls failed
_MOST_PAGES = 400  # of 250 deliveries: what is beyond is left to the next run
_TRIES = 12


def recover(account: TelnyxAccount, actor: Actor, **how: Any) -> Recovery:
    """One run for ``account``, or the one that is already under way; ``how`` as in ``run``."""
    record, _ = runs.request(account, actor)
    if runs.begin(record):
        run(record, **how)
    return record


def run(
    record: Recovery,
    *,
    since: datetime | None = None,
    now: datetime | None = None,
    told: Callable[[Recovery], None] | None = None,
) -> None:
    """Carry out a run that ``recoveries.begin`` gave to the caller. Nothing that Telnyx may answer is raised.

    ``since`` makes it look further back, never less far. ``now`` is the present time unless somebody says another.
    """
    look = RecoveryRun(record, now or timezone.now(), told or (lambda record: None))
    try:
        _run(look, since)
    except runs.Replaced:
        record.refresh_from_db()
        return
    except BaseException:
        runs.finish(record, Recovery.State.FAILED, "It was interrupted.")
        raise
    state = Recovery.State.FAILED if look.problems else Recovery.State.DONE
    runs.finish(record, state, " ".join(dict.fromkeys(look.problems + look.unanswered)))


def count_young(account: TelnyxAccount, after: datetime, before: datetime) -> int:
    """How many deliveries failed between the two times: too lately for a run that read until ``after``.

    Raises a ``TelnyxError``.
    """
    between = {"gte": after.isoformat(), "lte": before.isoformat()}
    wanted = {"status": {"eq": "failed"}, "finished_at": between}
    page = next(paging.read_pages(account, "webhook_deliveries.list", most=1, filter=wanted))
    return page.total if page.total is not None else len(page.rows)


def _run(look: RecoveryRun, asked: datetime | None) -> None:
    """Step by step. What Telnyx refuses of one leaves the others; when it cannot be asked, that is all.

    The first two are what the watermark tells of. The last begins anew with every run.
    """
    mark, until = runs.watermark(look.account), look.now - SETTLED
    since = min(filter(None, (mark - OVERLAP if mark else look.now - FIRST_LOOK, until, asked)))
    runs.count(look.record, Counter(), since=since, until=until)
    wide = asked is not None or mark is None or mark < look.now - GAP or runs.has_just_failed(look.account)
    steps: tuple[tuple[Callable[[], None], list[str]], ...] = (
        (lambda: _read_deliveries(look, since, until), look.problems),
        # what Telnyx could not deliver may not be all that is missing
        (
            lambda: open_calls.read_records(look, since) if wide or look.record.events_recovered else None,
            look.problems,
        ),
        (lambda: open_calls.close_lost_calls(look), look.unanswered),
    )
    for step, problems in steps:
        try:
            step()
        except TelnyxRefused as error:
            problems.append(str(error))
        except TelnyxError as error:
            problems.append(str(error))
            return


def _read_deliveries(look: RecoveryRun, since: datetime, until: datetime) -> None:
    """Those that failed and ended before ``until``, so that the list does not grow while it is read. Of too many the
    older half, as often as need be: then the next run goes on from there."""
    seen: set[str] = set()
    for _ in range(_TRIES):
        last, totals = None, set[int | None]()
        for last in _pages(look, since, until):
            totals.add(last.total)
            _take_deliveries(look, last.rows, seen)
        if last is None or not last.is_last:
            until = since + (until - since) / 2
        elif last.complete and len(totals) == 1:  # else a row may have slipped from one page to another unseen
            runs.count(look.record, Counter(), until=until)
            return
    raise TelnyxUncertain("Telnyx's list of failed deliveries could not be read whole.")


def _pages(look: RecoveryRun, since: datetime, until: datetime) -> Iterator[paging.Page]:
    """None at all when there are too many."""
    wanted = {
        "status": {"eq": "failed"},
        "started_at": {"gte": since.isoformat()},
        "finished_at": {"lte": until.isoformat()},
    }
    for page in paging.read_pages(look.account, "webhook_deliveries.list", most=_MOST_PAGES, filter=wanted):
        if (page.total or 0) > _MOST_PAGES * paging.PAGE:
            return
        yield page


def _take_deliveries(look: RecoveryRun, rows: list[JsonObject], seen: set[str]) -> None:
    fresh = {str(row.get("id")) for row in rows} - seen
    seen |= fresh
    look.count(deliveries_read=len(fresh))
    ended = [row for row in reversed(rows) if look.is_settled(read_time(row.get("finished_at")))]
    told = [row for row in ended if isinstance(row.get("webhook"), dict)]
    others = receivers.pointing_elsewhere(look.account, map(_connection, told))
    ours = (one for one in told if _connection(one) not in others or receivers.was_sent_here(look.account, _tried(one)))
    look.take(Found(row["webhook"], _meta(row)) for row in ours)


def _meta(row: JsonObject) -> JsonObject:
    """As the last attempt would have said it; Telnyx lists the latest first."""
    tried = _tried(row)
    return {"attempt": len(tried), "delivered_to": receivers.url_of(tried[0]) if tried else None}


def _tried(row: JsonObject) -> list[JsonObject]:
    attempts = row.get("attempts")
    return [one for one in attempts if isinstance(one, dict)] if isinstance(attempts, list) else []


def _connection(row: JsonObject) -> str:
    """The application whose webhook it is; the list is of the whole account, whoever its receivers are."""
    payload = row["webhook"].get("payload")
    named = payload.get("connection_id") if isinstance(payload, dict) else None
    return named if isinstance(named, str) else ""
