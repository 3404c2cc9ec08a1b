"""Reads Telnyx's lists that are paged by number, whole up to a bound."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from portal.models import TelnyxAccount
from portal.telnyx.client import DEADLINE_SECONDS, ask
from portal.times import uptime

MOST_PAGES, PAGE = 4, 250


@dataclass(frozen=True)
class Page:
    """Holds ``rows`` as Telnyx sent them; ``total`` is how many the list has, if it tells.

    ``complete``: this is the end, and as many rows were told as Telnyx counts, if it does.
    """

    rows: list[dict[str, Any]]
    total: int | None
    is_last: bool
    complete: bool


@dataclass(frozen=True)
class Listing:
    """Holds ``rows`` as Telnyx sent them; not ``complete`` when there were more pages than were read."""

    rows: list[dict[str, Any]]
    complete: bool


def read_all(account: TelnyxAccount, method: str, *path: str, **values: Any) -> Listing:
    """Read at most 1000 rows of a list (``conferences.list``). Raises what ``ask`` raises.

    No page is begun once there was time for one that takes its longest: a web request may be waiting for the list.
    """
    until, pages = uptime() + DEADLINE_SECONDS, list[Page]()
    for page in read_pages(account, method, *path, **values):
        pages.append(page)
        if uptime() >= until:
            break
    return Listing([row for page in pages for row in page.rows], complete=pages[-1].complete)


def read_pages(
    account: TelnyxAccount, method: str, *path: str, most: int = MOST_PAGES, **values: Any
) -> Iterator[Page]:
    """Read page after page, at least one, at most ``most``. Raises what ``ask`` raises."""
    seen, counted = 0, 0
    for number in range(1, most + 1):
        answer = ask(account, method, *path, **values, **{"page[number]": number, "page[size]": PAGE})
        page, given = answer.get("data"), answer.get("meta")
        meta = given if isinstance(given, dict) else {}
        rows = [row for row in page if isinstance(row, dict)] if isinstance(page, list) else []
        last = _is_last(meta.get("total_pages"), number, len(rows))
        total = meta.get("total_results")
        total = total if isinstance(total, int) else None
        seen += len(page) if isinstance(page, list) else 0
        counted = counted if total is None else total
        yield Page(rows, total, last, last and isinstance(page, list) and seen >= counted)
        if last:
            return


def _is_last(total: object, number: int, count: int) -> bool:
    return count == 0 or (number >= total if isinstance(total, int) else count < PAGE)
