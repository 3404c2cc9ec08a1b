"""Serves who is in a conference: ``/conferences/{id}/participants``."""

from portal.json_types import JsonObject
from portal.sandbox.conferences import conferences
from portal.sandbox.core import pages
from portal.sandbox.core.errors import Problem, Refused, check
from portal.sandbox.core.exchange import Exchange


def list_page(exchange: Exchange, id: str, query: dict[str, str]) -> JsonObject:
    """Return one page of all who ever joined, in that order."""
    conference = conferences.find_conference(exchange, id)
    participants = [_as_row(conference, participant) for participant in conference["participants"]]
    for name in ("muted", "on_hold"):
        wanted = query.get(f"filter[{name}]")
        participants = [participant for participant in participants if wanted in (None, str(participant[name]).lower())]
    if wanted := query.get("filter[whispering]"):
        participants = [
            participant
            for participant in participants
            if str(bool(participant["whisper_call_control_ids"])).lower() == wanted
        ]
    return pages.page(participants, query)


def retrieve(exchange: Exchange, id: str, participant_id: str) -> JsonObject:
    conference = conferences.find_conference(exchange, id)
    return {"data": _as_json(conference, _known(conference, participant_id))}


def update(exchange: Exchange, id: str, participant_id: str, body: JsonObject) -> JsonObject:
    """Change what their leaving means."""
    conference = conferences.find_conference(exchange, id)
    participant = _known(conference, participant_id)
    check("conferences.update_participant", {"id": id} | body)
    names = ("end_conference_on_exit", "soft_end_conference_on_exit")
    participant |= {name: body[name] for name in names if name in body}
    conferences.save(exchange, conference)
    return {"data": _as_json(conference, participant)}


def _known(conference: JsonObject, id: str) -> JsonObject:
    """Find a participant by its own id or by its leg's."""
    every: list[JsonObject] = conference["participants"]
    for participant in every:
        if id in (participant["id"], participant["call_control_id"]):
            return participant
    raise Refused(404, Problem("10007", "Resource not found", "There is no such participant."))


def _as_row(conference: JsonObject, participant: JsonObject) -> JsonObject:
    members = {name: value for name, value in participant.items() if name != "supervisor_role"}
    where = {"id": conference["id"], "name": conference["name"]}
    return members | {"record_type": "participant", "conference": where}


def _as_json(conference: JsonObject, participant: JsonObject) -> JsonObject:
    members = {name: value for name, value in participant.items() if name != "supervisor_role"}
    return members | {"conference_id": conference["id"], "label": None}
