"""Asks the portal's own webhook address, as Telnyx would, whether this portal answers there.

The request is unsigned and carries a nonce; the door refuses it with 400 and gives the nonce back. Only
``PORTAL_PUBLIC_URL`` is ever asked, and no redirect followed.
"""

import json
import secrets
from dataclasses import dataclass
from typing import Any

import httpx

from portal.models import TelnyxAccount
from portal.telnyx.client import DeadlineTransport

PROBE_HEADER = "X-Portal-Probe"
SECONDS = 5.0
LIMIT = (
    "This was asked from the portal's own machine: it does not prove that Telnyx reaches the address from outside "
    "(firewalls, DNS and certificates may look different from there)."
)
_MOST_BYTES = 64 * 1024


@dataclass(frozen=True)
class Finding:
    """Says whether our own door answered, and what that means in words."""

    ok: bool
    words: str


def reachable(account: TelnyxAccount) -> Finding:
    """Post the probe to the account's webhook address. Raises nothing that the network may answer."""
    nonce = secrets.token_urlsafe(24)
    try:
        status, body = _ask(account.webhook_url, nonce)
    except httpx.TimeoutException:
        return Finding(False, f"Nothing answered within {SECONDS:.0f} seconds.")
    except httpx.TransportError as error:
        return Finding(False, f"No connection could be made ({type(error).__name__}).")
    return _judged(status, body, nonce)


def _ask(url: str, nonce: str) -> tuple[int, bytes]:
    transport = DeadlineTransport(SECONDS)
    headers = {PROBE_HEADER: nonce, "Content-Type": "application/json", "Accept-Encoding": "identity"}
    with (
        httpx.Client(transport=transport, timeout=SECONDS, follow_redirects=False, trust_env=False) as client,
        client.stream("POST", url, content=b"{}", headers=headers) as response,
    ):
        body = b""
        for part in response.iter_raw():
            body += part
            if len(body) > _MOST_BYTES:
                break
        return response.status_code, body


def _judged(status: int, body: bytes, nonce: str) -> Finding:
    if status == 400 and _member(body, "probe") == nonce:
        return Finding(True, "This portal answers at its public address and refuses what is not signed, as it should.")
    if 300 <= status < 400:
        return Finding(False, f"The address answers with a redirect (HTTP {status}); Telnyx counts that as a failure.")
    if status == 503 and _member(body, "code") == "no_public_key":
        return Finding(False, "This portal answers, but the account has no public key, so no webhook can be verified.")
    if status == 404:
        return Finding(False, "Something answers there, but it does not know this account's address (HTTP 404).")
    return Finding(False, f"Something else answers there (HTTP {status}): it is not this portal, or a proxy steps in.")


def _member(body: bytes, name: str) -> Any:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value.get(name) if isinstance(value, dict) else None
