"""Plays somebody else at Telnyx, on request of a test: changes, deletions and purchases of his."""

from portal.json_types import JsonObject
from portal.sandbox.core.errors import Refused, unprocessable
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.resources import applications, numbers, stock
from portal.sandbox.resources.audit import Editor

SOMEBODY = "somebody@sandbox.example"


def edit(exchange: Exchange, body: JsonObject) -> JsonObject:
    """Change ``resource`` ``id`` by ``changes`` (null: delete it) as ``user``, an e-mail address."""
    resource, id, changes = str(body.get("resource", "")), str(body.get("id", "")), body.get("changes")
    editor = Editor(str(body.get("user") or SOMEBODY))
    if "changes" not in body or not isinstance(changes, dict | None):
        raise _wrong("changes", "Must be an object, or null to delete.")
    if resource == numbers.NUMBERS and changes is not None:
        return numbers.update(exchange, id, changes, editor)
    if resource not in applications.KINDS:
        raise _wrong("resource", f"Must be one of {', '.join([*applications.KINDS, numbers.NUMBERS])}.")
    kind = applications.KINDS[resource]
    if changes is None:
        return applications.delete(exchange, kind, id, editor)
    before = applications.retrieve(exchange, kind, id)["data"]
    required = {name: before[name] for name in (kind.name, kind.urls[0])}
    return applications.update(exchange, kind, id, required | changes, editor)


def buy(exchange: Exchange, body: JsonObject) -> JsonObject:
    """Buy ``count`` numbers, assigned to ``connection_id`` if one is told."""
    count = body.get("count")
    if type(count) is not int or not 1 <= count <= stock.MOST_NUMBERS:
        raise _wrong("count", f"Must be a whole number from 1 to {stock.MOST_NUMBERS}.")
    stock.add_numbers(exchange.store, count, body.get("connection_id"))
    return {"count": count, "total": len(exchange.store.all(numbers.NUMBERS))}


def _wrong(name: str, detail: str) -> Refused:
    return unprocessable("10015", "Invalid parameter", f"'{name}': {detail}", f"/{name}")
