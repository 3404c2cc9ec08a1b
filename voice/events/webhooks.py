"""Receives webhooks: verifies, records, hands over, answers. Call Control's and TeXML's differ in what they say.

Telnyx takes exactly 200 for delivered, repeats 5xx, and never repeats a 4xx ("Voice API Webhooks").
"""

import re
import time

import structlog
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from applications.probe import PROBE_HEADER
from portal import signatures, sql
from portal.models import TelnyxAccount
from portal.rest.problems import problem
from voice.events import intake, refusal_reasons, rejections
from voice.events.intake import MAX_BYTES
from voice.models import CallEvent
from voice.wakeups import wake_event

_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
# A fetch and a verb's action must be answered with TeXML; of a status callback the answer is not read.
_EMPTY_TEXML = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
_log = structlog.get_logger(__name__)


@csrf_exempt
def call_control(request: HttpRequest, token: str) -> HttpResponse:
    """Receive Call Control's webhooks, JSON: ``POST /webhooks/<token>/call-control/``."""
    return _door(request, token, CallEvent.Source.WEBHOOK) or JsonResponse({"status": "ok"})


@csrf_exempt
def texml(request: HttpRequest, token: str) -> HttpResponse:
    """Receive TeXML's callbacks, forms: ``POST /webhooks/<token>/texml/…``. What stands after ``texml/`` is free."""
    return _door(request, token, CallEvent.Source.TEXML) or HttpResponse(_EMPTY_TEXML, content_type="application/xml")


def _door(request: HttpRequest, token: str, source: str) -> HttpResponse | None:
    """Refuse the request, or return None once its bytes are committed, also for a repeat: exactly 200 then."""
    if request.method != "POST":
        return _not_allowed(request)
    try:
        return _receive(request, token, source)
    except (OperationalError, InterfaceError, InternalError):
        # 503: nothing is stored (InternalError: a database that is read-only now), so Telnyx is to try again
        return problem(503, "The database cannot be reached.", "database_unavailable", _id(request))


def _receive(request: HttpRequest, token: str, source: str) -> HttpResponse | None:
    account = sql.fetch(TelnyxAccount, webhook_token=token)
    if account is None:
        note(request, None, refusal_reasons.UNKNOWN_ADDRESS)
        return problem(404, "There is nothing here.", "not_found", _id(request))
    try:
        body = read_body(request)
    except Exception:  # whatever the server raises for a line that broke or chunks that are none
        return problem(400, "The body cannot be read.", "unreadable_body", _id(request))
    if body is None:
        note(request, account, refusal_reasons.TOO_LARGE)
        return problem(413, "The body is larger than 1 MiB.", "too_large", _id(request))
    if not account.public_keys:
        note(request, account, refusal_reasons.NO_PUBLIC_KEY)
        # 503: an operator can still enter the key, while a 4xx would never be repeated
        return problem(503, "This account cannot verify webhooks yet.", "no_public_key", _id(request))
    try:
        signatures.verify(request.headers, body, account.public_keys, time.time())
    except signatures.BadSignature as error:
        note(request, account, error, body)
        # 400, one text for every reason: it ends this delivery, and tells a forger nothing
        detail = "The signature is missing, stale or wrong."
        return problem(400, detail, "bad_signature", _id(request), **_echo(request))
    event, new = intake.record(account, source, request.headers, body, timezone.now())
    if new and event.status == CallEvent.Status.RECEIVED:
        wake(event)
    return None


def _not_allowed(request: HttpRequest) -> HttpResponse:
    answer = problem(405, "Telnyx posts its webhooks.", "method_not_allowed", _id(request))
    answer["Allow"] = "POST"
    return answer


def wake(event: CallEvent) -> None:
    """Wake a worker for an event that is stored."""
    try:
        wake_event(event.pk)
    except Exception:  # it is stored, so it is acknowledged: the sweep finds it
        _log.exception("event not woken", event_id=str(event.pk))


def note(
    request: HttpRequest,
    account: TelnyxAccount | None,
    reason: refusal_reasons.Reason | signatures.BadSignature,
    body: bytes = b"",
) -> None:
    """Note a request that was refused; the refusal stands, noted or not."""
    try:
        rejections.note(request.headers, account, reason, body)
    except Exception:
        _log.exception("refusal not noted")


def _echo(request: HttpRequest) -> dict[str, str]:
    """Give the nonce of our own "Webhook reachable?" back to an unsigned request only: it says nothing of any key."""
    nonce = request.headers.get(PROBE_HEADER, "")
    signed = request.headers.get(signatures.SIGNATURE_HEADER) or request.headers.get(signatures.TIMESTAMP_HEADER)
    return {"probe": nonce} if _NONCE.fullmatch(nonce) and not signed else {}


def read_body(request: HttpRequest) -> bytes | None:
    """Read the raw body; None when it is larger than 1 MiB.

    Django sees a chunked body as empty: it is read below Django.
    """
    environ = request.META  # of a WSGI request this is the environ itself
    if request.headers.get("Transfer-Encoding", "").lower() == "chunked" and environ.get("wsgi.input_terminated"):
        body: bytes = environ["wsgi.input"].read(MAX_BYTES + 1)
    else:
        length = request.META.get("CONTENT_LENGTH") or "0"
        # Python refuses to read a number of 5000 digits
        if not length.isdecimal() or len(length) > 20 or int(length) > MAX_BYTES:
            return None
        body = request.body
    return body if len(body) <= MAX_BYTES else None


def _id(request: HttpRequest) -> str:
    return str(getattr(request, "request_id", ""))
