"""Routes what belongs to TeXML by method and path. Paths of an account take its ``account_sid`` only."""

import re
from collections.abc import Callable
from functools import partial

from portal.json_types import JsonObject
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.requests import Answer, Request, Route
from portal.sandbox.texml import accounts, calls, conferences, participants, queues, recordings, streams

Run = Callable[[Exchange, Request, tuple[str, ...]], JsonObject | None]

_ID = "([^/]+)"
_ACCOUNT = f"/v2/texml/Accounts/{_ID}"
_CALL, _CONFERENCE = f"{_ACCOUNT}/Calls/{_ID}", f"{_ACCOUNT}/Conferences/{_ID}"
_PARTICIPANT, _QUEUE = f"{_CONFERENCE}/Participants/{_ID}", f"{_ACCOUNT}/Queues/{_ID}"
_PATHS: tuple[tuple[str, str, Run], ...] = (
    ("GET", f"{_ACCOUNT}/Calls", calls.list_page),
    ("POST", f"{_ACCOUNT}/Calls", calls.dial),
    ("GET", f"{_CALL}/Recordings\\.json", recordings.list_of_call),
    ("POST", f"{_CALL}/Recordings\\.json", recordings.start),
    ("POST", f"{_CALL}/Recordings/{_ID}\\.json", recordings.update),
    ("POST", f"{_CALL}/Siprec\\.json", streams.start_siprec),
    ("POST", f"{_CALL}/Siprec/{_ID}\\.json", streams.stop_siprec),
    ("POST", f"{_CALL}/Streams\\.json", streams.start_stream),
    ("POST", f"{_CALL}/Streams/{_ID}\\.json", streams.stop_stream),
    ("GET", _CALL, calls.retrieve),
    ("POST", _CALL, calls.update),
    ("GET", f"{_ACCOUNT}/Conferences", conferences.list_page),
    ("GET", _CONFERENCE, conferences.retrieve),
    ("POST", _CONFERENCE, conferences.update),
    ("GET", f"{_CONFERENCE}/Participants", participants.list_page),
    ("POST", f"{_CONFERENCE}/Participants", participants.dial),
    ("GET", _PARTICIPANT, participants.retrieve),
    ("POST", _PARTICIPANT, participants.update),
    ("DELETE", _PARTICIPANT, participants.delete),
    ("GET", f"{_CONFERENCE}/Recordings", conferences.list_recordings),
    ("GET", f"{_CONFERENCE}/Recordings\\.json", conferences.list_recordings_json),
    ("GET", f"{_ACCOUNT}/Queues", queues.list_page),
    ("POST", f"{_ACCOUNT}/Queues", queues.create),
    ("GET", _QUEUE, queues.retrieve),
    ("POST", _QUEUE, queues.update),
    ("DELETE", _QUEUE, queues.delete),
    ("GET", f"{_ACCOUNT}/Recordings\\.json", recordings.list_page),
    ("GET", f"{_ACCOUNT}/Recordings/{_ID}\\.json", recordings.retrieve),
    ("DELETE", f"{_ACCOUNT}/Recordings/{_ID}\\.json", recordings.delete),
    ("GET", f"{_ACCOUNT}/Transcriptions\\.json", recordings.list_transcriptions),
    ("GET", f"{_ACCOUNT}/Transcriptions/{_ID}\\.json", recordings.retrieve_transcription),
    ("DELETE", f"{_ACCOUNT}/Transcriptions/{_ID}\\.json", recordings.delete_transcription),
)


def _in_account(run: Run, exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    accounts.check(exchange, at[0])
    found = run(exchange, request, at)
    return (204, {}) if found is None else (200, found)


def _create(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, calls.create(exchange, request, at)


def _start_ai_call(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, calls.start_ai_call(exchange, request, at)


def _create_secret(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 201, accounts.create_secret(exchange, request, at)


def _whoami(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, accounts.whoami()


_OUTSIDE: tuple[tuple[str, str, Route], ...] = (
    ("POST", f"/v2/texml/calls/{_ID}", _create),
    ("POST", f"/v2/texml/ai_calls/{_ID}", _start_ai_call),
    ("POST", "/v2/texml/secrets", _create_secret),
    ("GET", "/v2/whoami", _whoami),
)
_INSIDE: tuple[tuple[str, str, Route], ...] = tuple(
    (method, path, partial(_in_account, run)) for method, path, run in _PATHS
)
ROUTES: tuple[tuple[str, re.Pattern[str], Route], ...] = tuple(
    (method, re.compile(path), route) for method, path, route in (*_OUTSIDE, *_INSIDE)
)
