"""Fetches what webhooks did not bring: failed deliveries, Telnyx's record of calls, calls whose end is nowhere.

``GET /webhook_deliveries`` and ``GET /call_events`` are read. How long Telnyx keeps deliveries is undocumented; its
record of calls goes back 24 hours, and longer when asked for one leg.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from applications import receivers
from portal import sql
from portal.actors import Actor
from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from portal.telnyx import paging
from portal.telnyx.errors import TelnyxError, TelnyxRefused, TelnyxUnread
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
    """Run a recovery for ``account``, or return the one that is already under way; ``how`` as in ``run``."""
    record, _ = runs.request(account, actor)
    if runs.begin(record):
        run(record, **how)
    return record


def run(
    record: Recovery,
    *,
    since: datetime | None = None,
    now: datetime | None = None,
    on_progress: Callable[[Recovery], None] | None = None,
) -> None:
    """Carry out a run that ``runs.begin`` gave to the caller. Nothing that Telnyx may answer is raised.

    ``since`` makes it look further back, never less far. ``now`` is the present time unless somebody says another.
    """
    this_run = RecoveryRun(record, now or sql.clock(), on_progress or (lambda record: None))
    try:
        _run(this_run, since)
    except runs.Replaced:
        record.refresh_from_db()
        return
    except BaseException:
        runs.finish(record, Recovery.State.FAILED, "It was interrupted.")
        raise
    state = Recovery.State.FAILED if this_run.problems else Recovery.State.DONE
    runs.finish(record, state, " ".join(dict.fromkeys(this_run.problems + this_run.unanswered)))


def count_young(account: TelnyxAccount, after: datetime, before: datetime) -> int:
    """Count the deliveries that failed between the two times: too lately for a run that read until ``after``.

    Raises a ``TelnyxError``.
    """
    between = {"gte": after.isoformat(), "lte": before.isoformat()}
    wanted = {"status": {"eq": "failed"}, "finished_at": between}
    page = next(paging.read_pages(account, "webhook_deliveries.list", most=1, filter=wanted))
    return page.total if page.total is not None else len(page.rows)


def _run(run: RecoveryRun, asked: datetime | None) -> None:
    """Take step after step. What Telnyx refuses of one leaves the others; when it cannot be asked, that is all.

    The first two are what the watermark tells of. The last begins anew with every run.
    """
    mark, until = runs.watermark(run.account), run.now - SETTLED
    since = min(filter(None, (mark - OVERLAP if mark else run.now - FIRST_LOOK, until, asked)))
    runs.count(run.record, Counter(), since=since, until=until)
    wide = asked is not None or mark is None or mark < run.now - GAP or runs.has_just_failed(run.account)
    steps: tuple[tuple[Callable[[], None], list[str]], ...] = (
        (lambda: _read_deliveries(run, since, until), run.problems),
        # what Telnyx could not deliver may not be all that is missing
        (
            lambda: open_calls.read_records(run, since) if wide or run.record.events_recovered else None,
            run.problems,
        ),
        (lambda: open_calls.close_lost_calls(run), run.unanswered),
    )
    for step, problems in steps:
        try:
            step()
        except TelnyxRefused as error:
            problems.append(str(error))
        except TelnyxError as error:
            problems.append(str(error))
            return


def _read_deliveries(run: RecoveryRun, since: datetime, until: datetime) -> None:
    """Read the deliveries that failed and ended before ``until``, so that the list does not grow while it is read.

    Of too many the older half, as often as need be: then the next run goes on from there.
    """
    seen: set[str] = set()
    for _ in range(_TRIES):
        last, totals = None, set[int | None]()
        for last in _pages(run, since, until):
            totals.add(last.total)
            _take_deliveries(run, last.rows, seen)
        if last is None or not last.is_last:
            until = since + (until - since) / 2
        elif last.complete and len(totals) == 1:  # else a row may have slipped from one page to another unseen
            runs.count(run.record, Counter(), until=until)
            return
    raise TelnyxUnread("Telnyx's list of failed deliveries could not be read whole.")


def _pages(run: RecoveryRun, since: datetime, until: datetime) -> Iterator[paging.Page]:
    """Read the pages of failed deliveries; none at all when there are too many."""
    query = {
        "status": {"eq": "failed"},
        "started_at": {"gte": since.isoformat()},
        "finished_at": {"lte": until.isoformat()},
    }
    for page in paging.read_pages(run.account, "webhook_deliveries.list", most=_MOST_PAGES, filter=query):
        if (page.total or 0) > _MOST_PAGES * paging.PAGE:
            return
        yield page


def _take_deliveries(run: RecoveryRun, rows: list[JsonObject], seen: set[str]) -> None:
    fresh = {str(row.get("id")) for row in rows} - seen
    seen |= fresh
    run.count(deliveries_read=len(fresh))
    ended = [row for row in reversed(rows) if run.is_settled(read_time(row.get("finished_at")))]
    readable = [row for row in ended if isinstance(row.get("webhook"), dict)]
    others = receivers.pointing_elsewhere(run.account, map(_connection, readable))
    ours = (
        row for row in readable if _connection(row) not in others or receivers.was_sent_here(run.account, _tried(row))
    )
    run.take(Found(row["webhook"], _meta(row)) for row in ours)


def _meta(row: JsonObject) -> JsonObject:
    """Make the ``meta`` of the last attempt; Telnyx lists the latest first."""
    tried = _tried(row)
    return {"attempt": len(tried), "delivered_to": receivers.url_of(tried[0]) if tried else None}


def _tried(row: JsonObject) -> list[JsonObject]:
    attempts = row.get("attempts")
    return [attempt for attempt in attempts if isinstance(attempt, dict)] if isinstance(attempts, list) else []


def _connection(row: JsonObject) -> str:
    """Return the id of the application whose webhook it is; the list is of the whole account."""
    payload = row["webhook"].get("payload")
    named = payload.get("connection_id") if isinstance(payload, dict) else None
    return named if isinstance(named, str) else ""
