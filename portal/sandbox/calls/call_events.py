"""Remembers commands and webhooks of each leg as Telnyx remembers them: ``GET /call_events``.

The shape of a webhook's ``metadata`` is that of "Webhook Fundamentals". That of a command's is published nowhere:
here it tells the ``command_id`` and the ``client_state`` that came with it. Newest first.
"""

from portal.json_types import JsonObject
from portal.sandbox import chance, clock
from portal.sandbox.core import pages, records
from portal.sandbox.core.errors import unprocessable
from portal.sandbox.core.events import event_time, moment, timestamp
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.store import LEDGER_LENGTH, Call, Store

COMMANDS = "call_event_commands"
KEPT_SECONDS = 86_400.0  # what is told when neither leg nor session are named
_IDS = {"filter[leg_id]": "call_leg_id", "filter[application_session_id]": "call_session_id"}
_MEMBERS = _IDS | {
    "filter[connection_id]": "connection_id",
    "filter[from]": "from",
    "filter[to]": "to",
    "filter[name]": "name",
    "filter[type]": "type",
    "filter[product]": "product",
    "filter[failed]": "failed",
}
_RESOURCES = {"call_control": records.RECORDS, "texml": records.TEXML}
_TIME = "filter[occurred_at]"


def note_command(exchange: Exchange, call: Call, name: str, body: JsonObject) -> None:
    """Remember that a command was executed; ``name`` is the last part of its path."""
    at = timestamp(exchange.now())
    event = {"id": chance.new_uuid(), "event_type": name, "occurred_at": at}
    given = {name: body[name] for name in ("command_id", "client_state") if name in body}
    product = "call_control" if call.texml is None else "texml"
    line = _line(_ids(call), name, "command", at, product)
    line |= {"metadata": {"status": "delivered", "event": event} | given}
    exchange.store.put(COMMANDS, event["id"], line | {"failed": "false"}, most=LEDGER_LENGTH)


def list_page(store: Store, query: dict[str, str]) -> JsonObject:
    """Return one page of what the filters leave; of the last 24 hours unless a leg or a session is named."""
    query = {"filter[product]": "call_control"} | query  # whether Telnyx tells of TeXML unasked is documented nowhere
    lines = sorted(_found(store, query), key=lambda line: str(line["event_timestamp"]), reverse=True)
    for name, member in _MEMBERS.items():
        wanted = query.get(name)
        lines = [line for line in lines if wanted in (None, line[member])]
    if wanted := query.get("filter[status]"):
        lines = [line for line in lines if line["metadata"]["status"] == wanted]
    lines = [line for line in lines if _in_time(line, query)]
    page = pages.page(lines, query)
    return page | {"data": [_as_json(line) for line in page["data"]]}


def _found(store: Store, query: dict[str, str]) -> list[JsonObject]:
    product = query["filter[product]"]
    resource = _RESOURCES.get(product, "")
    for name, member in _IDS.items():
        if name in query:
            kept = store.having(resource, f"$.webhook.payload.{member}", query[name])
            return [*store.having(COMMANDS, f"$.{member}", query[name]), *_webhooks(kept, product)]
    since = timestamp(clock.time() - KEPT_SECONDS)
    every = [*store.all(COMMANDS), *_webhooks(store.all(resource), product)]
    return [line for line in every if line["event_timestamp"] >= since]


def _webhooks(kept: list[JsonObject], product: str) -> list[JsonObject]:
    # an event of a whole conference names no leg, and the list has no place for one
    return [_webhook(record, product) for record in kept if record["webhook"]["payload"].get("call_leg_id")]


def _webhook(record: JsonObject, product: str) -> JsonObject:
    event = record["webhook"]
    last = record["attempts"][0]
    metadata = {
        "attempt": len(record["attempts"]),
        "delivered_to": last["http"]["request"]["url"],
        "status": record["status"],
        "event": event,
    }
    line = _line(event["payload"], event["event_type"], "webhook", event_time(event), product)
    return line | {"metadata": metadata, "failed": str(record["status"] != "delivered").lower()}


def _line(ids: JsonObject, name: str, kind: str, at: str, product: str) -> JsonObject:
    known = ("call_leg_id", "call_session_id", "connection_id", "from", "to")
    line = {member: ids.get(member) for member in known}
    return line | {"name": name, "type": kind, "event_timestamp": at, "product": product}


def _ids(call: Call) -> JsonObject:
    return {
        "call_leg_id": call.call_leg_id,
        "call_session_id": call.call_session_id,
        "connection_id": call.connection_id,
        "from": call.from_number,
        "to": call.to_number,
    }


def _in_time(line: JsonObject, query: dict[str, str]) -> bool:
    asked = [name for name in query if name.startswith(_TIME)]
    if len(asked) > 1:
        raise unprocessable("10031", "Invalid request filter", "Only one comparison of occurred_at.", f"/{_TIME}")
    for name in asked:
        at, limit = moment(line["event_timestamp"]), moment(query[name])
        how = name.removeprefix(_TIME)
        kept = {"[eq]": at == limit, "[gt]": at > limit, "[gte]": at >= limit, "[lt]": at < limit, "[lte]": at <= limit}
        return kept.get(how, True)
    return True


def _as_json(line: JsonObject) -> JsonObject:
    members = ("call_leg_id", "call_session_id", "event_timestamp", "metadata", "name", "type")
    return {"record_type": "call_event"} | {member: line[member] for member in members}
