"""Explains why a request was refused: the kinds of reasons, what to do about each, what its headers give away.

All of it is for the operator's side: the sender is never told more than "missing, stale or wrong".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from portal import signatures
from portal.models import TelnyxAccount
from portal.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER, BadSignature


@dataclass(frozen=True)
class Reason:
    """Names a reason that is not about the signature itself. ``code`` is a key of ``KINDS``."""

    code: str
    words: str

    def __str__(self) -> str:
        return self.words


TOO_LARGE = Reason("too_large", "the body is larger than 1 MiB")
NO_PUBLIC_KEY = Reason("no_public_key", "the account has no public key, so nothing can be verified")
UNKNOWN_ADDRESS = Reason("unknown_address", "it came to an address that nobody has here")
PROBE = Reason("probe", "it was this portal's own “Webhook reachable?”")


@dataclass(frozen=True)
class Kind:
    """Describes a kind of reason to people: what it is, as a clause, and what to do about it."""

    words: str
    remedy: str


_UNKNOWN = Kind("it was refused", "Look at the single requests below.")
KINDS = {
    "no_headers": Kind(
        "they carry no signature",
        "A proxy in front of the portal may strip the Telnyx headers, or the application still uses webhook API "
        "version 1: set it to 2. If their header names are not Telnyx's, it is somebody else: nothing to do.",
    ),
    "timestamp_form": Kind(
        "their timestamp is not a Unix time",
        "Telnyx sends ten digits. Something between rewrites the header, or it is somebody else.",
    ),
    "stale": Kind(
        "their time is more than 5 minutes off",
        "Compare this machine's clock (date -u) with the true time and run NTP. If the clock is right, something "
        "between holds requests back, or somebody replays old ones.",
    ),
    "not_base64": Kind("their signature is not base64", "Something between rewrites the header, or it is forged."),
    "length": Kind("their signature has the wrong length", "Something between cuts the header, or it is forged."),
    "other_key": Kind(
        "their signature is from another key, or the body was changed on the way",
        "Compare the account's public key with Keys & Credentials → Public Key in the Telnyx portal. If it is right, "
        "a proxy changes bodies: paste one request into “Verify a request”.",
    ),
    "no_public_key": Kind(
        "the account has no public key",
        "Enter it on the account's page. They were answered 503, so Telnyx tries again for some seconds.",
    ),
    "too_large": Kind("they are larger than 1 MiB", "Telnyx sends nothing that large: it is somebody else."),
    "unknown_address": Kind(
        "they came to an address that nobody has here",
        "If they carry Telnyx's headers, an application has an address that is cut short, mistyped, or of a portal "
        "that is gone: copy it anew from its account here. Else somebody is only looking around.",
    ),
    "probe": Kind("they are this portal's own “Webhook reachable?”", "Nothing: they are not signed on purpose."),
}


def kind(code: str) -> Kind:
    """Return the kind of that code; of a code that is not known (any more), a kind that says so."""
    return KINDS.get(code, _UNKNOWN)


def hints(headers: Mapping[str, str], code: str, body: bytes | None = None) -> list[str]:
    """Write what the headers give away about the cause, as sentences. No value of a header is in them."""
    found = []
    if code == "no_headers":
        found = _hints_of_none(headers)
    elif code == "other_key" and headers.get("Content-Encoding", "identity") != "identity":
        found.append("It came with Content-Encoding: a proxy may have packed or unpacked the body.")
    elif code == "unknown_address" and headers.get(SIGNATURE_HEADER):
        found.append("It carries Telnyx's signature headers: some application has a wrong address.")
    length = headers.get("Content-Length", "")
    if body is not None and length.isdecimal() and len(length) < 10 and int(length) != len(body):
        found.append(f"Content-Length says {int(length)} bytes, and here are {len(body)}: the body was changed.")
    return found


def _hints_of_none(headers: Mapping[str, str]) -> list[str]:
    """Write hints for a request without the two headers, or without one of them."""
    found = []
    if headers.get("X-Telnyx-Signature"):
        found.append("It carries X-Telnyx-Signature: the application still uses webhook API version 1. Set it to 2.")
    if headers.get("Webhook-Signature"):
        found.append("It carries the headers of “Standard Webhooks”, which Telnyx does not send: another service does.")
    underscored = {name.replace("-", "_").lower() for name in (SIGNATURE_HEADER, TIMESTAMP_HEADER)}
    if underscored & {name.lower().removeprefix("http_") for name in headers}:
        found.append("The names are written with underscores: servers drop such headers. A proxy renames them.")
    there = [name for name in (SIGNATURE_HEADER, TIMESTAMP_HEADER) if headers.get(name)]
    if there:
        found.append(f"Only {there[0]} came.")
    elif headers.get("User-Agent", "").startswith("telnyx-webhooks"):
        found.append("By its user agent it is Telnyx's: something between strips the signature headers.")
    return found


@dataclass(frozen=True)
class Signer:
    """Names whose key signed a request, and which of its two keys."""

    account: TelnyxAccount
    is_current: bool

    def __str__(self) -> str:
        return f"the {'current' if self.is_current else 'previous'} key of the account {self.account}"


def signer(headers: Mapping[str, str], body: bytes, accounts: Iterable[TelnyxAccount]) -> Signer | None:
    """Find whose of ``accounts`` the signature is, whenever it was made; None when nobody's, or unreadable."""
    try:
        timestamp, signature = signatures.read_timestamp(headers), signatures.read_signature(headers)
    except BadSignature:
        return None
    for account in accounts:
        key = signatures.signing_key(timestamp, body, signature, account.public_keys)
        if key:
            return Signer(account, key == account.public_key)
    return None
