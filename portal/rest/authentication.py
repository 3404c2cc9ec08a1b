"""Signs REST requests in: ``Authorization: Bearer tvp_…``; a scope of the token AND a permission of its user."""

from typing import Any

import structlog
from django.http import HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from portal.models import ApiToken

CHALLENGE = 'Bearer realm="voice portal"'


class BearerToken(BaseAuthentication):
    """Authenticates by an ``ApiToken`` of an active user; one 401 for every reason."""

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        token = bearer_token(request)
        if token is None:
            return None
        token.mark_used()
        structlog.contextvars.bind_contextvars(token=token.prefix)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def bearer_token(request: Request | HttpRequest) -> ApiToken | None:
    """Return the token that a request brings, if any. Raises ``AuthenticationFailed`` for one that is no good."""
    words = get_authorization_header(request).split()  # type: ignore[arg-type]
    if not words or words[0].lower() != b"bearer":
        return None
    token = ApiToken.find(words[1].decode("ascii", "replace")) if len(words) == 2 and len(words[1]) < 200 else None
    if token is None:
        raise AuthenticationFailed("This token is unknown, expired or revoked.")
    return token


class BearerTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Says in the OpenAPI document how to sign in."""

    target_class = BearerToken
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "tvp_<prefix>.<secret>"}


class ScopeAndPermission(BasePermission):
    """Asks the view: ``scope`` is an area (``calls``), ``permissions`` maps an action or method to Django permissions.

    A view that names none for what is asked refuses: nothing is open by omission.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, ApiToken):  # who brings none is nobody
            return False
        right = "read" if request.method in SAFE_METHODS else "write"
        if not request.auth.allows(f"{view.scope}:{right}"):
            self.message = f"The token lacks the scope {view.scope}:{right}."
            return False
        if view.action is None or request.method == "OPTIONS":
            return True  # a viewset without such a method answers 405; OPTIONS tells what the document tells everybody
        needed = view.permissions.get(view.action)
        if needed is None:
            return False
        self.message = f"The token's user lacks the permission {needed}."
        return bool(request.user.has_perm(needed))
