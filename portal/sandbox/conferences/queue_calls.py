"""Serves the legs that wait in a queue: ``/queues/{queue_name}/calls``."""

from portal.json_types import JsonObject
from portal.sandbox.conferences import queues
from portal.sandbox.core import pages
from portal.sandbox.core.errors import Problem, Refused, check
from portal.sandbox.core.events import timestamp
from portal.sandbox.core.exchange import Exchange


def list_page(exchange: Exchange, name: str, query: dict[str, str]) -> JsonObject:
    """Return one page, the longest waiting first."""
    queue = queues.retrieve_line(exchange, name)
    return pages.page([_as_json(exchange, queue, at) for at in range(len(queue["line"]))], query)


def retrieve(exchange: Exchange, name: str, id: str) -> JsonObject:
    queue = queues.retrieve_line(exchange, name)
    return {"data": _as_json(exchange, queue, _place(queue, id))}


def update(exchange: Exchange, name: str, id: str, body: JsonObject) -> None:
    queue = queues.retrieve_line(exchange, name)
    waiting = queue["line"][_place(queue, id)]
    check("queues.calls.update", {"queue_name": name} | body)
    waiting["kept"] = body.get("keep_after_hangup", waiting["kept"])
    exchange.store.put(queues.QUEUES, name, queue)


def remove(exchange: Exchange, name: str, id: str) -> None:
    """Take the leg out of the line; one that is over goes without an event."""
    queue = queues.retrieve_line(exchange, name)
    waiting = queue["line"][_place(queue, id)]
    call = exchange.call(id)
    if call and call.alive:
        queues.dequeue(exchange, call, "leave")
    else:
        queue["line"].remove(waiting)
        exchange.store.put(queues.QUEUES, name, queue)


def _place(queue: JsonObject, id: str) -> int:
    for place, waiting in enumerate(queue["line"]):
        if waiting["call_control_id"] == id:
            return place
    raise Refused(404, Problem("10007", "Resource not found", "This call is not in the queue.", "/call_control_id"))


def _as_json(exchange: Exchange, queue: JsonObject, place: int) -> JsonObject:
    waiting = queue["line"][place]
    call = exchange.call(waiting["call_control_id"])
    members: JsonObject = {
        "call_control_id": waiting["call_control_id"],
        "enqueued_at": timestamp(waiting["at"], "milliseconds"),
        "is_alive": bool(call and call.alive),
        "queue_id": queue["id"],
        "queue_position": place + 1,
        "record_type": "queue_call",
        "wait_time_secs": round(exchange.now() - waiting["at"]),
    }
    ids = ("call_leg_id", "call_session_id", "connection_id")
    members |= {name: getattr(call, name, "") for name in ids}
    return members | {"from": getattr(call, "from_number", ""), "to": getattr(call, "to_number", "")}
