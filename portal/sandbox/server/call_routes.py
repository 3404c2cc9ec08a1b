"""Routes what belongs to calls by method and path: commands, recordings, queues, conferences, call events."""

import re

from portal.sandbox.actions.actions import act
from portal.sandbox.calls import call_events
from portal.sandbox.conferences import conferences, participants, queue_calls, queues
from portal.sandbox.conferences.conference_actions import act as act_in_conference
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.requests import Answer, Request, Route
from portal.sandbox.resources import recordings

At = tuple[str, ...]


def _act(exchange: Exchange, request: Request, at: At) -> Answer:
    return 200, act(exchange, at[0], at[1], request.body)


def _call_events(exchange: Exchange, request: Request, at: At) -> Answer:
    return 200, call_events.list_page(exchange.store, request.query)


def _recordings(exchange: Exchange, request: Request, at: At) -> Answer:
    return 200, recordings.list_page(exchange, request.query)


def _recording(exchange: Exchange, request: Request, at: At) -> Answer:
    return 200, recordings.retrieve(exchange, at[0])


def _delete_recording(exchange: Exchange, request: Request, at: At) -> Answer:
    return 200, recordings.delete(exchange, at[0])


def _delete_recordings(exchange: Exchange, request: Request, at: At) -> Answer:
    return 200, recordings.delete_several(exchange, request.body)


def _transcriptions(exchange: Exchange, request: Request, at: At) -> Answer:
    return 200, recordings.list_transcriptions(exchange)


def _transcription(exchange: Exchange, request: Request, at: At) -> Answer:
    return 200, recordings.retrieve_transcription(exchange, at[0])


def _delete_transcription(exchange: Exchange, request: Request, at: At) -> Answer:
    return 200, recordings.delete_transcription(exchange, at[0])


def _queues(exchange: Exchange, request: Request, at: At) -> Answer:
    return 200, queues.list_page(exchange, request.query)


def _make_queue(exchange: Exchange, request: Request, at: At) -> Answer:
    return 200, queues.create(exchange, request.body)


def _queue(exchange: Exchange, request: Request, at: At) -> Answer:
    return 200, queues.retrieve(exchange, at[0])


def _change_queue(exchange: Exchange, request: Request, at: At) -> Answer:
    return 200, queues.update(exchange, at[0], request.body)


def _delete_queue(exchange: Exchange, request: Request, at: At) -> Answer:
    queues.delete(exchange, at[0])
    return 204, {}


def _queue_calls(exchange: Exchange, request: Request, at: At) -> Answer:
    return 200, queue_calls.list_page(exchange, at[0], request.query)


def _queue_call(exchange: Exchange, request: Request, at: At) -> Answer:
    return 200, queue_calls.retrieve(exchange, at[0], at[1])


def _change_queue_call(exchange: Exchange, request: Request, at: At) -> Answer:
    queue_calls.update(exchange, at[0], at[1], request.body)
    return 204, {}


def _remove_queue_call(exchange: Exchange, request: Request, at: At) -> Answer:
    queue_calls.remove(exchange, at[0], at[1])
    return 204, {}


def _conferences(exchange: Exchange, request: Request, at: At) -> Answer:
    return 200, conferences.list_page(exchange, request.query)


def _make_conference(exchange: Exchange, request: Request, at: At) -> Answer:
    return 200, conferences.create(exchange, request.body)


def _conference(exchange: Exchange, request: Request, at: At) -> Answer:
    return 200, conferences.retrieve(exchange, at[0])


def _act_in_conference(exchange: Exchange, request: Request, at: At) -> Answer:
    return 200, act_in_conference(exchange, at[0], at[1], request.body)


def _participants(exchange: Exchange, request: Request, at: At) -> Answer:
    return 200, participants.list_page(exchange, at[0], request.query)


def _participant(exchange: Exchange, request: Request, at: At) -> Answer:
    return 200, participants.retrieve(exchange, at[0], at[1])


def _change_participant(exchange: Exchange, request: Request, at: At) -> Answer:
    return 200, participants.update(exchange, at[0], at[1], request.body)


_ID = "([^/]+)"
_PATHS: tuple[tuple[str, str, Route], ...] = (
    ("POST", f"/v2/calls/{_ID}/actions/(?!client_state_update){_ID}", _act),
    ("PUT", f"/v2/calls/{_ID}/actions/(client_state_update)", _act),
    ("GET", "/v2/call_events", _call_events),
    ("GET", "/v2/recordings", _recordings),
    ("POST", "/v2/recordings/actions/delete", _delete_recordings),
    ("GET", f"/v2/recordings/{_ID}", _recording),
    ("DELETE", f"/v2/recordings/{_ID}", _delete_recording),
    ("GET", "/v2/recording_transcriptions", _transcriptions),
    ("GET", f"/v2/recording_transcriptions/{_ID}", _transcription),
    ("DELETE", f"/v2/recording_transcriptions/{_ID}", _delete_transcription),
    ("GET", "/v2/queues", _queues),
    ("POST", "/v2/queues", _make_queue),
    ("GET", f"/v2/queues/{_ID}", _queue),
    ("POST", f"/v2/queues/{_ID}", _change_queue),
    ("DELETE", f"/v2/queues/{_ID}", _delete_queue),
    ("GET", f"/v2/queues/{_ID}/calls", _queue_calls),
    ("GET", f"/v2/queues/{_ID}/calls/{_ID}", _queue_call),
    ("PATCH", f"/v2/queues/{_ID}/calls/{_ID}", _change_queue_call),
    ("DELETE", f"/v2/queues/{_ID}/calls/{_ID}", _remove_queue_call),
    ("GET", "/v2/conferences", _conferences),
    ("POST", "/v2/conferences", _make_conference),
    ("GET", f"/v2/conferences/{_ID}", _conference),
    ("POST", f"/v2/conferences/{_ID}/actions/{_ID}", _act_in_conference),
    ("GET", f"/v2/conferences/{_ID}/participants", _participants),
    ("GET", f"/v2/conferences/{_ID}/participants/{_ID}", _participant),
    ("PATCH", f"/v2/conferences/{_ID}/participants/{_ID}", _change_participant),
)
ROUTES: tuple[tuple[str, re.Pattern[str], Route], ...] = tuple(
    (method, re.compile(path), route) for method, path, route in _PATHS
)
