"""Names who is doing something: a person in the browser, a token over REST, or the portal itself."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest


@dataclass(frozen=True)
class Actor:
    """Identifies who acts.

    ``label`` is what people read (``user: ada``, ``token: ci``, ``rule: greeting #1``); the others are rows.
    """

    label: str
    user: Any = None
    token: Any = None
    request_id: str = ""


PORTAL = Actor("portal")


def actor_of(request: HttpRequest) -> Actor:
    """Return the actor of a signed-in or token-bearing request (a REST request, too)."""
    token = getattr(request, "auth", None)
    label = f"token: {token.name}" if token else f"user: {request.user}"
    return Actor(label, request.user, token, getattr(request, "request_id", ""))


def address_of(request: HttpRequest) -> str:
    """Return the address a request came from: with ``TRUST_PROXY`` the one that the proxy saw.

    A proxy adds what it sees at the end of ``X-Forwarded-For``; what stands before that anybody may have written.
    """
    seen = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() if settings.TRUST_PROXY else ""
    return (seen or request.META.get("REMOTE_ADDR", ""))[:45]
