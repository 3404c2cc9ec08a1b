"""Telnyx webhook signatures: Ed25519 over ``<timestamp>|<raw body>``.

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
    """The request is not provably Telnyx's. ``str()`` says why, in words for an operator; never for the sender."""


def verify(headers: Mapping[str, str], body: bytes, keys: Iterable[str], now: float) -> None:
    """Return when ``body`` is signed by one of ``keys`` within 300 s of ``now``; else raise ``BadSignature``.

    ``headers`` must look names up without regard to case (Django's ``request.headers`` does). ``keys`` are base64
    public keys of 32 bytes, current first; unreadable ones are passed over. ``now`` is Unix seconds.
    """
    timestamp, signature = headers.get(TIMESTAMP_HEADER), headers.get(SIGNATURE_HEADER)
    if not timestamp or not signature:
        raise BadSignature("no signature headers: is a proxy stripping them?")
    if not _TIMESTAMP.fullmatch(timestamp):
        raise BadSignature("the timestamp header is not a Unix time of ten digits")
    age = now - int(timestamp)
    if abs(age) > TOLERANCE_SECONDS:
        raise BadSignature(f"the clock differs by {round(age / 60)} min, or an old request is replayed")
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        raise BadSignature("the signature header is not base64") from None
    if len(raw) != 64:
        raise BadSignature(f"the signature has {len(raw)} bytes, not 64")
    signed = timestamp.encode() + b"|" + body
    if not any(_verifies(key, signed, raw) for key in keys):
        raise BadSignature("the signature is from another key, or the body was changed on the way")


def sign(body: bytes, key: SigningKey, now: float) -> dict[str, str]:
    """The two headers Telnyx would send with ``body`` at Unix time ``now``. For the sandbox and the tests."""
    timestamp = str(int(now))
    signature = key.sign(timestamp.encode() + b"|" + body).signature
    return {SIGNATURE_HEADER: base64.b64encode(signature).decode(), TIMESTAMP_HEADER: timestamp}


def public_key_problem(key: str) -> str | None:
    """What is wrong with a base64 public key, in words, or None."""
    try:
        raw = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        return "The public key is not base64. Copy it from Keys & Credentials → Public Key in the Telnyx portal."
    if len(raw) != 32:
        return f"The public key has {len(raw)} bytes, not 32. Copy it whole from the Telnyx portal."
    return None


def _verifies(key: str, signed: bytes, signature: bytes) -> bool:
    if not key or public_key_problem(key):
        return False
    try:
        VerifyKey(base64.b64decode(key)).verify(signed, signature)
    except (BadSignatureError, CryptoError, ValueError):
        return False
    return True
