"""Checks Telnyx's webhook signatures: Ed25519 over ``<timestamp>|<raw body>``.

Checked on the raw bytes with PyNaCl: the SDK's ``unwrap`` fails on bytes and on TeXML's form bodies.
Source: developers.telnyx.com, "Webhook Fundamentals" (headers ``telnyx-signature-ed25519``, ``telnyx-timestamp``).
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping

from nacl.exceptions import BadSignatureError, CryptoError
from nacl.signing import SigningKey, VerifyKey

SIGNATURE_HEADER = "Telnyx-Signature-Ed25519"
TIMESTAMP_HEADER = "Telnyx-Timestamp"
TOLERANCE_SECONDS = 300  # what Telnyx's own SDKs accept

_TIMESTAMP = re.compile(r"[0-9]{10}", re.ASCII)


class BadSignature(Exception):
    """The request is not provably Telnyx's. ``str()`` says why, in words for an operator; never for the sender.

    ``code`` names the kind of reason: ``no_headers, timestamp_form, stale, not_base64, length, other_key``.
    """

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


def verify(headers: Mapping[str, str], body: bytes, keys: Iterable[str], now: float) -> None:
    """Return when ``body`` is signed by one of ``keys`` within 300 s of ``now``; else raise ``BadSignature``.

    ``headers`` must look names up without regard to case (Django's ``request.headers`` does). ``keys`` are base64
    public keys of 32 bytes, current first; unreadable ones are passed over. ``now`` is Unix seconds.
    """
    timestamp = read_timestamp(headers)
    check_age(timestamp, now)
    signature = read_signature(headers)
    if signing_key(timestamp, body, signature, keys) is None:
        raise BadSignature("other_key", "the signature is from another key, or the body was changed on the way")


def read_timestamp(headers: Mapping[str, str]) -> str:
    """Return the ten digits that say when it was sent. Raises ``BadSignature``."""
    timestamp, _ = _both(headers)
    if not _TIMESTAMP.fullmatch(timestamp):
        raise BadSignature("timestamp_form", "the timestamp header is not a Unix time of ten digits")
    return timestamp


def check_age(timestamp: str, now: float) -> None:
    """Raise ``BadSignature`` when it was not sent within 300 s of ``now``."""
    age = now - int(timestamp)
    if abs(age) > TOLERANCE_SECONDS:
        how = "ahead of the sender's, or an old request is replayed" if age > 0 else "behind the sender's"
        raise BadSignature("stale", f"the clock differs by {format_duration(abs(age))}: this machine's is {how}")


def read_signature(headers: Mapping[str, str]) -> bytes:
    """Return the 64 bytes of the signature. Raises ``BadSignature``."""
    _, signature = _both(headers)
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        raise BadSignature("not_base64", "the signature header is not base64") from None
    if len(raw) != 64:
        raise BadSignature("length", f"the signature has {len(raw)} bytes, not 64")
    return raw


def signing_key(timestamp: str, body: bytes, signature: bytes, keys: Iterable[str]) -> str | None:
    """Return the first of ``keys`` that made ``signature`` over ``timestamp`` and ``body``, whenever that was."""
    signed = timestamp.encode() + b"|" + body
    return next((key for key in keys if _verifies(key, signed, signature)), None)


def format_duration(seconds: float) -> str:
    """Write a length of time for people: ``7 min``, ``3 h``, ``12 days``."""
    for size, unit in ((86400, "days"), (3600, "h")):
        if seconds >= 2 * size:
            return f"{round(seconds / size)} {unit}"
    return f"{round(seconds / 60)} min" if seconds >= 60 else f"{round(seconds)} s"


def sign(body: bytes, key: SigningKey, now: float) -> dict[str, str]:
    """Return the two headers Telnyx would send with ``body`` at Unix time ``now``. For the sandbox and the tests."""
    timestamp = str(int(now))
    signature = key.sign(timestamp.encode() + b"|" + body).signature
    return {SIGNATURE_HEADER: base64.b64encode(signature).decode(), TIMESTAMP_HEADER: timestamp}


def public_key_problem(key: str) -> str | None:
    """Return what is wrong with a base64 public key, in words, or None."""
    try:
        raw = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        return "The public key is not base64. Copy it from Keys & Credentials → Public Key in the Telnyx portal."
    if len(raw) != 32:
        return f"The public key has {len(raw)} bytes, not 32. Copy it whole from the Telnyx portal."
    return None


def _both(headers: Mapping[str, str]) -> tuple[str, str]:
    timestamp, signature = headers.get(TIMESTAMP_HEADER), headers.get(SIGNATURE_HEADER)
    if not timestamp or not signature:
        raise BadSignature("no_headers", "no signature headers: is a proxy stripping them?")
    return timestamp, signature


def _verifies(key: str, signed: bytes, signature: bytes) -> bool:
    if not key or public_key_problem(key):
        return False
    try:
        VerifyKey(base64.b64decode(key)).verify(signed, signature)
    except (BadSignatureError, CryptoError, ValueError):
        return False
    return True
