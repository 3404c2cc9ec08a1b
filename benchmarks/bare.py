"""The floors: WSGI functions that verify a webhook, and insert it or post the command over a kept connection."""

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


def answering(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Verify, parse, command."""
    data = _verified(environ)[1]["data"]
    if not hasattr(_kept, "telnyx"):
        _kept.telnyx = http.client.HTTPConnection("127.0.0.1", int(os.environ["BARE_TELNYX_PORT"]), timeout=5)
    path = f"/v2/calls/{data['payload']['call_control_id']}/actions/answer"
    _kept.telnyx.request("POST", path, b"{}", {"Content-Type": "application/json"})
    _kept.telnyx.getresponse().read()
    return _yes(start_response)


def storing(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Verify, parse, one INSERT that commits by itself."""
    body, document = _verified(environ)
    _insert(document["data"]["id"], body)
    return _yes(start_response)


def _verified(environ: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    signed = environ["HTTP_TELNYX_TIMESTAMP"].encode() + b"|" + body
    _KEY.verify(signed, base64.b64decode(environ["HTTP_TELNYX_SIGNATURE_ED25519"]))
    return body, json.loads(body)


def _insert(identifier: str, body: bytes) -> None:
    identifier = str(uuid.UUID(identifier))
    if (url := os.environ["BARE_DATABASE"]).startswith("postgres"):
        if not hasattr(_kept, "database"):
            _kept.database = psycopg.connect(url, autocommit=True)
        _kept.database.execute("INSERT INTO bench_floor VALUES (%s, %s) ON CONFLICT DO NOTHING", (identifier, body))
        return
    if not hasattr(_kept, "database"):
        _kept.database = sqlite3.connect(url, timeout=20, isolation_level=None)
        _kept.database.execute("PRAGMA synchronous=FULL")
    _kept.database.execute("INSERT INTO bench_floor VALUES (?, ?) ON CONFLICT DO NOTHING", (identifier, body))


def _yes(start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "2")])
    return [b"{}"]
