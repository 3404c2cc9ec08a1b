"""Names who is doing something: a person in the browser, a token over REST, or the portal itself."""

from dataclasses import dataclass
from typing import Any

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
