"""Answers errors as ``application/problem+json`` (RFC 9457), for the API and for what never reaches a view of it."""

import sys
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as ModelError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import exception_handler

from portal.masking import addresses_for, masked_for, set_up_for
from portal.passwords import TooManyPasswords
from portal.refusals import PortalRefusal
from portal.rest.problem_bodies import CONTENT_TYPE, WHOLE, problem_body
from portal.sql import is_outage
from portal.telnyx.errors import TelnyxError, TelnyxRefused, TelnyxUnavailable, TelnyxUncertain

_AWAY = "The database cannot be reached. Try again."
_AWAY_SECONDS = "2"
_HOME = "/admin/"
_AWAY_PAGE = (
    "The portal cannot reach its database. Calls that are under way go on; what you last saved may not have been kept."
)


class Problem(exceptions.APIException):
    """Carries a status and code of its own, and further ``members`` of its body.

    ``wait`` is in seconds: DRF makes it ``Retry-After``.
    """

    wait: int | None = None

    def __init__(self, http_status: int, detail: str, code: str, **members: Any) -> None:
        super().__init__(detail, code)
        self.status_code, self.members = http_status, members


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Make a problem of every error, as DRF's exception handler; a bug stays one (500, by Django)."""
    request = context.get("request")
    request_id = getattr(request, "request_id", "")
    if request is not None:  # a problem is JSON also where answers are YAML or a page
        request.accepted_renderer, request.accepted_media_type = JSONRenderer(), CONTENT_TYPE
    if isinstance(error, TelnyxError):
        return _of_telnyx(error, getattr(request, "user", None), request_id)
    if is_outage(error):
        body = problem_body(503, _AWAY, "database_unavailable", request_id)
        return Response(body, 503, headers={"Retry-After": _AWAY_SECONDS}, content_type=CONTENT_TYPE)
    if isinstance(error, PortalRefusal):
        members = set_up_for(getattr(request, "user", None), error.members)  # a limit may name a number
        error = Problem(403, error.words, error.code, **members)
    if isinstance(error, RequestDataTooBig):  # a body read whole, as Idempotency-Key needs it
        error = Problem(413, "The body is larger than 1 MiB.", "too_large")
    if isinstance(error, ModelError):
        error = exceptions.ValidationError(error.message_dict if hasattr(error, "error_dict") else error.messages)
    response = exception_handler(error, context)
    if response is None:
        return None
    user = getattr(request, "user", None)
    if isinstance(error, exceptions.ValidationError):
        response.data = problem_body(400, "See errors.", "invalid", request_id) | {
            "errors": _seen_by(user, _by_field(error.detail))
        }
    else:
        detail, code = _words(error)
        response.data = problem_body(response.status_code, masked_for(user, detail), code, request_id)
        response.data |= addresses_for(user, getattr(error, "members", {}))
    response.content_type = CONTENT_TYPE
    return response


def problem(http_status: int, detail: str, code: str, request_id: str = "", **members: Any) -> HttpResponse:
    """Answer with a problem outside of DRF. A 503 says when to come again."""
    body = problem_body(http_status, detail, code, request_id) | members
    headers = {"Retry-After": _AWAY_SECONDS} if http_status == 503 else {}
    return JsonResponse(body, status=http_status, headers=headers, content_type=CONTENT_TYPE)


