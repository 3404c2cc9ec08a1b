"""Records a leg or a conference, and serves recordings: under ``/recordings``, and as audio beside ``/v2``.

An event comes a little after the end, as Telnyx's does. Links are made when told, like Telnyx's short-lived ones.
"""

from collections.abc import Mapping

from portal.json_types import JsonObject
from portal.sandbox import chance
from portal.sandbox.core import pages
from portal.sandbox.core.errors import Problem, Refused, check, not_found, unprocessable
from portal.sandbox.core.events import calling_party_type, moment, timestamp
from portal.sandbox.core.exchange import Exchange, TimerFunction
from portal.sandbox.core.store import Call, Store
from portal.sandbox.resources import file_links, tones

RECORDINGS, TRANSCRIPTIONS = "recordings", "recording_transcriptions"
_SAVING = 0.3  # seconds from the end to the event
_API = ("StartCallRecordingAPI", "StartConferenceRecordingAPI")
_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg"}


def begin(exchange: Exchange, call: Call) -> None:
    """Record from the answer on, if dial, answer, transfer or bridge said so."""
    wanted = call.options
    if wanted.get("recording_id"):
        body = {name.removeprefix("record_"): value for name, value in wanted.items() if name.startswith("record_")}
        _start(exchange, call, body, wanted.pop("recording_id"))


def start(exchange: Exchange, call: Call, body: JsonObject) -> None:
    _start(exchange, call, body, body.get("id") or chance.new_uuid())


def stop(exchange: Exchange, call: Call, body: JsonObject) -> None:
    """End one recording, or all of the leg."""
    for recording in select_recordings(call.running.get("recording", []), body):
        _end(exchange, call, recording)


def pause(exchange: Exchange, call: Call, body: JsonObject) -> None:
    """Pause; Telnyx sends no event for it."""
    for recording in select_recordings(call.running.get("recording", []), body):
        recording["paused_at"] = recording["paused_at"] or exchange.now()


def resume(exchange: Exchange, call: Call, body: JsonObject) -> None:
    for recording in select_recordings(call.running.get("recording", []), body):
        unpause(recording, exchange.now())


def hang_up(exchange: Exchange, call: Call) -> None:
    stop(exchange, call, {})


def unpause(recording: JsonObject, now: float) -> None:
    """Go on recording, and leave the pause out of the length."""
    if recording["paused_at"]:
        recording["skipped"] += now - recording["paused_at"]
        recording["paused_at"] = None


def select_recordings(every: list[JsonObject], body: JsonObject) -> list[JsonObject]:
    """Return the recording under way that the command names, or all of them; 422 if it names another."""
    id = body.get("recording_id")
    recordings = [recording for recording in every if id in (None, recording["id"])]
    if id and not recordings:
        raise unprocessable("10015", "Invalid parameter", "No such recording is under way.", "/recording_id")
    return recordings


def new_recording(body: JsonObject, id: str, now: float) -> JsonObject:
    """Return a recording under way."""
    return {
        "id": id,
        "format": body.get("format", "mp3"),
        "channels": body.get("channels", "dual"),
        "started_at": now,
        "paused_at": None,
        "skipped": 0.0,
        "transcription": body.get("transcription", False),
        "initiated_by": body.get("initiated_by"),
    }


def resource(call: Call, recording: JsonObject, now: float, conference_id: str | None = None) -> JsonObject:
    """Return a recording that ended, as ``GET /recordings`` tells it, but for the links."""
    unpause(recording, now)
    ended = timestamp(now)
    return {
        "id": recording["id"],
        "call_control_id": call.call_control_id,
        "call_leg_id": call.call_leg_id,
        "call_session_id": call.call_session_id,
        "channels": recording["channels"],
        "conference_id": conference_id,
        "connection_id": call.connection_id,
        "created_at": ended,
        "duration_millis": max(1, round((now - recording["started_at"] - recording["skipped"]) * 1000)),
        "from": call.from_number,
        "initiated_by": recording.get("initiated_by") or _API[conference_id is not None],
        "record_type": "recording",
        "recording_ended_at": ended,
        "recording_started_at": timestamp(recording["started_at"]),
        "source": "conference" if conference_id else "call",
        "status": "completed",
        "to": call.to_number,
        "updated_at": ended,
        "format": recording["format"],
    }


def save(exchange: Exchange, call: Call, ended: JsonObject, transcription: bool = False) -> None:
    """Put it into the list, and tell of it, in a moment."""
    exchange.after(_SAVING, call, "recording_saved", recording=ended, transcription=transcription)


def list_page(exchange: Exchange, query: dict[str, str]) -> JsonObject:
    """Return one page, newest first."""
    recordings = exchange.store.all(RECORDINGS)[::-1]
    for name, value in query.items():
        if name.startswith("filter["):
            recordings = [recording for recording in recordings if _matches(recording, name, value)]
    page = pages.page(recordings, query)
    return page | {"data": [_as_json(exchange, recording) for recording in page["data"]]}


def retrieve(exchange: Exchange, id: str) -> JsonObject:
    return {"data": _as_json(exchange, _known(exchange.store, id))}


def delete(exchange: Exchange, id: str) -> JsonObject:
    """Delete it; the answer is what it was."""
    answer = retrieve(exchange, id)
    exchange.store.remove(RECORDINGS, id)
    return answer


