"""Serves who is in a TeXML conference, and dials more of them in: ``…/Conferences/{conference_sid}/Participants``.

Who left, or got other instructions, is not told of any more.
"""

from portal.json_types import JsonObject
from portal.sandbox import chance
from portal.sandbox.calls.calls import hang_up
from portal.sandbox.conferences import conferences
from portal.sandbox.core.errors import Problem, Refused, unprocessable
from portal.sandbox.core.events import timestamp
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.requests import Request
from portal.sandbox.core.store import Call
from portal.sandbox.resources.recordings import new_recording
from portal.sandbox.texml import callbacks, calls, legs, listings, parameters
from portal.sandbox.texml.accounts import API_VERSION, mail_time, resource_not_found, uri
from portal.sandbox.texml.conferences import check_active, coming, known

At = tuple[str, ...]
_MOST = 250
# the words of Call Control's conferences for what a request calls otherwise
_WORDS = {"Muted": "mute", "EndConferenceOnExit": "end_conference_on_exit"}
# the answer to a dial has fewer members than what is told later
_ONLY_LATER = ("api_version", "call_sid_legacy", "coaching_call_sid_legacy", "date_created", "date_updated")
_MEMBERS = {"Muted": "muted", "Hold": "on_hold", "EndConferenceOnExit": "end_conference_on_exit"}


def dial(exchange: Exchange, request: Request, at: At) -> JsonObject:
    """Dial somebody into a conference, by its id or its name; of a new name it is made."""
    method = "texml.accounts.conferences.participants.participants"
    body = parameters.read(request, method, required=("From", "To"))
    conference = exchange.store.get(conferences.CONFERENCES, at[1]) or conferences.active(exchange, at[1])
    application_id = body.get("ApplicationSid") or (conference or {}).get("connection_id")
    if application_id is None:
        raise parameters.blank("ApplicationSid")
    if conference:
        check_active(conference)
        _check_room(exchange, conference, body)
    _check_coach(body)
    wanted = {word: body[name] for name, word in _WORDS.items() if name in body} | _coaching(body)
    wanted["start_conference_on_enter"] = body.get("StartConferenceOnEnter", True)
    call = calls.place(exchange, application_id, "/ApplicationSid", body, label=body.get("Label"))
    if conference is None:
        conference = _make(exchange, call, at[1], body)
    call.options["conference_config"] = wanted | {"id": conference["id"]}
    if body.get("EarlyMedia"):
        conferences.begin(exchange, call)
    members = as_json(exchange, conference, call, at[0])
    return {name: value for name, value in members.items() if name not in _ONLY_LATER}


def list_page(exchange: Exchange, request: Request, at: At) -> JsonObject:
    """Return one page of who is in it or is being dialled, in the order of coming."""
    conference = known(exchange, at[1])
    rows: list[JsonObject] = [{"sid": call.call_control_id, "call": call} for call in _present(exchange, conference)]
    address = uri(at[0], "Conferences", at[1], "Participants")
    as_row = lambda row: as_json(exchange, conference, row["call"], at[0])  # noqa: E731
    return listings.page(rows, request, "participants", address, as_row)


def retrieve(exchange: Exchange, request: Request, at: At) -> JsonObject:
    conference = known(exchange, at[1])
    return as_json(exchange, conference, _known(exchange, conference, at[2]), at[0])


def update(exchange: Exchange, request: Request, at: At) -> JsonObject:
    """Mute, hold, let coach; or have something announced to one of them, who must not be on hold then."""
    conference = known(exchange, at[1])
    body = parameters.read(request, "texml.accounts.conferences.participants.update")
    check_active(conference)
    call = _known(exchange, conference, at[2])
    _check_coach(body)
    entry = _entry(conference, call)
    if "AnnounceUrl" in body:
        if entry and body.get("Hold", entry["on_hold"]):
            detail = "The participant is on hold, and hears no announcement."
            raise Refused(400, Problem("90047", "Participant is on hold", detail))
        legs.announce(exchange, call, body["AnnounceUrl"], body.get("AnnounceMethod", "POST"))
    if entry is None:
        changes = {word: body[name] for name, word in _WORDS.items() if name in body} | _coaching(body)
        call.options["conference_config"] |= changes | ({"hold": body["Hold"]} if "Hold" in body else {})
    else:
        entry |= {member: body[name] for name, member in _MEMBERS.items() if name in body} | _coaching(body)
        entry["updated_at"] = timestamp(exchange.now(), "milliseconds")
        conferences.save(exchange, conference)
    return as_json(exchange, conference, call, at[0])


def delete(exchange: Exchange, request: Request, at: At) -> None:
    """Throw one out: their call ends."""
    conference = known(exchange, at[1])
    check_active(conference)
    hang_up(exchange, _known(exchange, conference, at[2]))


def answered(exchange: Exchange, call: Call) -> None:
    """Begin to record the conference that has begun with this leg, if that was asked for."""
    for place in call.running.get(conferences.KIND, []) if call.texml else []:
        kept = exchange.store.get(callbacks.CONFERENCES, place["id"]) or {}
        conference = exchange.store.get(conferences.CONFERENCES, place["id"])
        if conference and kept.get("record") and kept["started"]:
            exchange.store.put(callbacks.CONFERENCES, place["id"], kept | {"record": None})
            _record(exchange, conference, kept["record"])


