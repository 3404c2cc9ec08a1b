"""Serves TeXML's queues, which are Call Control's: their ``sid`` is their name."""

from datetime import datetime

from portal.json_types import JsonObject
from portal.sandbox.conferences import queues
from portal.sandbox.core.errors import Refused, unprocessable
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.requests import Request
from portal.sandbox.texml import listings, parameters
from portal.sandbox.texml.accounts import mail_time, resource_not_found

At = tuple[str, ...]


def create(exchange: Exchange, request: Request, at: At) -> JsonObject:
    body = parameters.read(request, "texml.accounts.queues.create", required=("FriendlyName",))
    if exchange.store.get(queues.QUEUES, body["FriendlyName"]):
        raise unprocessable("10012", "Duplicate resource", "There is such a queue already.", "/FriendlyName")
    size = {"max_size": body["MaxSize"]} if "MaxSize" in body else {}
    made = queues.create(exchange, {"queue_name": body["FriendlyName"]} | size)
    return _as_json(made["data"], at[0])


def list_page(exchange: Exchange, request: Request, at: At) -> JsonObject:
    """Return one page, oldest first."""
    rows = [_row(queues.retrieve(exchange, queue["name"])["data"]) for queue in exchange.store.all(queues.QUEUES)]
    rows = listings.in_days(rows, request, DateCreated="created", DateUpdated="updated")
    address = f"/Accounts/{at[0]}/Queues.json"
    return listings.page(rows, request, "queues", address, lambda row: _as_json(row["queue"], at[0]))


def retrieve(exchange: Exchange, request: Request, at: At) -> JsonObject:
    return _as_json(_known(exchange, at[1]), at[0])


def update(exchange: Exchange, request: Request, at: At) -> JsonObject:
    """Change how many fit into it."""
    _known(exchange, at[1])
    body = parameters.read(request, "texml.accounts.queues.update", required=("MaxSize",))
    return _as_json(queues.update(exchange, at[1], {"max_size": body["MaxSize"]})["data"], at[0])


def delete(exchange: Exchange, request: Request, at: At) -> None:
    _known(exchange, at[1])
    queues.delete(exchange, at[1])


def _known(exchange: Exchange, sid: str) -> JsonObject:
    try:
        queue: JsonObject = queues.retrieve(exchange, sid)["data"]
    except Refused:
        raise resource_not_found() from None
    return queue


def _row(queue: JsonObject) -> JsonObject:
    times = {name: datetime.fromisoformat(queue[f"{name}_at"]).timestamp() for name in ("created", "updated")}
    return {"sid": queue["name"], "queue": queue} | times


def _as_json(queue: JsonObject, account_sid: str) -> JsonObject:
    address = f"/Accounts/{account_sid}/Queues/{queue['name']}"
    return {
        "sid": queue["name"],
        "account_sid": account_sid,
        "average_wait_time": queue["average_wait_time_secs"],
        "current_size": queue["current_size"],
        "max_size": queue["max_size"],
        "date_created": mail_time(queue["created_at"]),
        "date_updated": mail_time(queue["updated_at"]),
        "subresource_uris": {"members": f"{address}/Members.json"},
        "uri": f"{address}.json",
    }
