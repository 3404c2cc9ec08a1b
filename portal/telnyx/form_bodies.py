"""Writes a request's body as a form, where it is sent as one.

The SDK only writes JSON. Telnyx's OpenAPI spec has forms for most of TeXML's changes, and nobody says which of the two
each address takes: the setting ``TELNYX_TEXML_ENCODING`` decides.
"""

import json
from typing import Any

import httpx

FORM = "application/x-www-form-urlencoded"


def in_its_encoding(request: httpx.Request) -> httpx.Request:
    """Return the request as it is, or with its JSON body as a form when its content type says so."""
    if request.headers.get("content-type") != FORM:
        return request
    body = json.loads(request.read() or b"{}")
    headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"content-length"]
    data = {name: _text(value) for name, value in body.items()}
    return httpx.Request(request.method, request.url, headers=headers, data=data, extensions=request.extensions)


def _text(value: Any) -> str | list[str]:
    """Write a value as a form has it: lists by repetition, an object as JSON (OpenAPI's defaults for forms)."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    return value if isinstance(value, str) else json.dumps(value)
