"""Runs conferences: legs that all hear each other, under ``/conferences``; how one begins, who comes and goes, how it
ends.

Events: the spec's ``webhooks.conference…``. A conference here has no clock of its own: it ends when the last leg
leaves it, which every leg of the sandbox does within half a minute.
"""

from portal.json_types import JsonObject
from portal.sandbox import chance
from portal.sandbox.calls import calls
from portal.sandbox.calls.commands import answered_leg, check_client_state, run_once
from portal.sandbox.core import pages
from portal.sandbox.core.errors import Problem, Refused, check, unprocessable
from portal.sandbox.core.events import timestamp
from portal.sandbox.core.exchange import Exchange, TimerFunction
from portal.sandbox.core.store import Call
from portal.sandbox.resources import recordings

CONFERENCES = "conferences"
KIND = "conference"
_HOURS = 4  # Telnyx ends any conference after so many
_MOST = 250
_FLOOR_DELAY = 1.0  # seconds after which whoever joined says something


def begin(exchange: Exchange, call: Call) -> None:
    """Join the conference that the dial named, by id or by name, making the latter if need be."""
    wanted = call.options.pop("conference_config", None)
    if not wanted:
        return
    name = wanted.get("conference_name") or call.call_session_id
    conference = exchange.store.get(CONFERENCES, wanted.get("id") or "") or active(exchange, name)
    if conference is None:
        conference = make(exchange, call, name, wanted)
    if conference["status"] != "completed":
        join(exchange, conference, call, wanted)


def hang_up(exchange: Exchange, call: Call) -> None:
    for place in call.running.get(KIND, []):
        leave(exchange, find_conference(exchange, place["id"]), call)


def create(exchange: Exchange, body: JsonObject) -> JsonObject:
    """Create a conference of one leg. ``command_id`` holds for that leg."""
    check("conferences.create", body)
    check_client_state(body, "client_state")
    run = lambda: {"data": as_json(_create(exchange, body))}  # noqa: E731
    return run_once(exchange, body["call_control_id"], "create_conference", body.get("command_id"), run)


def list_page(exchange: Exchange, query: dict[str, str]) -> JsonObject:
    """Return one page, the last to expire first."""
    conferences = exchange.store.all(CONFERENCES)[::-1]
    for name in ("name", "status", "connection_id"):
        wanted = query.get(f"filter[{name}]")
        conferences = [conference for conference in conferences if wanted in (None, conference[name])]
    return pages.page([as_json(conference) for conference in conferences], query)


def retrieve(exchange: Exchange, id: str) -> JsonObject:
    return {"data": as_json(find_conference(exchange, id))}


def find_conference(exchange: Exchange, id: str) -> JsonObject:
    """Return a conference with its participants, or 404."""
    conference = exchange.store.get(CONFERENCES, id)
    if conference is None:
        raise Refused(404, Problem("90058", "Invalid conference_id", "The conference does not exist."))
    return conference


def save(exchange: Exchange, conference: JsonObject) -> None:
    conference["updated_at"] = timestamp(exchange.now(), "milliseconds")
    exchange.store.put(CONFERENCES, conference["id"], conference)


def present(conference: JsonObject) -> list[JsonObject]:
    """Return the participants who are in it now."""
    return [participant for participant in conference["participants"] if participant["status"] == "joined"]


def creator(exchange: Exchange, conference: JsonObject) -> Call:
    """Return the leg it was made from: events that name no leg go where that leg's go."""
    call = exchange.call(conference["creator"])
    assert call
    return call


def join(exchange: Exchange, conference: JsonObject, call: Call, body: JsonObject) -> None:
    """Let a leg in."""
    if any(participant["call_control_id"] == call.call_control_id for participant in present(conference)):
        raise unprocessable("90044", "Conference join not allowed", "A participant must not join twice.")
    if len(present(conference)) >= conference["max_participants"]:
        raise unprocessable("90032", "Maximum number of participants reached", "The conference is full.")
    waiting = present(conference) if conference["status"] == "init" else []
    if body.get("start_conference_on_enter", True):
        conference["status"] = "in_progress"
    conference["participants"].append(_participant(exchange, call, body))
    save(exchange, conference)
    call.running[KIND] = [{"id": conference["id"]}]
    exchange.emit(call, "conference.participant.joined", conference_id=conference["id"])
    for other in map(exchange.call, (one["call_control_id"] for one in waiting)):
        if other and conference["status"] != "init":
            exchange.tell(other, "begun")
    if not body.get("mute"):
        exchange.after(_FLOOR_DELAY, call, "floor", id=conference["id"])


