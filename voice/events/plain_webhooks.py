"""Receives plain webhooks in front of Django: what most of them are, in few lines. All else goes to the view.

The view, ``webhooks.call_control``, decides what is answered and with which headers: here its last 200 is repeated, for
a webhook that came the same way, is signed by a key of the account, can be read, and is no repeat.
"""

import io
import re
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import structlog
from django.db import connection
from django.http.request import HttpHeaders
from django.utils import timezone

from portal import signatures, sql, statements
from portal.models import TelnyxAccount
from portal.runtime import middleware
from portal.statement_timeout import statement_timeout
from voice.events import intake, webhooks
from voice.models import CallEvent

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_PATH = re.compile(r"/webhooks/([A-Za-z0-9_-]{20,64})/call-control/", re.ASCII)
_ODD = ("HTTP_TRANSFER_ENCODING", "HTTP_COOKIE", "QUERY_STRING", "SCRIPT_NAME")
_MOST_WAYS = 16  # hosts and schemes by which webhooks come
_ACCOUNT_SECONDS = 60.0  # the INSERT asks whether the key is still one of the account's: nothing old is believed
_log = structlog.get_logger(__name__)


class PlainWebhooks:
    """Wraps Django's WSGI application."""

    def __init__(self, django: Application) -> None:
        self._django = django
        self._answers: dict[tuple[Any, ...], tuple[list[tuple[str, str]], bytes]] = {}

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = _PATH.fullmatch(environ.get("PATH_INFO", ""))
        if path is None or not _is_plain(environ):
            return self._django(environ, start_response)
        way = tuple(environ.get(name, "") for name in ("HTTP_HOST", "wsgi.url_scheme", "HTTP_X_FORWARDED_PROTO"))
        if way not in self._answers:
            return self._learn(way, environ, start_response)
        request_id = middleware.begin(environ)
        event = _stored(path[1], environ)
        if event is None:
            return self._django(environ, start_response)
        webhooks.wake(event)
        headers, body = self._answers[way]
        start_response("200 OK", [*headers, ("X-Request-ID", request_id)])
        return [body]

    def _learn(self, way: tuple[Any, ...], environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Have the view answer, and keep its 200: also that the host is one of ours is its to say."""
        told: list[Any] = []

        def note(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            told[:] = status, [pair for pair in headers if pair[0] != "X-Request-ID"]
            return start_response(status, headers, *more)

        answer = self._django(environ, note)
        if told and told[0] == "200 OK" and len(self._answers) < _MOST_WAYS:
            self._answers[way] = told[1], getattr(answer, "content", b"")
        return answer


def _is_plain(environ: Environ) -> bool:
    length = environ.get("CONTENT_LENGTH") or ""
    is_short = length.isascii() and length.isdecimal() and len(length) < 8 and int(length) <= intake.MAX_BYTES
    return environ.get("REQUEST_METHOD") == "POST" and is_short and not any(environ.get(name) for name in _ODD)


def _stored(token: str, environ: Environ) -> CallEvent | None:
    """Verify and insert it; None when that is the view's: nothing is stored then that a repeat would not find."""
    body, begin = _body(environ), time.monotonic()
    if body is None:
        return None
    try:
        with statement_timeout(middleware.SOON):
            return _recorded(token, HttpHeaders(environ), body)
    except signatures.BadSignature:
        return None
    except Exception as error:  # whatever it was: the view tries again, and its answer counts
        _log.warning("a webhook takes the long way", error=type(error).__name__)
        connection.close()
        environ[middleware.WAITED] = time.monotonic() - begin
        return None


def _recorded(token: str, headers: HttpHeaders, body: bytes) -> CallEvent | None:
    account = _account(token)
    if account is None:
        return None
    timestamp = signatures.read_timestamp(headers)
    signatures.check_age(timestamp, time.time())
    key = signatures.signing_key(timestamp, body, signatures.read_signature(headers), account.public_keys)
    if key is None:
        _accounts.pop(token, None)  # it may have a new one
        return None
    event = intake.read(account, CallEvent.Source.WEBHOOK, headers, body, timezone.now())
    is_new = event.status == CallEvent.Status.RECEIVED and _insert(event, token, key)
    return event if is_new else None


_accounts: dict[str, tuple[float, TelnyxAccount]] = {}


def _account(token: str) -> TelnyxAccount | None:
    now = time.monotonic()
    until, account = _accounts.get(token, (0.0, None))
    if account is None or until < now:
        for old in [name for name, (end, _) in list(_accounts.items()) if end < now]:
            _accounts.pop(old, None)
        account = sql.fetch(TelnyxAccount, webhook_token=token)
        if account is not None:
            _accounts[token] = now + _ACCOUNT_SECONDS, account
    return account


_COLUMNS = CallEvent._meta.concrete_fields
_BOUND = [field for field in _COLUMNS if field.name != "received_at"]


def _insert(event: CallEvent, token: str, key: str) -> bool:
    """Insert it, if ``key`` is one of the account's now, and the account has that address; false also for a repeat."""
    account = sql.prepared(CallEvent, "account", event.account_id)
    with statements.cursor() as cursor:
        cursor.execute(_insertion(sql.now()), [*sql.stored_values(event, _BOUND), account, token, key])
        return bool(cursor.rowcount)


@cache
def _insertion(at: str) -> str:
    marks = ", ".join(at if field.name == "received_at" else "%s" for field in _COLUMNS)
    return f"""INSERT INTO voice_callevent ({", ".join(f'"{field.column}"' for field in _COLUMNS)})
        SELECT {marks} FROM portal_telnyxaccount a
        WHERE a.id = %s AND a.webhook_token = %s AND %s IN (a.public_key, a.previous_public_key)
        ON CONFLICT DO NOTHING"""  # noqa: S608


def _body(environ: Environ) -> bytes | None:
    """Read the body, and leave it to be read by the view; None when it is not whole."""
    length = int(environ["CONTENT_LENGTH"])
    try:
        body: bytes = environ["wsgi.input"].read(length)
    except Exception as error:  # whatever the server raises for a line that broke
        environ["wsgi.input"] = _Broken(error)
        return None
    environ["wsgi.input"] = io.BytesIO(body)
    return body if len(body) == length else None


class _Broken:
    """Raises what reading the body raised."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self, *_: Any) -> bytes:
        raise self._error

    readline = read
