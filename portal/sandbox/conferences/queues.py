"""Runs queues: legs that wait in line, and the lines themselves under ``/queues``. Putting a leg into a new one makes
it.

Refusals: developers.telnyx.com, "API Error Codes", 90035 to 90038 and 90050.
"""

from portal.json_types import JsonObject
from portal.sandbox import chance
from portal.sandbox.core import pages
from portal.sandbox.core.errors import Problem, Refused, check, unprocessable
from portal.sandbox.core.events import timestamp
from portal.sandbox.core.exchange import Exchange, TimerFunction
from portal.sandbox.core.store import Call

QUEUES = "queues"
KIND = "queue"
_SIZE = 100


def enqueue(exchange: Exchange, call: Call, body: JsonObject) -> None:
    """Put the leg at the end of the line."""
    if call.running.get(KIND):
        raise unprocessable("90038", "Call already in queue", "Call can't be added to a queue it's already in.")
    queue = _known(exchange, body["queue_name"]) or _made(exchange, body["queue_name"], body.get("max_size", _SIZE))
    if body.get("max_size", queue["max_size"]) != queue["max_size"]:
        raise unprocessable("90037", "Queue max_size cannot be modified", "The queue exists with another max_size.")
    if len(queue["line"]) >= queue["max_size"]:
        raise unprocessable("90036", "Queue full", "The queue is full and can't accept more calls.")
    waiting = {"call_control_id": call.call_control_id, "at": exchange.now()}
    queue["line"].append(waiting | {"kept": body.get("keep_after_hangup", False)})
    _save(exchange, queue)
    call.running[KIND] = [{"name": queue["name"]}]
    payload = {"queue": queue["name"], "current_position": len(queue["line"])}
    exchange.emit(call, "call.enqueued", **payload, queue_avg_wait_time_secs=_average(exchange, queue))
    if body.get("max_wait_time_secs"):
        exchange.after(body["max_wait_time_secs"], call, "waited")


def leave(exchange: Exchange, call: Call, body: JsonObject) -> None:
    if not call.running.get(KIND):
        raise unprocessable("90035", "Call not in queue", "This call has not been put in any queue yet.")
    dequeue(exchange, call, "leave")


def bridged(exchange: Exchange, call: Call) -> None:
    dequeue(exchange, call, "bridged")


def hang_up(exchange: Exchange, call: Call) -> None:
    """Take whoever hangs up out of the line, unless they are kept in it."""
    for place in call.running.get(KIND, []):
        queue = retrieve_line(exchange, place["name"])
        if not any(waiting["kept"] for waiting in queue["line"] if waiting["call_control_id"] == call.call_control_id):
            dequeue(exchange, call, "hangup")


def dequeue(exchange: Exchange, call: Call, reason: str) -> None:
    """Take the leg out of the line it waits in, if any."""
    for place in call.running.pop(KIND, []):
        exchange.cancel(call, "waited")
        queue = retrieve_line(exchange, place["name"])
        position, waiting = next(
            (at, entry) for at, entry in enumerate(queue["line"], 1) if entry["call_control_id"] == call.call_control_id
        )
        queue["line"].remove(waiting)
        _save(exchange, queue)
        payload = {"queue": queue["name"], "queue_position": position, "reason": reason}
        exchange.emit(call, "call.dequeued", **payload, wait_time_secs=round(exchange.now() - waiting["at"]))


def first(exchange: Exchange, name: str) -> str | None:
    """Return the ``call_control_id`` of whoever is first in a line and still there."""
    waiting = [exchange.call(entry["call_control_id"]) for entry in (_known(exchange, name) or {"line": []})["line"]]
    return next((call.call_control_id for call in waiting if call and call.alive), None)


def create(exchange: Exchange, body: JsonObject) -> JsonObject:
    check("queues.create", body)
    if _known(exchange, body["queue_name"]):
        raise Refused(422, Problem("10012", "Duplicate resource", "There is such a queue already.", "/queue_name"))
    queue = _made(exchange, body["queue_name"], body.get("max_size", _SIZE))
    _save(exchange, queue)
    return {"data": _as_json(exchange, queue)}


def list_page(exchange: Exchange, query: dict[str, str]) -> JsonObject:
    return pages.page([_as_json(exchange, queue) for queue in exchange.store.all(QUEUES)], query)


def retrieve(exchange: Exchange, name: str) -> JsonObject:
    return {"data": _as_json(exchange, retrieve_line(exchange, name))}


def update(exchange: Exchange, name: str, body: JsonObject) -> JsonObject:
    queue = retrieve_line(exchange, name)
    check("queues.update", body)
    _save(exchange, queue | {"max_size": body["max_size"]})
    return retrieve(exchange, name)


def delete(exchange: Exchange, name: str) -> None:
    if retrieve_line(exchange, name)["line"]:
        raise Refused(400, Problem("90050", "Unable to delete queue", "There are calls in it."))
    exchange.store.remove(QUEUES, name)


def retrieve_line(exchange: Exchange, name: str) -> JsonObject:
    """Return a queue with its line, or 404."""
    queue = _known(exchange, name)
    if queue is None:
        raise Refused(404, Problem("10007", "Resource not found", "There is no such queue.", "/queue_name"))
    return queue


def _known(exchange: Exchange, name: str) -> JsonObject | None:
    return exchange.store.get(QUEUES, name)


def _made(exchange: Exchange, name: str, size: int) -> JsonObject:
    at = timestamp(exchange.now(), "milliseconds")
    return {
        "id": chance.new_uuid(),
        "name": name,
        "max_size": size,
        "created_at": at,
        "updated_at": at,
        "line": [],
    }


def _save(exchange: Exchange, queue: JsonObject) -> None:
    now = timestamp(exchange.now(), "milliseconds")
    exchange.store.put(QUEUES, queue["name"], queue | {"updated_at": now})


def _as_json(exchange: Exchange, queue: JsonObject) -> JsonObject:
    members = {name: value for name, value in queue.items() if name != "line"}
    return members | {
        "record_type": "queue",
        "current_size": len(queue["line"]),
        "average_wait_time_secs": _average(exchange, queue),
    }


def _average(exchange: Exchange, queue: JsonObject) -> int:
    line, now = queue["line"], exchange.now()
    return round(sum(now - entry["at"] for entry in line) / len(line)) if line else 0


def _waited(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    dequeue(exchange, call, "timeout")


TIMERS: dict[str, TimerFunction] = {"waited": _waited}
