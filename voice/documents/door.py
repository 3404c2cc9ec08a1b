"""Serves documents to Telnyx: finds, verifies, fills, records, answers. Always XML, never a redirect.

Telnyx takes 200 alone for an answer; with any other status it asks the fallback address, if the application has one, or
says that an application error occurred, and hangs up.
"""

import time
import uuid
from typing import Any
from urllib.parse import parse_qsl

import structlog
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from portal import signatures, sql
from portal.texml import rendering
from voice.documents import copies, fetch_log, serving
from voice.documents.copies import Published
from voice.documents.serving import Answer, Found
from voice.events import intake, refusal_reasons, webhooks
from voice.models import CallEvent, TexmlDocument, TexmlFetch
from voice.wakeups import wake_event

_FORM = "application/x-www-form-urlencoded"
_EMPTY = '<?xml version="1.0" encoding="UTF-8"?>\n<Response/>'
_MOST_FIELDS = 1000
_LONGEST_ID = 512
_Proof, _Signature = TexmlFetch.Proof, TexmlDocument.Signature
_log = structlog.get_logger(__name__)


@csrf_exempt
def document(request: HttpRequest, token: str) -> HttpResponse:
    """Serve the published version: ``GET`` and ``POST /texml/<token>/``."""
    began = time.perf_counter()
    if request.method not in {"GET", "POST"}:
        return _refused(405, Allow="GET, POST")
    try:
        found, body, proof = _admitted(request, token)
    except _Refused as refused:
        return _refused(refused.status)
    parameters = _parameters(request, body)
    answer = serving.answer(found, parameters)
    event_id = _recorded(request, found, body) if proof == _Proof.VERIFIED else None
    _log_fetch(found.published, answer, proof, parameters, event_id, began)
    return _sent(answer.body)


@csrf_exempt
def fallback(request: HttpRequest, token: str) -> HttpResponse:
    """Serve the apology: ``/texml/<token>/fallback/``. From disk, so that it needs nothing else to work."""
    if request.method not in {"GET", "POST"}:
        return _refused(405, Allow="GET, POST")
    began = time.perf_counter()
    published = copies.read(token)
    if published is None:
        found = serving.find(token)
        published = found.published if found else None
    if published is None:
        return _refused(404)
    answer = Answer(serving.apologise(published.apology), TexmlFetch.Verdict.FALLBACK)
    body = _body(request) or b""
    proof = _Proof.GET if request.method == "GET" else _Proof.UNSIGNED  # nobody asks: it says the same to everybody
    _log_fetch(published, answer, proof, _parameters(request, body), None, began)
    return _sent(answer.body)


class _Refused(Exception):
    """Says with which status a fetch is refused."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def _admitted(request: HttpRequest, token: str) -> tuple[Found, bytes, str]:
    """Return what is to be served, the body of the fetch, and how far it is proven to be Telnyx's."""
    found = serving.find(token)
    if found is None:
        webhooks.note(request, None, refusal_reasons.UNKNOWN_ADDRESS)
        raise _Refused(404)
    body = _body(request)
    if body is None:
        raise _Refused(413)
    if request.method == "POST" and request.content_type not in {_FORM, ""}:
        raise _Refused(415)  # a Call Control event: the application is of the wrong kind
    try:
        proof = _proof(request, body, found.published)
    except signatures.BadSignature as error:
        webhooks.note(request, found.account, error, body)
        raise _Refused(400) from None
    if proof is None:
        webhooks.note(request, found.account, refusal_reasons.NO_PUBLIC_KEY)
        raise _Refused(503)
    return found, body, proof


def _proof(request: HttpRequest, body: bytes, published: Published) -> str | None:
    """Say how far the request is proven to be Telnyx's; None when it must be, and no key is known.

    Raises ``BadSignature``. Of a GET nothing is signed but the time, so that it is never taken for verified.
    """
    is_get = request.method == "GET"
    is_signed = signatures.SIGNATURE_HEADER in request.headers or signatures.TIMESTAMP_HEADER in request.headers
    after_the_first = published.signature == _Signature.AUTO and published.is_verified and not is_get
    is_required = published.signature == _Signature.REQUIRED or after_the_first
    if not published.keys and (is_signed or is_required):
        return None if is_required else (_Proof.GET if is_get else _Proof.UNSIGNED)
    if is_signed or is_required:
        signatures.verify(request.headers, body, published.keys, time.time())
        return _Proof.GET if is_get else _Proof.VERIFIED
    return _Proof.GET if is_get else _Proof.UNSIGNED


def _parameters(request: HttpRequest, body: bytes) -> dict[str, Any]:
    """Read the query and, over it, the form: what is signed wins. ``Name[]`` is a list."""
    pairs = [(name, value) for name, values in request.GET.lists() for value in values]
    try:
        pairs += parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:  # too many fields: none is read
        _log.warning("a fetch has too many fields")
    return rendering.sent(pairs)


def _recorded(request: HttpRequest, found: Found, body: bytes) -> uuid.UUID | None:
    """Store the request as an event of its call; the caller hears the document whether that succeeds or not."""
    if found.account is None:
        return None
    try:
        if not found.published.is_verified:
            rows = TexmlDocument.objects.filter(pk=found.published.document_id, verified_at=None)
            rows.update(verified_at=sql.Now())
        event, new = intake.record(found.account, CallEvent.Source.TEXML, request.headers, body, timezone.now())
        if new and event.status == CallEvent.Status.RECEIVED:
            wake_event(event.pk)
        return event.pk
    except (DatabaseError, InterfaceError) as error:
        _log.warning("a fetch was not stored as an event", error=type(error).__name__)
    except Exception:
        _log.exception("a fetch was not stored as an event")
    return None


def _log_fetch(
    published: Published,
    answer: Answer,
    proof: str,
    parameters: dict[str, Any],
    event_id: uuid.UUID | None,
    began: float,
) -> None:
    kept = fetch_log.parameters_kept(parameters)
    call_sid = kept.get("CallSid")
    fetch = TexmlFetch(
        document_id=uuid.UUID(published.document_id),
        version=published.number,
        at=timezone.now(),
        call_control_id=call_sid[:_LONGEST_ID] if isinstance(call_sid, str) else "",
        event_id=event_id,
        proof=proof,
        verdict=answer.verdict,
        problem=answer.problem,
        parameters=kept,
        body=answer.body,
        milliseconds=round((time.perf_counter() - began) * 1000, 1),
    )
    fetch_log.writer.put(fetch)


def _body(request: HttpRequest) -> bytes | None:
    """Read the raw body; None when it is too large or cannot be read. Of a GET none is read."""
    if request.method == "GET":
        return b""
    try:
        return webhooks.read_body(request)
    except Exception:  # whatever the server raises for a line that broke or chunks that are none
        return None


def _sent(body: str) -> HttpResponse:
    return HttpResponse(body, content_type="application/xml; charset=utf-8", headers={"Cache-Control": "no-store"})


def _refused(status: int, **headers: str) -> HttpResponse:
    answer = _sent(_EMPTY)
    answer.status_code = status
    for name, value in headers.items():
        answer[name] = value
    return answer
