"""Records what became of each webhook: ``GET /webhook_deliveries``, one record for an event with all its attempts.

Codes in ``errors``: developers.telnyx.com, "API Error Codes", 75000 and following. Undocumented is how long Telnyx
keeps a record; here the newest ``LEDGER_LENGTH`` stay.
"""

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from portal.json_types import JsonObject
from portal.sandbox import chance
from portal.sandbox.core import pages
from portal.sandbox.core.errors import bad_request, not_found
from portal.sandbox.core.events import timestamp
from portal.sandbox.core.store import LEDGER_LENGTH, Store

RECORDS = "webhook_deliveries"
TEXML = "texml_deliveries"  # whether Telnyx lists these, too, is documented nowhere: here they are in call_events only
_USER = str(uuid.uuid5(uuid.NAMESPACE_URL, "mailto:owner@sandbox.example"))
_EXACT = {400: 75400, 404: 75404, 500: 75500}
_CLASSES = {2: 75299, 3: 75300, 4: 75499, 5: 75599}


Headers = Sequence[tuple[str, str]]


def attempt(
    url: str,
    status: int | None,
    started: float,
    finished: float,
    sent: Headers = (),
    came: tuple[Headers, str] = ((), ""),
) -> JsonObject:
    """Describe one try; ``status`` is the answer's, None when none came. Times are Unix seconds.

    ``sent`` are the headers of the request, ``came`` those and the body of the answer.
    """
    record: JsonObject = {
        "started_at": timestamp(started, "milliseconds"),
        "finished_at": timestamp(finished, "milliseconds"),
        "http": {"request": {"headers": [list(pair) for pair in sent], "url": url}, "response": None},
        "status": "delivered" if status == 200 else "failed",
    }
    if status is not None:
        record["http"]["response"] = {
            "body": came[1],
            "headers": [list(pair) for pair in came[0]],
            "status": status,
        }
    return record | ({} if status == 200 else {"errors": [_code(status)]})


def keep(store: Store, event: JsonObject, attempts: list[JsonObject], resource: str = RECORDS) -> None:
    """Write down how one event fared; ``attempts`` oldest first."""
    newest_first = attempts[::-1]
    record = {
        "id": _id(event, attempts[0]["http"]["request"]["url"]),
        "record_type": "webhook_delivery",
        "attempts": newest_first,
        "started_at": attempts[0]["started_at"],
        "finished_at": newest_first[0]["finished_at"],
        "status": newest_first[0]["status"],
        "user_id": _USER,
        "webhook": event,
    }
    store.put(resource, record["id"], record, most=LEDGER_LENGTH)


def _id(event: JsonObject, url: str) -> str:
    # not drawn: which of two deliveries ends first is chance, and a seed is to bring the same ids
    return str(uuid.uuid5(uuid.UUID(event["id"]), url)) if "id" in event else chance.new_uuid()


def list_page(store: Store, query: dict[str, str]) -> JsonObject:
    """Return one page, newest first."""
    records = store.all(RECORDS)[::-1]
    for name, value in query.items():
        if name.startswith("filter["):
            records = [record for record in records if _matches(record, name, value)]
    return pages.page(records, query)


def retrieve(store: Store, id: str) -> JsonObject:
    record = store.get(RECORDS, id)
    if record is None:
        raise not_found()
    return {"data": record}


def _matches(record: JsonObject, name: str, value: str) -> bool:
    member, _, how = name.removeprefix("filter[").removesuffix("]").partition("][")
    if member == "event_type":
        return record["webhook"]["event_type"] in value.split(",")
    if member == "status":
        return bool(record["status"] == value)
    if member in ("webhook", "attempts"):
        return value in json.dumps(record[member], ensure_ascii=False)
    if member in ("started_at", "finished_at"):
        at, limit = _moment(record[member]), _moment(value)
        return at >= limit if how == "gte" else at <= limit
    return True


def _code(status: int | None) -> int:
    return 75000 if status is None else _EXACT.get(status) or _CLASSES.get(status // 100, 75000)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise bad_request("A time must be ISO 8601.", "/filter") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
