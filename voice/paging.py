"""Lists of Telnyx that are paged by number, read whole up to a bound."""

from dataclasses import dataclass
from typing import Any

from portal.client import ask
from portal.models import TelnyxAccount

MOST_PAGES, PAGE = 4, 250


@dataclass(frozen=True)
class Listing:
    """``rows`` as Telnyx sent them; not ``complete`` when there were more pages than are read."""

    rows: list[dict[str, Any]]
    complete: bool


def whole(account: TelnyxAccount, method: str, *path: str, **values: Any) -> Listing:
    """At most 1000 rows of a list (``conferences.list``). Raises what ``ask`` raises."""
    rows: list[dict[str, Any]] = []
    for number in range(1, MOST_PAGES + 1):
        answer = ask(account, method, *path, **values, **{"page[number]": number, "page[size]": PAGE})
        page = answer.get("data")
        found = [row for row in page if isinstance(row, dict)] if isinstance(page, list) else []
        rows += found
        if _is_last(answer.get("meta"), number, len(found)):
            return Listing(rows, complete=True)
    return Listing(rows, complete=False)


def _is_last(meta: object, number: int, count: int) -> bool:
    total = meta.get("total_pages") if isinstance(meta, dict) else None
    return count == 0 or (number >= total if isinstance(total, int) else count < PAGE)
