"""The street door: verify, record, hand over, answer.

Telnyx takes exactly 200 for delivered, repeats 5xx, and never repeats a 4xx ("Voice API Webhooks").
"""

import re
import time

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from applications.probe import PROBE_HEADER
from portal import signatures
from portal.models import TelnyxAccount
from portal.rest.problems import problem
from voice import intake, rejections
from voice.models import CallEvent
from voice.tasks import wake_event

MAX_BYTES = 1024 * 1024
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)


@csrf_exempt
def call_control(request: HttpRequest, token: str) -> HttpResponse:
    """``POST /webhooks/<token>/call-control/``."""
    if request.method != "POST":
        answer = problem(405, "Telnyx posts its webhooks.", "method_not_allowed", _id(request))
        answer["Allow"] = "POST"
        return answer
    try:
        return _receive(request, token)
    except (OperationalError, InterfaceError):
        # 503: nothing is stored, so Telnyx is to try again
        return problem(503, "The database cannot be reached.", "database_unavailable", _id(request))


def _receive(request: HttpRequest, token: str) -> HttpResponse:
    account = TelnyxAccount.objects.filter(webhook_token=token).first()
    if account is None:
        return problem(404, "There is nothing here.", "not_found", _id(request))
    body = _body(request)
    if body is None:
        rejections.note(request.headers, account, "the body is larger than 1 MiB")
        return problem(413, "The body is larger than 1 MiB.", "too_large", _id(request))
    if not account.public_keys:
        rejections.note(request.headers, account, "the account has no public key, so nothing can be verified")
        # 503: an operator can still enter the key, while a 4xx would never be repeated
        return problem(503, "This account cannot verify webhooks yet.", "no_public_key", _id(request))
    try:
        signatures.verify(request.headers, body, account.public_keys, time.time())
    except signatures.BadSignature as error:
        rejections.note(request.headers, account, str(error))
        # 400, one text for every reason: it ends this delivery, and tells a forger nothing
        said = "The signature is missing, stale or wrong."
        return problem(400, said, "bad_signature", _id(request), **_echo(request))
    event, created = intake.record(account, CallEvent.Source.WEBHOOK, request.headers, body, timezone.now())
    if created and event.status == CallEvent.Status.RECEIVED:
        wake_event(event.pk)
    return JsonResponse({"status": "ok"})  # exactly 200, once the bytes are committed, also for a repeat


def _echo(request: HttpRequest) -> dict[str, str]:
    """The nonce of our own "Webhook reachable?", given back to an unsigned request only: it says nothing of any key."""
    nonce = request.headers.get(PROBE_HEADER, "")
    signed = request.headers.get(signatures.SIGNATURE_HEADER) or request.headers.get(signatures.TIMESTAMP_HEADER)
    return {"probe": nonce} if _NONCE.fullmatch(nonce) and not signed else {}


def _body(request: HttpRequest) -> bytes | None:
    """The raw body, or None when it is larger than 1 MiB. Django sees a chunked body as empty: read it below Django."""
    environ = request.META  # of a WSGI request this is the environ itself
    if request.headers.get("Transfer-Encoding", "").lower() == "chunked" and environ.get("wsgi.input_terminated"):
        body: bytes = environ["wsgi.input"].read(MAX_BYTES + 1)
    else:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal() or int(length) > MAX_BYTES:
            return None
        body = request.body
    return body if len(body) <= MAX_BYTES else None


def _id(request: HttpRequest) -> str:
    return str(getattr(request, "request_id", ""))
