"""Asks Telnyx by TeXML's addresses: reads, pages of lists, and commands. ``texml_operations`` says what there is.

Telnyx pages by ``next_page_uri``, of which only the query counts: its path has had several forms. The SDK follows none
of them, and its only iterator (of queues) skips a page.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.utils import timezone

from portal.models import TelnyxAccount
from portal.telnyx.account_sids import account_sid
from portal.telnyx.client import Unaskable, ask
from portal.telnyx.errors import UNREAD, TelnyxRefused, TelnyxUnread
from portal.telnyx.form_bodies import FORM
from portal.telnyx.paging import MOST_PAGES, PAGE, Listing
from voice.catalogue.texml_operations import COMMANDS, PAGING, READS, Operation

_NO_SUCH_ACCOUNT = "10005"
_NO_ACCOUNT = "Telnyx has no account of this account SID. Check it on the account's page."


@dataclass(frozen=True)
class Told:
    """Holds a resource as Telnyx told it, and when."""

    resource: dict[str, Any]
    as_of: datetime


@dataclass(frozen=True)
class Page:
    """Holds ``rows`` as Telnyx told them, and the queries of its neighbours; None where there is none."""

    rows: list[dict[str, Any]]
    as_of: datetime
    next: dict[str, str] | None
    previous: dict[str, str] | None


def fetch(account: TelnyxAccount, name: str, *ids: str) -> Told | None:
    """Read one resource (``texml.calls.retrieve``); None when there is none of that id. Raises what ``ask`` raises."""
    asked_at = timezone.now()
    try:
        return Told(_ask(account, READS[name], ids), asked_at)
    except TelnyxRefused as error:
        _judge_missing(error)
        return None


def page(account: TelnyxAccount, name: str, *ids: str, query: Mapping[str, str]) -> Page | None:
    """Read one page of a list (``texml.calls.list``); None when there is nothing of those ids to list it of.

    Raises what ``ask`` raises.
    """
    asked_at, rows_at = timezone.now(), READS[name].rows
    try:
        answer = _ask(account, READS[name], ids, extra_query=dict(query))
    except TelnyxRefused as error:
        _judge_missing(error, of_account=not ids)
        return None
    rows = answer.get(rows_at)
    if rows is None and answer.get("participants") == []:
        rows = []  # Telnyx's example of a conference without recordings names no recordings, and this
    if not isinstance(rows, list):
        raise TelnyxUnread(UNREAD)
    return Page(
        [row for row in rows if isinstance(row, dict)],
        asked_at,
        _neighbour(answer.get("next_page_uri"), query),
        _neighbour(answer.get("previous_page_uri"), query),
    )


def _judge_missing(error: TelnyxRefused, *, of_account: bool = False) -> None:
    """Raise it again unless it says that the resource is missing; Telnyx's code 10005 is of the account itself."""
    if not error.is_not_found:
        raise error
    if of_account or error.code == _NO_SUCH_ACCOUNT:
        raise TelnyxRefused(_NO_ACCOUNT, code=error.code, http_status=404) from error


def read_all(
    account: TelnyxAccount,
    name: str,
    *ids: str,
    wanted: dict[str, str] | None = None,
    most: int = MOST_PAGES,
    on_page: Callable[[], object] | None = None,
) -> Listing:
    """Read at most so many pages of 250 rows; ``wanted`` are the list's filters. Raises what ``ask`` raises.

    ``on_page`` is called between two pages.
    """
    rows: list[dict[str, Any]] = []
    complete = False
    for one in _pages(account, name, ids, wanted or {}, most):
        if one is None:
            return Listing([], complete=False)
        rows += one.rows
        complete = one.next is None
        if on_page and not complete:
            on_page()
    return Listing(rows, complete)


def _pages(
    account: TelnyxAccount, name: str, ids: tuple[str, ...], wanted: dict[str, str], most: int
) -> Iterator[Page | None]:
    query: dict[str, str] | None = {**wanted, "PageSize": str(PAGE)}
    asked: list[dict[str, str]] = []
    while query is not None and query not in asked and len(asked) < most:
        asked.append(query)
        yield (found := page(account, name, *ids, query=query))
        query = found.next if found else None


def _neighbour(uri: object, query: Mapping[str, str]) -> dict[str, str] | None:
    """Return the query of a neighbouring page: what its address says, with the filters that it leaves out."""
    # a host that cannot be read is no reason to stop: it is not asked
    told = dict(parse_qsl(uri.partition("#")[0].partition("?")[2])) if isinstance(uri, str) else {}
    restated = {name.lower() for name in told} | {name.lower() for name in PAGING}
    other = {name: value for name, value in query.items() if name.lower() not in restated} | told
    return other if told and other != query else None


def send(account: TelnyxAccount, action: str, path: list[str], values: Mapping[str, Any]) -> dict[str, Any]:
    """Send ``values`` to the address of ``action`` and return Telnyx's answer.

    They go out by wire name, as JSON or as a form. Raises what ``ask`` raises, and ``NoAccountSid``.
    """
    operation = COMMANDS[action]
    if len(path) != len(operation.ids):  # a row of another version, or of a damaged copy
        raise Unaskable(f"Telnyx was not asked: the address of this takes {' and '.join(operation.ids) or 'no id'}.")
    as_form = operation.is_form and settings.TELNYX_TEXML_ENCODING == "form"
    extra = {"extra_headers": {"Content-Type": FORM}} if as_form else {}
    return _ask(account, operation, tuple(path), **values, **extra)


def _ask(account: TelnyxAccount, operation: Operation, ids: tuple[str, ...], **values: Any) -> dict[str, Any]:
    named = dict(zip(operation.ids, ids, strict=True))
    if operation.of_account:
        named = {"account_sid": account_sid(account), **named}
    # the SDK takes the last id of an address by position, the others by name
    position = [named.pop(list(named)[-1])] if named else []
    return ask(account, operation.sdk_method, *position, **named, **values)
