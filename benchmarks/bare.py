"""The floors: WSGI functions that verify a webhook, and store it or post its command, over kept connections.

What they store are the rows that the portal stores, in its own tables with all their indexes: ``BARE_ROWS`` holds one
of each as the portal wrote it, and the statements that insert another one like it.
"""

import base64
import http.client
import json
import os
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterable
from typing import Any

import psycopg
from nacl.signing import VerifyKey

_kept = threading.local()
_KEY = VerifyKey(base64.b64decode(os.environ["BARE_PUBLIC_KEY"]))
_ROWS = json.loads(os.environ.get("BARE_ROWS", "{}"))


def answering(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Verify, parse, command."""
    _post(_verified(environ)[1]["data"])
    return _yes(start_response)


def storing(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Verify, parse, one INSERT that commits by itself."""
    _insert("event", *_verified(environ))
    return _yes(start_response)


def both(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Verify, parse, commit the event, commit the command, command."""
    body, document = _verified(environ)
    _insert("command", body, document, of=_insert("event", body, document))
    _post(document["data"])
    return _yes(start_response)


def _verified(environ: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    signed = environ["HTTP_TELNYX_TIMESTAMP"].encode() + b"|" + body
    _KEY.verify(signed, base64.b64decode(environ["HTTP_TELNYX_SIGNATURE_ED25519"]))
    return body, json.loads(body)


def _post(data: dict[str, Any]) -> None:
    if not hasattr(_kept, "telnyx"):
        _kept.telnyx = http.client.HTTPConnection("127.0.0.1", int(os.environ["BARE_TELNYX_PORT"]), timeout=5)
    path = f"/v2/calls/{data['payload']['call_control_id']}/actions/answer"
    _kept.telnyx.request("POST", path, b"{}", {"Content-Type": "application/json"})
    _kept.telnyx.getresponse().read()


def _insert(kind: str, body: bytes, document: dict[str, Any], of: uuid.UUID | None = None) -> uuid.UUID:
    """Insert another row like the one that is given, with what is this webhook's own; ``of`` is a command's event."""
    given, data, id = _ROWS[kind], document["data"], uuid.uuid4()
    own: dict[str, Any] = {
        "id": id,
        "dedupe_key": data["id"],
        "event_id": of or data["id"],
        "intent_key": data["id"],
        "call_control_id": data["payload"]["call_control_id"],
        "call_leg_id": data["payload"]["call_leg_id"],
        "body": body,
        "payload": json.dumps(document),
    }
    if not _ROWS["postgres"]:
        own = {name: value.hex if isinstance(value, uuid.UUID) else value for name, value in own.items()}
    _execute(given["sql"], [own.get(name, value) for name, value in given["values"]])
    return id


def _execute(sql: str, values: list[Any]) -> None:
    if not hasattr(_kept, "database"):
        if _ROWS["postgres"]:
            _kept.database = psycopg.connect(os.environ["BARE_DATABASE"], autocommit=True, prepare_threshold=0)
        else:
            _kept.database = sqlite3.connect(os.environ["BARE_DATABASE"], timeout=20, isolation_level=None)
            _kept.database.execute("PRAGMA synchronous=FULL")
    _kept.database.execute(sql, values)


def _yes(start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "2")])
    return [b"{}"]
