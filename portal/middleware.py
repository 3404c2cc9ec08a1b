"""What every request passes: an id, a clean query, a content security policy."""

import re
import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

from portal.rest.problems import bad_request

Handler = Callable[[HttpRequest], HttpResponse]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{8,64}")
# As django-unfold needs it: Alpine evaluates expressions, its widgets set inline styles. No host but our own.
_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-eval'; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


def request_context(get_response: Handler) -> Handler:
    """Give the request an id (the caller's ``X-Request-ID``, if it is one) that logs, problems and audit share."""

    def middleware(request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex  # type: ignore[attr-defined]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request.request_id)  # type: ignore[attr-defined]
        response = get_response(request)
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        return response

    return middleware


def clean_query(get_response: Handler) -> Handler:
    """Refuse a NUL in path or query: PostgreSQL does, deep inside, as a 500."""

    def middleware(request: HttpRequest) -> HttpResponse:
        texts = [
            request.path_info,
            *request.GET.keys(),
            *(text for values in request.GET.lists() for text in values[1]),
        ]
        if any("\x00" in text for text in texts):
            return bad_request(request)
        return get_response(request)

    return middleware


def content_security(get_response: Handler) -> Handler:
    """The content security policy, and no caching of what only a signed-in person may see."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.setdefault("Content-Security-Policy", _POLICY)
        if not request.path_info.startswith("/static/"):
            response.setdefault("Cache-Control", "no-store")
        return response

    return middleware
