"""Reads all applications of one kind from Telnyx and leaves out none that is there: what every comparison begins with.

Pages are read one after the other. When an application is deleted meanwhile, those behind it move up, and the first of
the next page is never seen. So the list is read again when Telnyx's count changed on the way, or is not that of what
was read; and what is known here or named by a file, but not listed, is asked for one by one.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import partial

from applications.kinds import Kind
from applications.mirror import store
from applications.mirror.store import Page, retrieved
from applications.pulls.ownership import check_owner
from portal import sql
from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from portal.telnyx.errors import TelnyxRefused
from portal.telnyx.patience import nobody, patiently

OnRead = Callable[[int, int | None], None]  # how many were read, of how many if Telnyx tells

_MOST_READINGS = 3
MOST_UNKNOWN = 200  # ids that a file made up: each is a request


class TooManyUnknown(Exception):
    """More ids are expected than are asked for one by one, of which neither Telnyx's list nor this portal knows."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"{count} ids are neither known here nor in Telnyx's list; at most {MOST_UNKNOWN} are asked for one by "
            "one. See that they are of this account."
        )


def whole(
    kind: Kind,
    account: TelnyxAccount,
    expected: Collection[str] = (),
    on_read: OnRead | None = None,
    alive: Callable[[], None] = nobody,
) -> Iterator[Page]:
    """Read the list, then those that are known here or ``expected`` by id and were not in it.

    Each application comes once; what comes not is not at Telnyx. ``alive`` is called while it is read. Raises
    ``TooManyUnknown`` or a ``TelnyxError``.
    """
    check_owner(account, alive)
    seen: set[str] = set()
    total: int | None = None
    for page in pages(kind, account, alive):
        alive()
        seen |= page.remotes.keys()
        total = page.total
        yield page
        if on_read:
            on_read(len(seen), total)
    known = {*kind.rows(account).filter(missing_since=None).order_by().values_list("telnyx_id", flat=True)}
    if len(unknown := {*expected} - seen - known) > MOST_UNKNOWN:
        raise TooManyUnknown(len(unknown))
    for id in sorted((known | unknown) - seen):
        alive()
        asked_at = sql.clock()
        if remote := retrieve(kind, account, id, alive):
            yield Page(asked_at, {id: remote}, [], total)


def pages(kind: Kind, account: TelnyxAccount, alive: Callable[[], None] = nobody) -> Iterator[Page]:
    """Read the list page by page, again while it shifted under the reading. Each application comes once."""
    seen: set[str] = set()
    for reading in range(_MOST_READINGS):
        told, totals = set[str](), set[int | None]()
        for page in store.pages(kind, account, alive):
            fresh = {id: remote for id, remote in page.remotes.items() if id not in seen}
            told |= page.remotes.keys()
            seen |= fresh.keys()
            totals.add(page.total)
            if fresh or reading == 0:
                yield replace(page, remotes=fresh, errors=page.errors if reading == 0 else [])
        if totals <= {None} or totals == {len(told)}:
            return


def retrieve(kind: Kind, account: TelnyxAccount, id: str, alive: Callable[[], None] = nobody) -> JsonObject | None:
    """Ask for one application: None when Telnyx says that it has none of this id. Raises a ``TelnyxError``."""
    try:
        return patiently(partial(retrieved, kind, account, id), alive)
    except TelnyxRefused as error:
        if error.http_status == 404 and error.code:  # a 404 without Telnyx's code is somebody else's
            return None
        raise
