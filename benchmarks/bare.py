"""The floor of ``answering``: a WSGI function that verifies a webhook and posts the command over a kept connection."""

import base64
import http.client
import json
import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

from nacl.signing import VerifyKey

_kept = threading.local()
_KEY = VerifyKey(base64.b64decode(os.environ["BARE_PUBLIC_KEY"]))


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    signed = environ["HTTP_TELNYX_TIMESTAMP"].encode() + b"|" + body
    _KEY.verify(signed, base64.b64decode(environ["HTTP_TELNYX_SIGNATURE_ED25519"]))
    control_id = json.loads(body)["data"]["payload"]["call_control_id"]
    if not hasattr(_kept, "telnyx"):
        _kept.telnyx = http.client.HTTPConnection("127.0.0.1", int(os.environ["BARE_TELNYX_PORT"]), timeout=5)
    _kept.telnyx.request("POST", f"/v2/calls/{control_id}/actions/answer", b"{}", {"Content-Type": "application/json"})
    _kept.telnyx.getresponse().read()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "2")])
    return [b"{}"]
