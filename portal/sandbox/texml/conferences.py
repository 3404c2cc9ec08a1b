"""Serves TeXML's conferences, which are Call Control's, and both lists of their recordings."""

from datetime import datetime

from portal.json_types import JsonObject
from portal.sandbox.calls.calls import hang_up
from portal.sandbox.conferences import conferences
from portal.sandbox.core.errors import Problem, Refused
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.requests import Request
from portal.sandbox.core.store import Call
from portal.sandbox.texml import legs, listings, parameters, recordings
from portal.sandbox.texml.accounts import API_VERSION, mail_time, resource_not_found, uri

At = tuple[str, ...]
_STATUSES = {"init": "init", "in_progress": "in-progress", "completed": "completed"}
_PARTS = ("participants", "recordings")
_REASONS = {
    "all_left": "last-participant-left",
    "ended_via_api": "conference-ended-via-api",
    "host_left": "participant-with-end-conference-on-exit-left",
}


def list_page(exchange: Exchange, request: Request, at: At) -> JsonObject:
    """Return one page, newest first."""
    query = request.query
    if query.get("Status", "init") not in _STATUSES.values():
        detail = f"Status must be one of {', '.join(_STATUSES.values())}"
        raise Refused(422, Problem("10032", "Invalid enumerated value", detail, "/Status"))
    rows = [
        _row(conference)
        for conference in exchange.store.all(conferences.CONFERENCES)[::-1]
        if query.get("FriendlyName") in (None, conference["name"])
        and query.get("Status") in (None, _STATUSES[conference["status"]])
    ]
    rows = listings.in_days(rows, request, DateCreated="created", DateUpdated="updated")
    as_json = lambda row: _as_json(row["conference"], at[0])  # noqa: E731
    return listings.page(rows, request, "conferences", uri(at[0], "Conferences"), as_json)


def retrieve(exchange: Exchange, request: Request, at: At) -> JsonObject:
    return _as_json(known(exchange, at[1]), at[0])


def update(exchange: Exchange, request: Request, at: At) -> JsonObject:
    """End the conference with all its legs, or have something announced to it."""
    conference = known(exchange, at[1])
    body = parameters.read(request, "texml.accounts.conferences.update", choices={"Status": ("completed",)})
    if not {"Status", "AnnounceUrl"} & set(body):
        raise parameters.blank("Status")
    check_active(conference)
    creator = conferences.creator(exchange, conference)
    if "AnnounceUrl" in body and creator.texml is not None:
        legs.announce(exchange, creator, body["AnnounceUrl"], body.get("AnnounceMethod", "POST"))
    if "Status" in body:
        conferences.end(exchange, conference, creator, "ended_via_api", hang_up=True)
        for call in coming(exchange, at[1]):
            hang_up(exchange, call)
    return _as_json(known(exchange, at[1]), at[0])


def list_recordings(exchange: Exchange, request: Request, at: At) -> JsonObject:
    """Return one page of its recordings, in the first of two shapes: seconds are a number here."""
    rows = _recordings(exchange, at)
    address = uri(at[0], "Conferences", at[1], "Recordings")
    page = listings.page(rows, request, "recordings", address, lambda row: _in_first_shape(row, at[0]))
    return page | {"participants": []}


def list_recordings_json(exchange: Exchange, request: Request, at: At) -> JsonObject:
    """Return one page of its recordings, in the shape of all other recordings."""
    address = uri(at[0], "Conferences", at[1], "Recordings")
    rows = _recordings(exchange, at)
    return listings.page(rows, request, "recordings", address, lambda row: recordings.as_json(row, at[0]))


def known(exchange: Exchange, sid: str) -> JsonObject:
    """Return a conference with its participants, or 404."""
    conference = exchange.store.get(conferences.CONFERENCES, sid)
    if conference is None:
        raise resource_not_found()
    return conference


def coming(exchange: Exchange, sid: str) -> list[Call]:
    """Return the legs that are being dialled for a conference, in that order."""
    every = [exchange.call(id) for id in reversed(exchange.store.texml_calls())]
    return [
        call for call in every if call and call.alive and (call.options.get("conference_config") or {}).get("id") == sid
    ]


def check_active(conference: JsonObject) -> None:
    if conference["status"] == "completed":
        detail = "This conference is no longer active and can't receive commands."
        raise Refused(400, Problem("90019", "Conference has already ended", detail))


def _recordings(exchange: Exchange, at: At) -> list[JsonObject]:
    conference = known(exchange, at[1])
    creator = conferences.creator(exchange, conference)
    running = [recordings.running_row(creator, item, at[1]) for item in conference["recordings"]]
    return running + recordings.saved_rows(exchange, conference_id=at[1])


def _row(conference: JsonObject) -> JsonObject:
    times = {name: datetime.fromisoformat(conference[f"{name}_at"]).timestamp() for name in ("created", "updated")}
    return {"sid": conference["id"], "conference": conference} | times


def _as_json(conference: JsonObject, account_sid: str) -> JsonObject:
    parts = {name: uri(account_sid, "Conferences", conference["id"], name.capitalize()) for name in _PARTS}
    members = {
        "sid": conference["id"],
        "account_sid": account_sid,
        "api_version": API_VERSION,
        "friendly_name": conference["name"],
        "region": conference["region"],
        "status": _STATUSES[conference["status"]],
        "date_created": mail_time(conference["created_at"]),
        "date_updated": mail_time(conference["updated_at"]),
        "reason_conference_ended": _REASONS.get(conference["end_reason"] or ""),
        "call_sid_ending_conference": (conference["ended_by"] or {}).get("call_control_id"),
        "subresource_uris": parts,
        "uri": uri(account_sid, "Conferences", conference["id"]),
    }
    return {name: value for name, value in members.items() if value is not None}


def _in_first_shape(row: JsonObject, account_sid: str) -> JsonObject:
    members = recordings.as_json(row, account_sid)
    del members["subresources_uris"]
    times = {name: mail_time(members[name]) for name in ("date_created", "date_updated", "start_time")}
    return (
        members
        | times
        | {
            "duration": int(members.get("duration", 0)),
            "status": "completed" if members["status"] == "completed" else "processing",
            "subresource_uris": {"transcriptions": None},
        }
    )