def bad_request(
    request: HttpRequest, exception: Exception | None = None, words: str = "The request cannot be read."
) -> HttpResponse:
    """Answer 400: ``handler400``. ``words`` are for whoever is shown no page."""
    if not _is_for_a_person(request):
        return problem(400, words, "invalid", _id(request))
    return _page(
        request,
        400,
        "This address or form cannot be read",
        "Something in it is not as the portal makes it. Go back, reload the page, and try once more.",
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a failed CSRF check (``CSRF_FAILURE_VIEW``): a page for people, a problem for everybody else."""
    if not request.path_info.startswith("/admin/"):
        return problem(403, "This address takes no form.", "permission_denied", _id(request))
    return _page(
        request,
        403,
        "The form was not taken",
        "You signed in or out since the page was opened, or the browser keeps no cookies for this address. Nothing was "
        "changed. Go back, copy what you typed, reload the page, and send it once more.",
    )


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 403: ``handler403``."""
    if not _is_for_a_person(request):
        return problem(403, "You are not allowed to do this.", "permission_denied", _id(request))
    words = f"{request.user} lacks a permission for it. Who manages users can give it." if _is_known(request) else ""
    return _page(request, 403, "You are not allowed to do this", words or "Sign in, and try once more.")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404: ``handler404``."""
    if not _is_for_a_person(request):
        return problem(404, "There is nothing here.", "not_found", _id(request))
    return _page(
        request,
        404,
        "There is nothing here",
        "It may have been deleted, or the address was cut off. The start page leads to all that you may see.",
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500: ``handler500``.

    A database that is away is no error of ours, in a middleware as little as in a view.
    """
    if is_outage(sys.exception()):
        return _database_away(request)
    if isinstance(sys.exception(), TooManyPasswords):
        return come_again("Too many people sign in or set passwords. Go back, and try again in a few seconds.", "5")
    if _is_for_a_person(request):
        words = "This is a fault of the portal. It is in the log. Whether what you sent was kept, the lists tell."
        return _page(request, 500, "The portal failed", words)
    return problem(500, "The portal failed. It is logged under this request id.", "error", _id(request))


def _database_away(request: HttpRequest) -> HttpResponse:
    if not _is_for_a_person(request):
        return problem(503, _AWAY, "database_unavailable", _id(request))
    return come_again(_AWAY_PAGE, _AWAY_SECONDS)


def come_again(text: str, seconds: str, http_status: int = 503) -> HttpResponse:
    """Answer with a page that costs next to nothing: there is no time or no database for more."""
    told = {"title": "Try again in a moment", "text": text, "home": _HOME, "again": True}
    page = loader.render_to_string("error.html", told)
    return HttpResponse(page, status=http_status, headers={"Retry-After": seconds})


def _page(request: HttpRequest, http_status: int, title: str, text: str) -> HttpResponse:
    told = {"title": title, "text": text, "status": http_status, "request_id": _id(request), "home": _HOME}
    return HttpResponse(loader.render_to_string("error.html", told), status=http_status)


def _is_for_a_person(request: HttpRequest) -> bool:
    """Tell whether a browser shows the answer to somebody."""
    path = request.path_info
    if path.startswith("/admin/"):
        return True
    return "text/html" in request.headers.get("Accept", "") and not path.startswith(("/api/", "/webhooks/", "/texml/"))


def _is_known(request: HttpRequest) -> bool:
    return bool(getattr(getattr(request, "user", None), "is_authenticated", False))


def document_errors(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Document that every operation may answer with a problem: a hook of drf-spectacular."""
    result["components"]["schemas"]["Problem"] = _SCHEMA
    answer = {
        "description": "A problem",
        "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for path in result["paths"].values():
        for operation in path.values():
            operation["responses"].setdefault("default", answer)
    return result


_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
        "conflicts": {
            "type": "object",
            "description": "Of 412: by dotted name the value as it was, as Telnyx has it, and as it was asked for.",
            "additionalProperties": {"type": "object", "properties": {"base": {}, "theirs": {}, "mine": {}}},
        },
        "candidates": {
            "type": "array",
            "description": "Of an uncertain create: what may have been made by it, as Telnyx has it.",
            "items": {"type": "object"},
        },
    },
}


def _of_telnyx(error: TelnyxError, user: Any, request_id: str) -> Response:
    """Answer with its words as this person may see them: Telnyx repeats numbers and addresses."""
    http_status, headers = 422, {}
    if isinstance(error, TelnyxUnavailable):
        http_status, headers = 503, {"Retry-After": str(error.retry_after)}
    elif isinstance(error, TelnyxUncertain):
        http_status = 504
    elif isinstance(error, TelnyxRefused) and error.fields:
        http_status = 400
    body = problem_body(http_status, str(masked_for(user, str(error))), f"telnyx_{error.kind}", request_id) | {
        "telnyx_code": error.reason or error.code
    }
    if isinstance(error, TelnyxRefused) and error.fields:
        body["errors"] = _seen_by(user, error.fields)
    return Response(body, http_status, headers=headers, content_type=CONTENT_TYPE)


def _words(error: Exception) -> tuple[str, str]:
    if isinstance(error, Http404):
        return "There is nothing here.", "not_found"
    if isinstance(error, PermissionDenied):
        return "You are not allowed to do this.", "permission_denied"
    assert isinstance(error, exceptions.APIException)
    code = error.get_codes()
    return str(error.detail), code if isinstance(code, str) else error.default_code


def _by_field(detail: Any, path: str = "") -> dict[str, list[str]]:
    """Flatten nested messages: ``{"inbound": {"channel_limit": […]}}`` → ``{"inbound.channel_limit": […]}``."""
    if isinstance(detail, dict):
        own = {NON_FIELD_ERRORS: WHOLE}  # as models say it, and as REST does
        pairs = [(f"{path}.{name}" if path else own.get(name, str(name)), value) for name, value in detail.items()]
    elif any(isinstance(item, dict | list) for item in detail):
        pairs = [(f"{path}.{at}" if path else str(at), item) for at, item in enumerate(detail) if item]
    else:
        return {path or WHOLE: [str(message) for message in detail]}
    return {name: messages for at, value in pairs for name, messages in _by_field(value, at).items()}


def _seen_by(user: Any, errors: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: [str(masked_for(user, message)) for message in messages] for name, messages in errors.items()}


def _id(request: HttpRequest) -> str:
    return str(getattr(request, "request_id", ""))
