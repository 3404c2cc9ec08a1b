"""Serves recordings of TeXML calls and their transcriptions: those that Call Control's ``/recordings`` tells of.

Times are ISO 8601 here, and RFC 2822 in everything else of TeXML, as the SDK's types have it.
"""

from datetime import datetime

from portal.json_types import JsonObject
from portal.sandbox import chance
from portal.sandbox.core.events import timestamp
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.requests import Request
from portal.sandbox.core.store import Call
from portal.sandbox.resources import recordings
from portal.sandbox.texml import callbacks, calls, listings, parameters
from portal.sandbox.texml.accounts import resource_not_found, uri

At = tuple[str, ...]


def start(exchange: Exchange, request: Request, at: At) -> JsonObject:
    """Record a call from now on. A call may be recorded several times at once."""
    call = calls.known(exchange, at[1], alive=True)
    body = parameters.read(request, "texml.accounts.calls.recordings_json.recordings_json")
    id, source = chance.new_uuid(), "StartCallRecordingAPI"
    channels = body.get("RecordingChannels", "dual")
    wanted = calls.recording_wanted(body, source)
    assert call.texml is not None
    call.texml["recordings"][id] = wanted
    recordings.start(exchange, call, {"id": id, "channels": channels, "initiated_by": source})
    callbacks.recording(exchange, call, id, "in-progress", channels, {})
    return _as_created(_running(call, id), at)


def update(exchange: Exchange, request: Request, at: At) -> JsonObject:
    """Pause it, go on, or stop it for good; one that was stopped is not under way and not found here."""
    call = calls.known(exchange, at[1])
    row = _running(call, at[2])
    body = parameters.read(request, "texml.accounts.calls.recordings.recording_sid_json", required=("Status",))
    steps = {"paused": recordings.pause, "in-progress": recordings.resume, "stopped": recordings.stop}
    steps[body["Status"]](exchange, call, {"recording_id": at[2]})
    if body["Status"] == "stopped":
        exchange.store.put(callbacks.STOPPED, at[2], row | {"status": "stopped"})
        return _as_created(row, at)
    return _as_created(_running(call, at[2]), at)


def list_of_call(exchange: Exchange, request: Request, at: At) -> JsonObject:
    """Return one page of a call's recordings, those under way first."""
    call = calls.known(exchange, at[1])
    return _page(exchange, request, at, _running_rows(call) + saved_rows(exchange, call_control_id=at[1]))


def list_page(exchange: Exchange, request: Request, at: At) -> JsonObject:
    """Return one page of all recordings, those under way first."""
    rows = _all_running(exchange) + saved_rows(exchange)
    return _page(exchange, request, at, listings.in_days(rows, request, DateCreated="created"))


def retrieve(exchange: Exchange, request: Request, at: At) -> JsonObject:
    for row in _all_running(exchange) + saved_rows(exchange):
        if row["sid"] == at[1]:
            return as_json(row, at[0])
    raise resource_not_found()


def delete(exchange: Exchange, request: Request, at: At) -> None:
    if exchange.store.get(recordings.RECORDINGS, at[1]) is None:
        raise resource_not_found()
    recordings.delete(exchange, at[1])


def list_transcriptions(exchange: Exchange, request: Request, at: At) -> JsonObject:
    """Return one page, newest first."""
    rows = [kept | {"sid": kept["id"]} for kept in exchange.store.all(recordings.TRANSCRIPTIONS)[::-1]]
    address = uri(at[0], "Transcriptions")
    return listings.page(rows, request, "transcriptions", address, lambda row: _transcription(exchange, row, at[0]))


def retrieve_transcription(exchange: Exchange, request: Request, at: At) -> JsonObject:
    kept = exchange.store.get(recordings.TRANSCRIPTIONS, at[1])
    if kept is None:
        raise resource_not_found()
    return _transcription(exchange, kept, at[0])


def delete_transcription(exchange: Exchange, request: Request, at: At) -> None:
    if exchange.store.get(recordings.TRANSCRIPTIONS, at[1]) is None:
        raise resource_not_found()
    exchange.store.remove(recordings.TRANSCRIPTIONS, at[1])