def ended(exchange: Exchange, call: Call) -> None:
    """End a conference for which nobody is left, because the last one whom it waited for did not come."""
    wanted = call.options.get("conference_config") or {}
    conference = exchange.store.get(conferences.CONFERENCES, wanted.get("id") or "")
    if call.texml is None or conference is None or conference["status"] == "completed":
        return
    if not _present(exchange, conference):
        conferences.end(exchange, conference, call, "all_left", hang_up=False)


def as_json(exchange: Exchange, conference: JsonObject, call: Call, account_sid: str) -> JsonObject:
    """Return one of them: as they are in the conference, or as they will be."""
    entry = _entry(conference, call)
    state = entry or _as_entry(exchange, call)
    coached = next(iter(state["whisper_call_control_ids"]), None)
    members: JsonObject = {
        "account_sid": account_sid,
        "api_version": API_VERSION,
        "call_sid": call.call_control_id,
        "call_sid_legacy": call.call_control_id,
        "conference_sid": conference["id"],
        "coaching": state["supervisor_role"] == "whisper",
        "coaching_call_sid": coached,
        "coaching_call_sid_legacy": coached,
        "date_created": mail_time(state["created_at"]),
        "date_updated": mail_time(state["updated_at"]),
        "end_conference_on_exit": state["end_conference_on_exit"],
        "hold": state["on_hold"],
        "muted": state["muted"],
        "status": "connected" if entry else "connecting",
        "uri": uri(account_sid, "Conferences", conference["id"], "Participants", call.call_control_id),
    }
    return {name: value for name, value in members.items() if value is not None}


def _make(exchange: Exchange, call: Call, name: str, body: JsonObject) -> JsonObject:
    most = {"max_participants": body.get("MaxParticipants", _MOST)}
    conference = conferences.make(exchange, call, name, most)
    conferences.save(exchange, conference)
    url, method = body.get("ConferenceStatusCallback") or "", body.get("ConferenceStatusCallbackMethod", "POST")
    wanted = parameters.words(body, "ConferenceStatusCallbackEvent", "")
    recording = None
    if body.get("ConferenceRecord") in ("true", "record-from-start"):
        recording = calls.recording_wanted(body, "Conference", "Conference")
    legs.keep_conference(exchange, conference["id"], url, method, wanted, recording)
    return conference


def _record(exchange: Exchange, conference: JsonObject, wanted: JsonObject) -> None:
    body = {"channels": "single", "initiated_by": wanted["source"]}
    recording = new_recording(body, chance.new_uuid(), exchange.now())
    conference["recordings"].append(recording)
    conferences.save(exchange, conference)
    creator = conferences.creator(exchange, conference)
    if creator.texml is not None:
        creator.texml["recordings"][recording["id"]] = wanted
        callbacks.recording(exchange, creator, recording["id"], "in-progress", "single", {})


def _present(exchange: Exchange, conference: JsonObject) -> list[Call]:
    """Return the legs that are in a conference, then those that are being dialled for it."""
    there = [exchange.call(entry["call_control_id"]) for entry in conferences.present(conference)]
    return [call for call in there if call] + coming(exchange, conference["id"])


def _known(exchange: Exchange, conference: JsonObject, name: str) -> Call:
    """Return one of them by the leg's id or by label, or 404."""
    for call in _present(exchange, conference):
        if name == call.call_control_id or (call.texml and name == call.texml.get("label")):
            return call
    raise resource_not_found()


def _entry(conference: JsonObject, call: Call) -> JsonObject | None:
    there = {entry["call_control_id"]: entry for entry in conferences.present(conference)}
    return there.get(call.call_control_id)


def _as_entry(exchange: Exchange, call: Call) -> JsonObject:
    """Return how a leg will be in the conference once it is answered."""
    wanted, at = call.options.get("conference_config") or {}, timestamp(call.started_at, "milliseconds")
    return {
        "created_at": at,
        "updated_at": at,
        "end_conference_on_exit": wanted.get("end_conference_on_exit", False),
        "muted": wanted.get("mute", False),
        "on_hold": wanted.get("hold", False),
        "supervisor_role": wanted.get("supervisor_role", "none"),
        "whisper_call_control_ids": wanted.get("whisper_call_control_ids", []),
    }


def _check_room(exchange: Exchange, conference: JsonObject, body: JsonObject) -> None:
    present, label = _present(exchange, conference), body.get("Label")
    if label and any(call.texml and call.texml.get("label") == label for call in present):
        raise unprocessable("10015", "Invalid parameter", "'Label': A participant has this label.", "/Label")
    if len(present) >= conference["max_participants"]:
        raise unprocessable("90032", "Maximum number of participants reached", "The conference is full.")


def _check_coach(body: JsonObject) -> None:
    if body.get("Coaching") and "CallSidToCoach" not in body:
        raise parameters.blank("CallSidToCoach")


def _coaching(body: JsonObject) -> JsonObject:
    if "Coaching" not in body:
        return {}
    coached = [body["CallSidToCoach"]] if body["Coaching"] else []
    return {"supervisor_role": "whisper" if coached else "none", "whisper_call_control_ids": coached}
