"""Serves connections: ``GET /connections``. They are the applications of both kinds, and the one SIP users have."""

from portal.json_types import JsonObject
from portal.sandbox.core import pages
from portal.sandbox.core.errors import bad_request, not_found
from portal.sandbox.core.events import timestamp
from portal.sandbox.core.exchange import CALL_CONTROL, TEXML, Exchange
from portal.sandbox.core.ids import new_id
from portal.sandbox.resources.applications import KINDS

CREDENTIALS = "credential_connections"
_SORTS = ("created_at", "connection_name", "active")
_SHARED = ("id", "record_type", "active", "anchorsite_override", "tags", "created_at", "updated_at")
# Telnyx's other kinds of connection, of which the sandbox has none
_NONE = ("external", "fax", "fqdn", "ip", "microsoft_teams_sbc", "mobile_voice", "operator_connect")
_NO_MORE = ("third_party_provider", "uac", "zoom_sbc")
_LIMIT = 1000  # which number it is, is published nowhere


def list_page(exchange: Exchange, query: dict[str, str]) -> JsonObject:
    """Return one page, the newest first unless sorted."""
    rows = [_as_connection(one, kind) for kind in KINDS for one in exchange.store.applications(kind)]
    rows += exchange.store.all(CREDENTIALS)
    part, profile = query.get("filter[connection_name][contains]"), query.get("filter[outbound_voice_profile_id]")
    if part is not None and len(part) < 3:
        raise pages.bad_filter("filter[connection_name][contains]", "needs at least three characters")
    rows = [row for row in rows if part is None or part.casefold() in row["connection_name"].casefold()]
    rows = [row for row in rows if profile in (None, row["outbound_voice_profile_id"])]
    sort = query.get("sort", "-created_at")
    if sort.removeprefix("-") not in _SORTS:
        raise bad_request(f"'sort' must be one of {', '.join(_SORTS)}, with - for descending.", "/sort")
    rows.sort(key=lambda row: (row[sort.removeprefix("-")], int(row["id"])), reverse=sort.startswith("-"))
    return pages.page(rows, query)


def retrieve(exchange: Exchange, id: str) -> JsonObject:
    for kind in KINDS:
        if application := exchange.store.application(kind, id):
            return {"data": _as_connection(application, kind)}
    if found := exchange.store.get(CREDENTIALS, id):
        return {"data": found}
    raise not_found()


def count(exchange: Exchange) -> JsonObject:
    """Return how many there are of each kind, and how many there may be."""
    counts = {f"{kind}_connections": 0 for kind in (*_NONE, *_NO_MORE)}
    counts |= {kind: len(exchange.store.applications(kind)) for kind in (CALL_CONTROL, TEXML)}
    counts |= {CREDENTIALS: len(exchange.store.all(CREDENTIALS))}
    data = {"record_type": "connections_count", "counts": counts, "limits": {"global_limit": _LIMIT}}
    return {"data": data}


def of_devices(exchange: Exchange) -> str:
    """Return the id of the connection that SIP users register with. It is there from the first call to one of them."""
    if known := exchange.store.all(CREDENTIALS):
        return str(known[0]["id"])
    now = exchange.now()
    at = timestamp(now, "milliseconds")
    connection: JsonObject = {
        "id": new_id(now),
        "record_type": "credential_connection",
        "active": True,
        "anchorsite_override": "Latency",
        "tags": [],
        "created_at": at,
        "updated_at": at,
        "connection_name": "SIP users",
        "outbound_voice_profile_id": None,
        "webhook_api_version": "2",
        "webhook_event_url": "",
        "webhook_event_failover_url": "",
    }
    exchange.store.put(CREDENTIALS, connection["id"], connection)
    return str(connection["id"])


def _as_connection(application: JsonObject, kind: str) -> JsonObject:
    has_webhooks = kind == CALL_CONTROL
    return {name: application[name] for name in _SHARED} | {
        "connection_name": application[KINDS[kind].name],
        "outbound_voice_profile_id": application["outbound"]["outbound_voice_profile_id"],
        "webhook_api_version": application["webhook_api_version"] if has_webhooks else "2",
        "webhook_event_url": application["webhook_event_url"] if has_webhooks else application["voice_url"],
        "webhook_event_failover_url": application[KINDS[kind].urls[1]] or "",
    }
