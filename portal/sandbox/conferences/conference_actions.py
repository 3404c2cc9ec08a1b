"""Executes commands on a conference: ``POST /conferences/{id}/actions/…``."""

from collections.abc import Callable
from functools import partial

from portal.json_types import JsonObject
from portal.sandbox import chance
from portal.sandbox.calls import call_events
from portal.sandbox.calls.commands import answered_leg, check_client_state, run_once
from portal.sandbox.conferences import conferences
from portal.sandbox.core.errors import check, not_found, unprocessable
from portal.sandbox.core.events import timestamp
from portal.sandbox.core.exchange import Exchange, TimerFunction
from portal.sandbox.core.store import Call
from portal.sandbox.resources import recordings
from portal.sandbox.services import media

Run = Callable[[Exchange, JsonObject, JsonObject], None]


def act(exchange: Exchange, id: str, wire_name: str, body: JsonObject) -> JsonObject:
    """Execute one command, or refuse it as Telnyx does; return the answer's body. Within a transaction."""
    if wire_name not in ACTIONS:
        raise not_found(f"A conference action {wire_name!r}")
    method, run = ACTIONS[wire_name]
    conference = conferences.find_conference(exchange, id)
    check(f"conferences.actions.{method}", body)
    check_client_state(body, "client_state")
    execute = partial(_execute, exchange, conference, wire_name, run, body)
    return run_once(exchange, id, f"conference_{method}", body.get("command_id"), execute)


def _execute(exchange: Exchange, conference: JsonObject, wire_name: str, run: Run, body: JsonObject) -> JsonObject:
    if conference["status"] == "completed":
        detail = "This conference is no longer active and can't receive commands."
        raise unprocessable("90019", "Conference has already ended", detail)
    call = exchange.call(body.get("call_control_id") or conference["creator"])
    if call:
        call_events.note_command(exchange, call, f"conference.{wire_name}", body)
    run(exchange, conference, body)
    return {"data": {"result": "ok"}}


def _join(exchange: Exchange, conference: JsonObject, body: JsonObject) -> None:
    call = answered_leg(exchange, body["call_control_id"])
    if body.get("client_state") is not None:
        call.client_state = body["client_state"]
    conferences.join(exchange, conference, call, body)


def _leave(exchange: Exchange, conference: JsonObject, body: JsonObject) -> None:
    _named(conference, [body["call_control_id"]])
    conferences.leave(exchange, conference, answered_leg(exchange, body["call_control_id"]))


def _end(exchange: Exchange, conference: JsonObject, body: JsonObject) -> None:
    creator = conferences.creator(exchange, conference)
    conferences.end(exchange, conference, creator, "ended_via_api", hang_up=True)


def _set(name: str, value: bool) -> Run:
    """Hold, mute or the opposite: for those named, or for all. Telnyx sends no event for these."""

    def run(exchange: Exchange, conference: JsonObject, body: JsonObject) -> None:
        for participant in _named(conference, body.get("call_control_ids")):
            participant |= {name: value, "updated_at": timestamp(exchange.now(), "milliseconds")}
        conferences.save(exchange, conference)

    return run


def _update(exchange: Exchange, conference: JsonObject, body: JsonObject) -> None:
    for participant in _named(conference, [body["call_control_id"]]):
        participant["supervisor_role"] = body["supervisor_role"]
        participant["whisper_call_control_ids"] = body.get("whisper_call_control_ids") or []
    conferences.save(exchange, conference)


def _speak(exchange: Exchange, conference: JsonObject, body: JsonObject) -> None:
    _sound(exchange, conference, body, "speak", {}, endless=False)


def _play(exchange: Exchange, conference: JsonObject, body: JsonObject) -> None:
    more = {"media_name": body.get("media_name"), "media_url": body.get("audio_url")}
    _sound(exchange, conference, body, "playback", more, endless=body.get("loop") == "infinity")


def _sound(
    exchange: Exchange, conference: JsonObject, body: JsonObject, kind: str, more: JsonObject, endless: bool
) -> None:
    """Let all hear it, or those named, each of whom has events of their own."""
    chosen = body.get("call_control_ids")
    heard_by = [participant["call_control_id"] for participant in _named(conference, chosen)] if chosen else None
    sound = {"id": chance.new_uuid(), "kind": kind, "more": more, "heard_by": heard_by}
    conference["playing"].append(sound)
    conferences.save(exchange, conference)
    _tell(exchange, conference, sound, "started")
    if not endless:
        creator = conferences.creator(exchange, conference)
        exchange.after(media.SPEECH_SECONDS, creator, "sounded", conference=conference["id"], sound=sound["id"])