def running_row(call: Call, item: JsonObject, conference_id: str | None = None) -> JsonObject:
    """Return what is known of a recording under way."""
    wanted = (call.texml or {}).get("recordings", {}).get(item["id"], {})
    return {
        "sid": item["id"],
        "call_sid": call.call_control_id,
        "conference_sid": conference_id,
        "channels": item["channels"],
        "created": item["started_at"],
        "updated": item["paused_at"] or item["started_at"],
        "status": "paused" if item["paused_at"] else "in-progress",
        "source": item.get("initiated_by") or "StartCallRecordingAPI",
        "track": wanted.get("track", "both"),
    }


def saved_rows(exchange: Exchange, **members: str) -> list[JsonObject]:
    """Return the recordings that are over and have these members, newest first."""
    names = {"call_control_id": "call_sid", "conference_id": "conference_sid"}
    saved = [_saved_row(exchange, kept) for kept in exchange.store.all(recordings.RECORDINGS)[::-1]]
    rows = exchange.store.all(callbacks.STOPPED)[::-1] + saved
    return [row for row in rows if all(row[names[name]] == value for name, value in members.items())]


def as_json(row: JsonObject, account_sid: str) -> JsonObject:
    """Return a recording; what is not known yet is left out."""
    address = uri(account_sid, "Recordings", row["sid"])
    members: JsonObject = {
        "account_sid": account_sid,
        "call_sid": row["call_sid"],
        "conference_sid": row["conference_sid"],
        "sid": row["sid"],
        "channels": 2 if row["channels"] == "dual" else 1,
        "date_created": timestamp(row["created"], "seconds"),
        "date_updated": timestamp(row["updated"], "seconds"),
        "start_time": timestamp(row["created"], "seconds"),
        "duration": row.get("duration"),
        "media_url": row.get("media_url"),
        "source": row["source"],
        "status": row["status"],
        "subresources_uris": {"transcriptions": None},
        "uri": address,
    }
    return {name: value for name, value in members.items() if value is not None}


def _as_created(row: JsonObject, at: At) -> JsonObject:
    members = as_json(row, at[0]) | {
        "track": row["track"],
        "uri": uri(*at[:1], "Calls", at[1], "Recordings", row["sid"]),
    }
    return {name: value for name, value in members.items() if name not in ("media_url", "status", "subresources_uris")}


def _page(exchange: Exchange, request: Request, at: At, rows: list[JsonObject]) -> JsonObject:
    # whole URLs: the document's type of these lists' addresses
    address = f"http://{request.headers.get('host', '')}{uri(at[0], 'Recordings')}"
    return listings.page(rows, request, "recordings", address, lambda row: as_json(row, at[0]))


def _running(call: Call, id: str) -> JsonObject:
    for row in _running_rows(call):
        if row["sid"] == id:
            return row
    raise resource_not_found()


def _running_rows(call: Call) -> list[JsonObject]:
    return [running_row(call, item) for item in call.running.get("recording", [])]


def _all_running(exchange: Exchange) -> list[JsonObject]:
    legs = [exchange.call(id) for id in exchange.store.texml_calls()]
    return [row for call in legs if call for row in _running_rows(call)]


def _saved_row(exchange: Exchange, kept: JsonObject) -> JsonObject:
    return {
        "sid": kept["id"],
        "call_sid": kept["call_control_id"],
        "conference_sid": kept["conference_id"],
        "channels": kept["channels"],
        "created": datetime.fromisoformat(kept["recording_started_at"]).timestamp(),
        "updated": datetime.fromisoformat(kept["updated_at"]).timestamp(),
        "status": "completed",
        "source": kept["initiated_by"],
        "duration": str(round(kept["duration_millis"] / 1000)),
        "media_url": next(filter(None, recordings.links(exchange, kept).values()), None),
    }


def _transcription(exchange: Exchange, kept: JsonObject, account_sid: str) -> JsonObject:
    recording = exchange.store.get(recordings.RECORDINGS, kept["recording_id"])
    members: JsonObject = {
        "account_sid": account_sid,
        "api_version": "2010-04-01",
        "call_sid": recording["call_control_id"] if recording else None,
        "recording_sid": kept["recording_id"],
        "sid": kept["id"],
        "date_created": timestamp(kept["at"], "seconds"),
        "date_updated": timestamp(kept["at"], "seconds"),
        "duration": str(round(recording["duration_millis"] / 1000)) if recording else None,
        "status": "completed",
        "transcription_text": kept["text"],
        "uri": uri(account_sid, "Transcriptions", kept["id"]),
    }
    return {name: value for name, value in members.items() if value is not None}
