"""Words what every problem has (RFC 9457). Without Django: also the server refuses, before there is a request."""

from http import HTTPStatus
from typing import Any

CONTENT_TYPE = "application/problem+json"
WHOLE = "non_field_errors"  # what is wrong with no field alone
_TITLES: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: "The request is not valid",
    HTTPStatus.UNAUTHORIZED: "Not signed in",
    HTTPStatus.FORBIDDEN: "Not allowed",
    HTTPStatus.NOT_FOUND: "Not found",
    HTTPStatus.METHOD_NOT_ALLOWED: "Method not allowed",
    HTTPStatus.NOT_ACCEPTABLE: "Not acceptable",
    HTTPStatus.CONFLICT: "Conflict",
    HTTPStatus.LENGTH_REQUIRED: "Length needed",
    HTTPStatus.PRECONDITION_FAILED: "Changed by someone else",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Too large",
    HTTPStatus.REQUEST_URI_TOO_LONG: "The address is too long",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "Unsupported media type",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Not possible",
    HTTPStatus.PRECONDITION_REQUIRED: "Precondition required",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "The headers are too large",
    HTTPStatus.INTERNAL_SERVER_ERROR: "An error of the portal",
    HTTPStatus.SERVICE_UNAVAILABLE: "Telnyx cannot be asked now",
    HTTPStatus.GATEWAY_TIMEOUT: "It is uncertain whether Telnyx acted",
}
_BY_CODE: dict[tuple[int, str], str] = {
    (HTTPStatus.SERVICE_UNAVAILABLE, "database_unavailable"): "The database cannot be reached",
    (HTTPStatus.SERVICE_UNAVAILABLE, "no_public_key"): "The account has no public key",
    (HTTPStatus.SERVICE_UNAVAILABLE, "telnyx_interrupted"): "The pull was interrupted",
    (HTTPStatus.UNPROCESSABLE_ENTITY, "telnyx_refused"): "Telnyx refused this",
    (HTTPStatus.UNPROCESSABLE_ENTITY, "telnyx_failed"): "Telnyx refused this",
}


def problem_body(http_status: int, detail: str, code: str, request_id: str) -> dict[str, Any]:
    """Return the members of a problem. What is wrong with a 400 is told where ``errors`` is read, too."""
    title = _BY_CODE.get((http_status, code)) or _TITLES.get(http_status, "Error")
    shown = {"type": f"urn:voice-portal:{code}", "title": title, "status": http_status, "code": code}
    errors = {"errors": {WHOLE: [detail]}} if http_status == HTTPStatus.BAD_REQUEST else {}
    return shown | {"detail": detail, "request_id": request_id} | errors