def delete_several(exchange: Exchange, body: JsonObject) -> JsonObject:
    check("recordings.actions.delete", body)
    for id in body["ids"]:
        delete(exchange, id)
    return {"status": "ok"}


def audio(exchange: Exchange, name: str, query: Mapping[str, str]) -> tuple[str, bytes] | None:
    """Return type and bytes of ``<id>.wav`` or ``<id>.mp3``; None if there is no such recording, 403 by an old link."""
    id, _, format = name.rpartition(".")
    recording = exchange.store.get(RECORDINGS, id)
    if recording is None or format not in _TYPES:
        return None
    file_links.check(exchange, name, query)
    seconds = recording["duration_millis"] / 1000
    stereo = recording["channels"] == "dual"
    return _TYPES[format], tones.mp3(seconds) if format == "mp3" else tones.wav(seconds, 2 if stereo else 1)


def _start(exchange: Exchange, call: Call, body: JsonObject, id: str) -> None:
    call.running.setdefault("recording", []).append(new_recording(body, id, exchange.now()))
    if body.get("max_length"):
        exchange.after(body["max_length"], call, "recording_full", id=id)


def _end(exchange: Exchange, call: Call, recording: JsonObject) -> None:
    call.running["recording"] = [other for other in call.running["recording"] if other is not recording]
    save(exchange, call, resource(call, recording, exchange.now()), recording["transcription"])


def _full(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    for recording in call.running.get("recording", []):
        if recording["id"] == arguments["id"]:
            _end(exchange, call, recording)


def _saved(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    recording = arguments["recording"]
    exchange.store.put(RECORDINGS, recording["id"], recording)
    payload: JsonObject = {name: recording[name] for name in ("channels", "recording_started_at", "recording_ended_at")}
    payload |= {"recording_id": recording["id"], "format": recording["format"]}
    payload |= {"recording_urls": links(exchange, recording), "public_recording_urls": {"mp3": None, "wav": None}}
    if recording["conference_id"]:
        exchange.emit(call, "conference.recording.saved", conference_id=recording["conference_id"], **payload)
    else:
        exchange.emit(call, "call.recording.saved", **payload)
    if arguments["transcription"]:
        _transcribed(exchange, call, recording["id"])


def _transcribed(exchange: Exchange, call: Call, id: str) -> None:
    transcription = {"id": chance.new_uuid(), "recording_id": id, "text": "Hello, this is the sandbox."}
    exchange.store.put(TRANSCRIPTIONS, transcription["id"], transcription | {"at": exchange.now()})
    exchange.emit(
        call,
        "call.recording.transcription.saved",
        calling_party_type=calling_party_type(call),
        recording_id=id,
        recording_transcription_id=transcription["id"],
        status="completed",
        transcription_text=transcription["text"],
    )


def list_transcriptions(exchange: Exchange) -> JsonObject:
    """Return all of them; Telnyx documents no paging and no filter."""
    kept = exchange.store.all(TRANSCRIPTIONS)[::-1]
    return {"data": [_transcription(one) for one in kept]}


def retrieve_transcription(exchange: Exchange, id: str) -> JsonObject:
    kept = exchange.store.get(TRANSCRIPTIONS, id)
    if kept is None:
        raise not_found("This transcription")
    return {"data": _transcription(kept)}


def delete_transcription(exchange: Exchange, id: str) -> JsonObject:
    answer = retrieve_transcription(exchange, id)
    exchange.store.remove(TRANSCRIPTIONS, id)
    return answer


def _transcription(kept: JsonObject) -> JsonObject:
    at = timestamp(kept["at"], "milliseconds")
    return {
        "record_type": "recording_transcription",
        "id": kept["id"],
        "recording_id": kept["recording_id"],
        "created_at": at,
        "updated_at": at,
        "duration_millis": kept.get("duration_millis", 2000),
        "status": "completed",
        "transcription_text": kept["text"],
    }


def _known(store: Store, id: str) -> JsonObject:
    recording = store.get(RECORDINGS, id)
    if recording is None:
        detail = "The recording could not be found."
        raise Refused(404, Problem("10005", "Recording not found", detail, "/recording_id"))
    return recording


def _as_json(exchange: Exchange, recording: JsonObject) -> JsonObject:
    members = {name: value for name, value in recording.items() if name != "format"}
    return members | {"download_urls": links(exchange, recording)}


def links(exchange: Exchange, recording: JsonObject) -> JsonObject:
    """Return where a recording can be heard for ten minutes, by format."""
    link = file_links.make(exchange, f"{recording['id']}.{recording['format']}")
    return {"mp3": None, "wav": None} | {recording["format"]: link}


def _matches(recording: JsonObject, name: str, value: str) -> bool:
    member, _, how = name.removeprefix("filter[").removesuffix("]").partition("][")
    member = {"start_time": "recording_started_at", "end_time": "recording_ended_at"}.get(member, member)
    if how in ("gte", "lte"):
        at, limit = moment(recording[member]), moment(value)
        return at >= limit if how == "gte" else at <= limit
    return member not in recording or bool(recording[member] == value)


TIMERS: dict[str, TimerFunction] = {"recording_full": _full, "recording_saved": _saved}
