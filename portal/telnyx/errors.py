"""Sorts what can come of asking Telnyx into three errors: refused, unavailable, uncertain. Three, because each asks for
another next step.

Telnyx's envelope is ``{"errors": [{code, title, detail, source: {pointer}}]}``; all but ``code`` may be missing, and
``code`` is a string for most products and an integer for some (developers.telnyx.com, "API Error Codes").
"""

import ssl
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import httpx

from portal.masking import masked_text
from portal.payloads import storable
from portal.telnyx.error_codes import MEANINGS, reason_of

UNREAD = "Telnyx could not be read: it gave no usable answer. Nothing was changed."


class TelnyxError(Exception):
    """Carries what Telnyx said of a failure.

    ``message`` is for people, ``code`` is Telnyx's, ``reason`` its narrower code of why a call was not put through
    (D13), ``http_status`` what Telnyx answered, None without an answer. ``asked`` is what was asked for, as the SDK
    calls it (``call_control_applications.retrieve``), or its path.
    """

    kind = "failed"
    asked = ""

    def __init__(
        self, message: str, *, code: str | None = None, reason: str | None = None, http_status: int | None = None
    ) -> None:
        super().__init__(message)
        self.message, self.code, self.reason, self.http_status = message, code, reason, http_status

    def __str__(self) -> str:
        codes = ", ".join(code for code in (self.code, self.reason) if code)
        return f"{self.message} (Telnyx code {codes})" if codes else self.message


class TelnyxRefused(TelnyxError):
    """Telnyx understood and said no: nothing happened.

    ``fields``: messages by dotted wire name, if it named any. ``in_envelope``: whether it is told in Telnyx's own
    form, which a proxy's page or another server's answer is not.
    """

    kind = "refused"

    def __init__(
        self, message: str, *, fields: dict[str, list[str]] | None = None, in_envelope: bool = True, **rest: Any
    ) -> None:
        super().__init__(message, **rest)
        self.fields, self.in_envelope = fields or {}, in_envelope

    @property
    def is_not_found(self) -> bool:
        """Return whether Telnyx itself says that there is no such thing: of any other 404 it says nothing."""
        return self.http_status == HTTPStatus.NOT_FOUND and self.in_envelope


class TelnyxUnavailable(TelnyxError):
    """Telnyx was not asked, or asks us to wait: nothing happened, and the same again later may work."""

    kind = "unavailable"

    def __init__(self, message: str, *, retry_after: int = 5, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.retry_after = retry_after


class TelnyxUnread(TelnyxUnavailable):
    """Telnyx answered a read with something that does not hold what was asked for, or not all: nothing happened.

    That is of this question alone: others may be answered.
    """


class TelnyxUncertain(TelnyxError):
    """The request went out and no usable answer came back: it may have been carried out, or not."""

    kind = "uncertain"


def translate(error: Exception) -> TelnyxError:
    """Return the SDK's exception as one of ours. Looked at by shape, since this module does not import the SDK."""
    translated = error if isinstance(error, TelnyxError) else _translated(error)
    request = getattr(error, "request", None)
    if isinstance(translated, TelnyxUncertain) and getattr(request, "method", "") == "GET":  # a read changes nothing
        return TelnyxUnavailable(UNREAD, code=translated.code, http_status=translated.http_status)
    return translated


def _translated(error: Exception) -> TelnyxError:
    response = getattr(error, "response", None)
    if isinstance(response, httpx.Response):
        return _answered(response, getattr(error, "body", None))
    cause = error.__cause__ or error
    if isinstance(cause, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.UnsupportedProtocol):
        return TelnyxUnavailable(f"Telnyx cannot be reached: {_why_not(cause)}. Nothing was changed.")
    if isinstance(cause, httpx.TimeoutException):
        return TelnyxUncertain("Telnyx did not answer in time. It may have carried this out, or not.")
    return TelnyxUncertain("The connection to Telnyx broke before its answer came. It may have acted, or not.")


def _why_not(error: BaseException | None) -> str:
    """Tell why no connection came about: a certificate is somebody's to renew, or a stranger's."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"the certificate that was shown is not Telnyx's ({error.verify_message.rstrip('.')})"
        if isinstance(error, ssl.SSLError):
            return f"no secure connection could be made ({error.reason or 'the handshake failed'})"
        error = error.__cause__ or error.__context__  # httpcore leaves out the cause
    return "no connection could be made"


def _answered(response: httpx.Response, body: object) -> TelnyxError:
    status = response.status_code
    errors = list(_errors(body))
    code = next((_text(error["code"]) for error in errors if error.get("code")), None)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = _seconds(response.headers)
        return TelnyxUnavailable(MEANINGS["10011"], retry_after=wait, code=code, http_status=status)
    if status >= 500 or status == HTTPStatus.REQUEST_TIMEOUT or (not errors and not 400 <= status < 500):
        message = f"Telnyx answered with an error of its own (HTTP {status}). It may have acted, or not."
        return TelnyxUncertain(message, code=code, http_status=status)
    fields: dict[str, list[str]] = {}
    for error in errors:
        if name := _field(error):
            fields.setdefault(name, []).append(_words(error))
    reason = reason_of(body, [str(error.get("detail")) for error in errors])
    words = "; ".join(_words(error) for error in errors) or _by_status(status)
    message = MEANINGS.get(reason or "") or MEANINGS.get(code or "") or words
    in_envelope = bool(errors)
    return TelnyxRefused(message, fields=fields, in_envelope=in_envelope, code=code, reason=reason, http_status=status)


def _errors(body: object) -> Iterator[Mapping[str, Any]]:
    listed = body.get("errors") if isinstance(body, Mapping) else None
    for error in listed if isinstance(listed, list) else []:
        if isinstance(error, Mapping):
            yield error


def _field(error: Mapping[str, Any]) -> str:
    """Return ``/inbound/channel_limit`` as ``inbound.channel_limit``; empty when Telnyx names no field."""
    source = error.get("source")
    pointer = source.get("pointer") or source.get("parameter") if isinstance(source, Mapping) else None
    return ".".join(part for part in _text(pointer).split("/") if part) if isinstance(pointer, str) else ""


def _words(error: Mapping[str, Any]) -> str:
    text = _text(error.get("detail") or error.get("title") or "Telnyx gave no reason")
    return masked_text(text)[:500]  # it may echo a caller's number


def _text(value: object) -> str:
    """Return it as a text that can be stored and shown: the SDK, which has read it, takes NUL and half an emoji."""
    text: str = storable(str(value))
    return text


def _by_status(status: int) -> str:
    return f"Telnyx refused this (HTTP {status}) and gave no reason."


def _seconds(headers: Mapping[str, str]) -> int:
    """Return how long a 429 asks us to wait: ``x-ratelimit-reset`` is Telnyx's documented header ("Rate Limiting")."""
    for name in ("retry-after", "x-ratelimit-reset"):
        value = headers.get(name, "")
        if value.isdecimal():
            return min(max(int(value[:9]), 1), 60)  # Python refuses to read a number of 5000 digits
    return 5
