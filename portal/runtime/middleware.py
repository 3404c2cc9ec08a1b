"""Gives every request an id, a limit to its waiting, a body of known length, a clean query, a policy."""

import re
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

import structlog
from django.http import HttpRequest, HttpResponse

from portal.rest.problems import bad_request, problem
from portal.statement_timeout import statement_timeout

Handler = Callable[[HttpRequest], HttpResponse]

_TELNYX = ("/webhooks/", "/texml/")  # what Telnyx asks: it comes again, or hangs up, and signs its bytes
SOON, _LATER = 2.0, 10.0  # seconds for a statement
WAITED = "portal.waited"  # in the environ: the seconds that were spent on the request below Django
_NO_TEXT = "The path or the query holds a NUL, or bytes that are no UTF-8. Send UTF-8, percent-encoded."
_ID = "portal.request_id"  # in the environ, for whoever has the request after it was begun
_STRANGERS_FORM = 64 * 1024
_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{8,64}")
# As django-unfold needs it: Alpine evaluates expressions, its widgets set inline styles. No host but our own.
_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-eval'; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


def begin(environ: dict[str, Any]) -> str:
    """Return the request's id: the caller's, if it is one, else a new one. What its thread logs from here bears it."""
    given = environ.get("HTTP_X_REQUEST_ID", "")
    request_id = environ.setdefault(_ID, given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)
    return str(request_id)


def request_context(get_response: Handler) -> Handler:
    """Give the request an id (the caller's ``X-Request-ID``, if it is one) that logs, problems and audit share."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request.request_id = begin(request.META)  # type: ignore[attr-defined]
        response = get_response(request)
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        return response

    return middleware


def no_body_for_head(get_response: Handler) -> Handler:
    """Answer HEAD without a body, with the length that it would have: gunicorn warns of each that it has to drop."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.method == "HEAD" and response.streaming:
            response.streaming_content = ()  # type: ignore[attr-defined]
        elif request.method == "HEAD":
            response.setdefault("Content-Length", str(len(response.content)))
            response.content = b""
        return response

    return middleware


def limited_waiting(get_response: Handler) -> Handler:
    """Give up on a database that does not answer: soon where a machine asks that comes again, later for a person."""

    def middleware(request: HttpRequest) -> HttpResponse:
        soon = request.path_info.startswith((*_TELNYX, "/readyz", "/metrics"))
        waited = request.META.get(WAITED, 0.0) if soon else 0.0
        with statement_timeout(max((SOON if soon else _LATER) - waited, 0.1)):
            return get_response(request)

    return middleware


def clean_query(get_response: Handler) -> Handler:
    """Refuse a NUL in path or query: PostgreSQL does, deep inside, as a 500. And a query that is no UTF-8.

    A fetch of a document is answered whatever a caller's name is.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith("/texml/"):
            return get_response(request)
        texts = [
            request.path_info,
            *request.GET.keys(),
            *(text for values in request.GET.lists() for text in values[1]),
        ]
        if any("\x00" in text for text in texts) or not _is_text(request.META.get("QUERY_STRING", "")):
            return bad_request(request, words=_NO_TEXT)
        return get_response(request)

    return middleware


def _is_text(query: str) -> bool:
    """Return whether Django read the query as it was meant: it silently replaces what is no UTF-8 by U+FFFD."""
    try:
        unquote_to_bytes(query.encode("latin-1", "replace")).decode()
    except UnicodeDecodeError:
        return False
    return True


def known_length(get_response: Handler) -> Handler:
    """Refuse a body in chunks, which Django would take for an empty one. Webhooks are read below Django, chunks too."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if "Transfer-Encoding" in request.headers and not request.path_info.startswith(_TELNYX):
            message = "Send the body with a Content-Length, not in chunks."
            return problem(411, message, "length_required", request.request_id)  # type: ignore[attr-defined]
        return get_response(request)

    return middleware


def limited_uploads(get_response: Handler) -> Handler:
    """Refuse a large form of a stranger: Django reads files before it looks who sends them, CSRF or not."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.content_type == "multipart/form-data" and not request.path_info.startswith(_TELNYX):
            length = int(request.META.get("CONTENT_LENGTH") or 0)
            if length > _STRANGERS_FORM and not request.user.is_authenticated:
                message = "Sign in before you send files."
                return problem(413, message, "too_large", request.request_id)  # type: ignore[attr-defined]
        return get_response(request)

    return middleware


def content_security(get_response: Handler) -> Handler:
    """Add the content security policy, and forbid caching of what only a signed-in person may see.

    A page that plays a recording names in ``media_origin`` where Telnyx keeps it.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        origin = getattr(response, "media_origin", "")
        response.setdefault("Content-Security-Policy", _POLICY + (f"; media-src 'self' {origin}" if origin else ""))
        if not request.path_info.startswith("/static/"):
            response.setdefault("Cache-Control", "no-store")
        return response

    return middleware
