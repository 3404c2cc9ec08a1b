"""Makes the links by which recordings are heard. As Telnyx's they need no key, are signed, and hold for ten minutes.

How a link that has expired is refused is documented nowhere: here with 403.
"""

import hashlib
import hmac
import math
from collections.abc import Mapping
from urllib.parse import urlencode

from portal.sandbox.core.errors import Problem, Refused
from portal.sandbox.core.exchange import Exchange

LIFE = 600.0  # seconds by the world's clock, whatever the pace


def make(exchange: Exchange, name: str) -> str:
    """Return a fresh link to that file."""
    expires = str(math.ceil(exchange.clock.time() + LIFE))
    return f"{exchange.media_url}/{name}?{urlencode({'Expires': expires, 'Signature': _sign(exchange, name, expires)})}"


def check(exchange: Exchange, name: str, query: Mapping[str, str]) -> None:
    """Return when the file is asked for by a link that was made for it and still holds; else 403."""
    expires, signature = query.get("Expires", ""), query.get("Signature", "")
    if not hmac.compare_digest(_sign(exchange, name, expires).encode(), signature.encode()):
        raise _refused("This is no link that the sandbox made.")
    if exchange.clock.time() > int(expires):
        raise _refused("This link has expired.")


def _sign(exchange: Exchange, name: str, expires: str) -> str:
    return hmac.new(exchange.media_key, f"{name} {expires}".encode(), hashlib.sha256).hexdigest()


def _refused(why: str) -> Refused:
    detail = f"{why} Read the recording: each time it tells a fresh one."
    return Refused(403, Problem("10010", "Not authorized", detail))
