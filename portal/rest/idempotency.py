"""Carries out a POST that is sent twice only once, by its ``Idempotency-Key``.

The key is claimed by a row before the request runs. The answer is kept 24 h and replayed. An answer that says "you are
wrong" before anything was done gives the key back. After one that says "try again" (5xx but 504) the database may have
committed the first, and its answer was lost: then the same request may run once more where what it makes is found
again, by its ``intent``. Elsewhere nobody knows, and every repeat is told so.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, cast

from django.db import IntegrityError, transaction
from django.utils.crypto import salted_hmac
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from portal import sql
from portal.models import ApiToken, IdempotentReply
from portal.payloads import storable
from portal.rest.problem_bodies import CONTENT_TYPE
from portal.rest.problems import Problem
from portal.telnyx.errors import TelnyxUnavailable

HEADER = "Idempotency-Key"
_ETAG = "@etag"  # beside the members of the kept body
_LONGEST = timedelta(minutes=2)  # no request runs so long: its process has died
_UNKNOWN, _LOOK = "idempotency_outcome_unknown", "Look whether it was; if not, send it with another key."
_CUT_OFF = f"The first request with this {HEADER} was cut off, and nobody knows whether it was carried out. {_LOOK}"
_FAILED = f"The first request with this {HEADER} failed, and nobody knows whether it was carried out. {_LOOK}"
_NOTHING_DONE = {400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 429}
_TRY_AGAIN = {500, 502, 503}
_NOT_KEPT = _NOTHING_DONE | _TRY_AGAIN


class Idempotent:
    """A mixin for views: wraps every POST that carries the header. Stands before the view class.

    ``has_secret_body``: a short secret in it cannot be guessed from the fingerprint that is kept. ``good_for`` says of
    actions whose answer is soon worth nothing how long it is replayed; then they are done once more.
    """

    has_secret_body: ClassVar[bool] = False
    good_for: ClassVar[Mapping[str, timedelta]] = {}

    _is_found_again, _may_repeat = False, True

    @property
    def intent(self) -> str:
        """Return what tells this wish from others: the same for each repeat under its key, empty without a key.

        Who reads it makes what it makes by it, so that a repeat finds that.
        """
        self._is_found_again = True
        reply = getattr(self, "_reply", None)
        return f"rest:{reply.pk}" if reply is not None else ""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        key = request.headers.get(HEADER)
        if request.method == "POST" and key is not None:
            reply = _claim(request, key, keyed=self.has_secret_body)
            if reply.status is not None and reply.status not in _NOT_KEPT and not self._is_worthless(reply):
                self._reply = reply
                raise _Replay(reply)
            self._in_doubt = reply.status is not None
            if self._in_doubt:
                _claim_again(reply)
            self._reply = reply

    def handle_exception(self, error: Exception) -> Response:
        if isinstance(error, _Replay):
            return error.response()
        says_when = isinstance(error, Problem) and error.wait is not None  # a pull's, which may be done twice
        self._may_repeat = self._is_found_again or says_when or isinstance(error, TelnyxUnavailable)
        try:
            answer: Response = super().handle_exception(error)  # type: ignore[misc]
        except Exception:  # a bug, answered 500 by Django
            self._end(Response(status=500))
            raise
        return answer

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        done: Response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        self._end(done)
        return done

    def _is_worthless(self, reply: IdempotentReply) -> bool:
        longest = self.good_for.get(self.action)  # type: ignore[attr-defined]
        return longest is not None and sql.clock() - reply.created_at > longest

    def _end(self, response: Response) -> None:
        reply = getattr(self, "_reply", None)
        if reply is None or reply.status is not None:
            return
        if response.status_code in _NOTHING_DONE and not self._in_doubt:
            reply.delete()
        elif response.status_code in _TRY_AGAIN and not self._may_repeat:
            _keep(reply, Response({"code": _UNKNOWN}, 409))
        else:
            _keep(reply, response)


class _Replay(Exception):
    def __init__(self, reply: IdempotentReply) -> None:
        super().__init__(reply.key)
        self.reply = reply

    def response(self) -> Response:
        status = self.reply.status or 200
        body = dict(self.reply.body) if isinstance(self.reply.body, dict) else self.reply.body
        kept = {"Location": self.reply.location, "ETag": body.pop(_ETAG, "") if isinstance(body, dict) else ""}
        headers = {"Idempotent-Replayed": "true"} | {name: value for name, value in kept.items() if value}
        return Response(body, status, headers=headers, content_type=CONTENT_TYPE if status >= 400 else None)


def _claim(request: Request, key: str, *, keyed: bool) -> IdempotentReply:
    if not 1 <= len(key) <= 255 or not key.isprintable():
        words = f"{HEADER} must be 1 to 255 printable characters."
        raise Problem(400, words, "invalid_idempotency_key", errors={HEADER: [words]})
    token, body = cast("ApiToken", request.auth), getattr(request, "_request", request).body
    query = request.META.get("QUERY_STRING")  # it may name the account
    address = f"{request.path}?{query}" if query else request.path
    told = f"{address}\n".encode() + _in_one_order(body)
    fingerprint = (salted_hmac("idempotency", told, algorithm="sha256") if keyed else hashlib.sha256(told)).hexdigest()
    reply, is_new = _found(token, key, fingerprint) or _found(token, key, fingerprint) or (None, False)
    if reply is None:
        raise _in_use()
    if is_new:
        return reply
    if reply.fingerprint != fingerprint:
        raise Problem(422, f"This {HEADER} was used for another request.", "idempotency_key_reused")
    if reply.status is None and sql.clock() - reply.created_at > _LONGEST:
        raise Problem(409, _CUT_OFF, _UNKNOWN)
    if reply.status is None:
        raise _in_use()
    if reply.body == {"code": _UNKNOWN}:
        raise Problem(409, _FAILED, _UNKNOWN)
    return reply


def _found(token: ApiToken, key: str, fingerprint: str) -> tuple[IdempotentReply, bool] | None:
    """Claim the key; return its row, and whether it is new. None when another's row went after it was met."""
    try:
        with transaction.atomic():
            claimed = IdempotentReply.objects.create(token=token, key=key, fingerprint=fingerprint)
            IdempotentReply.objects.filter(pk=claimed.pk).update(created_at=sql.Now())  # hosts' clocks differ
            return claimed, True
    except IntegrityError:
        reply = IdempotentReply.objects.filter(token=token, key=key).first()
        return None if reply is None else (reply, False)


def _in_one_order(body: bytes) -> bytes:
    """Return a JSON body with its members in order: what means the same is the same request."""
    try:
        return json.dumps(json.loads(body), sort_keys=True).encode()
    except (ValueError, RecursionError):
        return body  # the view says what is wrong with it


def _claim_again(reply: IdempotentReply) -> None:
    """Claim the row of a request that may have been carried out or not; its id, and with it the intent, stays."""
    ended = IdempotentReply.objects.filter(pk=reply.pk, status=reply.status)
    if not ended.update(status=None, created_at=sql.Now()):
        raise _in_use()
    reply.status = None


def _in_use() -> Problem:
    return Problem(409, f"The first request with this {HEADER} is still running.", "idempotency_key_in_use")


def _keep(reply: IdempotentReply, response: Response) -> None:
    # as it is sent: there an id, a sum or a time is a text; jsonb takes no NUL
    body = storable(json.loads(JSONRenderer().render(response.data) or b"null"))
    if (etag := response.get("ETag")) and isinstance(body, dict):
        body[_ETAG] = etag
    IdempotentReply.objects.filter(pk=reply.pk).update(
        status=response.status_code, body=body, location=response.get("Location", "")
    )