def leave(exchange: Exchange, conference: JsonObject, call: Call) -> None:
    """Let a leg go; if it was the last, or one without whom there is no conference, that ends."""
    mine = [
        participant for participant in present(conference) if participant["call_control_id"] == call.call_control_id
    ]
    call.running.pop(KIND, None)
    exchange.cancel(call, "floor")
    for participant in mine:
        participant |= {"status": "left", "updated_at": timestamp(exchange.now(), "milliseconds")}
        save(exchange, conference)
        exchange.emit(call, "conference.participant.left", conference_id=conference["id"])
        if participant["end_conference_on_exit"]:
            end(exchange, conference, call, "host_left", hang_up=True)
        elif participant["soft_end_conference_on_exit"]:
            end(exchange, conference, call, "host_left", hang_up=False)
        elif not present(conference):
            end(exchange, conference, call, "all_left", hang_up=False)


def end(exchange: Exchange, conference: JsonObject, by: Call, reason: str, hang_up: bool) -> None:
    """End it; with ``hang_up`` the legs in it end, too, unless a document has more for them; else they are parked."""
    remaining = [exchange.call(participant["call_control_id"]) for participant in present(conference)]
    conference |= {"status": "completed", "end_reason": reason}
    conference["ended_by"] = {"call_control_id": by.call_control_id, "call_session_id": by.call_session_id}
    for participant in present(conference):
        participant["status"] = "left"
    _end_recordings(exchange, conference)
    save(exchange, conference)
    for call in remaining:
        if call:
            call.running.pop(KIND, None)
            exchange.emit(call, "conference.participant.left", conference_id=conference["id"])
    # the event's schema knows no other reasons, and the SDK takes an event with another for something else
    told_reason = "all_left" if reason == "ended_via_api" else reason
    exchange.emit(by, "conference.ended", conference_id=conference["id"], reason=told_reason)
    for call in remaining:
        if call and call.alive and call.texml and call.texml.get("machine"):
            exchange.tell(call, "unbridged")
        elif call and call.alive and hang_up:
            calls.end(exchange, call, "normal_clearing", calls.our_side(call), "200")


def as_json(conference: JsonObject) -> JsonObject:
    hidden = ("participants", "recordings", "creator", "max_participants", "playing")
    return {name: value for name, value in conference.items() if name not in hidden}


def save_recording(exchange: Exchange, conference: JsonObject, recording: JsonObject) -> None:
    """End a recording of the whole conference; the event names the leg it was made from."""
    call = creator(exchange, conference)
    ended = recordings.resource(call, recording, exchange.now(), conference_id=conference["id"])
    recordings.save(exchange, call, ended)


def _end_recordings(exchange: Exchange, conference: JsonObject) -> None:
    for recording in conference["recordings"]:
        save_recording(exchange, conference, recording)
    conference["recordings"] = []


def _create(exchange: Exchange, body: JsonObject) -> JsonObject:
    call = answered_leg(exchange, body["call_control_id"])
    if active(exchange, body["name"]):
        raise unprocessable("90033", "Unable to execute command", "An active conference has this name.")
    if body.get("client_state") is not None:
        call.client_state = body["client_state"]
    conference = make(exchange, call, body["name"], body)
    join(exchange, conference, call, {"start_conference_on_enter": body.get("start_conference_on_create", True)})
    return conference


def make(exchange: Exchange, call: Call, name: str, body: JsonObject) -> JsonObject:
    """Make a conference for the leg, which is not in it yet; the caller saves it."""
    now = exchange.now()
    conference = {
        "id": chance.new_uuid(),
        "record_type": "conference",
        "name": name,
        "connection_id": call.connection_id,
        "created_at": timestamp(now, "milliseconds"),
        "expires_at": timestamp(now + _HOURS * 3600, "milliseconds"),
        "updated_at": timestamp(now, "milliseconds"),
        "region": body.get("region", "US"),
        "status": "init",
        "end_reason": None,
        "ended_by": None,
        "creator": call.call_control_id,
        "max_participants": body.get("max_participants", _MOST),
        "participants": [],
        "recordings": [],
        "playing": [],
    }
    exchange.emit(call, "conference.created", conference_id=conference["id"])
    return conference


def active(exchange: Exchange, name: str) -> JsonObject | None:
    """Return the conference of that name that is not over, if any."""
    named = [
        conference
        for conference in exchange.store.having(CONFERENCES, "$.name", name)
        if conference["status"] != "completed"
    ]
    return named[0] if named else None


def _participant(exchange: Exchange, call: Call, body: JsonObject) -> JsonObject:
    at = timestamp(exchange.now(), "milliseconds")
    return {
        "id": chance.new_uuid(),
        "call_control_id": call.call_control_id,
        "call_leg_id": call.call_leg_id,
        "created_at": at,
        "updated_at": at,
        "end_conference_on_exit": body.get("end_conference_on_exit", False),
        "soft_end_conference_on_exit": body.get("soft_end_conference_on_exit", False),
        "muted": body.get("mute", False),
        "on_hold": body.get("hold", False),
        "status": "joined",
        "whisper_call_control_ids": body.get("whisper_call_control_ids") or [],
        "supervisor_role": body.get("supervisor_role", "none"),
    }


def _floor(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    exchange.emit(call, "conference.floor.changed", conference_id=arguments["id"])


TIMERS: dict[str, TimerFunction] = {"floor": _floor}