def _stop(exchange: Exchange, conference: JsonObject, body: JsonObject) -> None:
    _named(conference, body.get("call_control_ids"))
    playing, conference["playing"] = conference["playing"], []
    conferences.save(exchange, conference)
    for sound in playing:
        _tell(exchange, conference, sound, "ended")


def _tell(exchange: Exchange, conference: JsonObject, sound: JsonObject, what: str) -> None:
    creator = conferences.creator(exchange, conference)
    more = {"conference_id": conference["id"], "creator_call_session_id": creator.call_session_id} | sound["more"]
    if sound["heard_by"] is None:
        exchange.emit(creator, f"conference.{sound['kind']}.{what}", **more)
        return
    legs: list[Call | None] = [exchange.call(id) for id in sound["heard_by"]]
    for call in legs:
        if call:
            exchange.emit(call, f"conference.participant.{sound['kind']}.{what}", **more)


def _sounded(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    conference = conferences.find_conference(exchange, arguments["conference"])
    for sound in [item for item in conference["playing"] if item["id"] == arguments["sound"]]:
        conference["playing"].remove(sound)
        conferences.save(exchange, conference)
        _tell(exchange, conference, sound, "ended")


def _gather(exchange: Exchange, conference: JsonObject, body: JsonObject) -> None:
    _named(conference, [body["call_control_id"]])
    media.gather_using_audio(exchange, answered_leg(exchange, body["call_control_id"]), body)


def _send_dtmf(exchange: Exchange, conference: JsonObject, body: JsonObject) -> None:
    _named(conference, body.get("call_control_ids"))


def _record(exchange: Exchange, conference: JsonObject, body: JsonObject) -> None:
    recording = recordings.new_recording({"channels": "single"} | body, chance.new_uuid(), exchange.now())
    conference["recordings"].append(recording)
    conferences.save(exchange, conference)


def _stop_recording(exchange: Exchange, conference: JsonObject, body: JsonObject) -> None:
    for recording in _recordings(conference, body):
        conference["recordings"].remove(recording)
        conferences.save_recording(exchange, conference, recording)
    conferences.save(exchange, conference)


def _pause_recording(exchange: Exchange, conference: JsonObject, body: JsonObject) -> None:
    for recording in _recordings(conference, body):
        recording["paused_at"] = recording["paused_at"] or exchange.now()
    conferences.save(exchange, conference)


def _resume_recording(exchange: Exchange, conference: JsonObject, body: JsonObject) -> None:
    for recording in _recordings(conference, body):
        recordings.unpause(recording, exchange.now())
    conferences.save(exchange, conference)


def _recordings(conference: JsonObject, body: JsonObject) -> list[JsonObject]:
    return recordings.select_recordings(conference["recordings"], body)


def _named(conference: JsonObject, ids: list[str] | None) -> list[JsonObject]:
    """Return the participants of these legs, all of them when none are named; 422 if one is not in the conference."""
    there = {participant["call_control_id"]: participant for participant in conferences.present(conference)}
    for id in ids or []:
        if id not in there:
            detail = "This call is not in the conference."
            raise unprocessable("90015", "Invalid Call Control ID", detail, "/call_control_id")
    return [there[id] for id in ids] if ids else list(there.values())


ACTIONS: dict[str, tuple[str, Run]] = {
    "end": ("end_conference", _end),
    "gather_using_audio": ("gather_dtmf_audio", _gather),
    "hold": ("hold", _set("on_hold", True)),
    "join": ("join", _join),
    "leave": ("leave", _leave),
    "mute": ("mute", _set("muted", True)),
    "play": ("play", _play),
    "record_pause": ("record_pause", _pause_recording),
    "record_resume": ("record_resume", _resume_recording),
    "record_start": ("record_start", _record),
    "record_stop": ("record_stop", _stop_recording),
    "send_dtmf": ("send_dtmf", _send_dtmf),
    "speak": ("speak", _speak),
    "stop": ("stop", _stop),
    "unhold": ("unhold", _set("on_hold", False)),
    "unmute": ("unmute", _set("muted", False)),
    "update": ("update", _update),
}
TIMERS: dict[str, TimerFunction] = {"sounded": _sounded}
