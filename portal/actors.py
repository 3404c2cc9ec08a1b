"""Names who is doing something: a person in the browser, a token over REST, or the portal itself."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest


@dataclass(frozen=True)
class Actor:
    """Identifies who acts.

    ``label`` is what people read (``user: ada``, ``token: ci``, ``rule: greeting #1``); the others are rows, and where
    the request came from.
    """

    label: str
    user: Any = None
    token: Any = None
    request_id: str = ""
    address: str = ""


PORTAL = Actor("portal")


def actor_of(request: HttpRequest) -> Actor:
    """Return the actor of a signed-in or token-bearing request (a REST request, too)."""
    token, user = getattr(request, "auth", None), request.user if request.user.is_authenticated else None
    label = f"token: {token.name}" if token else f"user: {user}" if user else "nobody signed in"
    return Actor(label, user, token, getattr(request, "request_id", ""), address_of(request))


def address_of(request: HttpRequest) -> str:
    """Return the IP address that asked; with ``TRUST_PROXY`` the one that the proxy saw. Empty for a local socket.

    A proxy adds what it sees at the end of ``X-Forwarded-For``; what stands before that anybody may have written.
    """
    text = str(request.META.get("REMOTE_ADDR") or "")
    if settings.TRUST_PROXY and (forwarded := request.headers.get("X-Forwarded-For")):
        text = forwarded.rpartition(",")[2].strip()
    try:
        return str(ip_address(text))
    except ValueError:
        return ""
