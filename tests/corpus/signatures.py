"""S: requests that are not, or not provably, Telnyx's."""

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from nacl.signing import SigningKey

from portal.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from tests.corpus.cases import CANARY_SECRET, Case
from tests.corpus.documents import event

_ORDER = 2**252 + 27742317777372353535851937790883648493  # of the curve's base point: S + L verifies where S does
_LOW_ORDER = b"\x01" + bytes(31)  # a point that verifies forged signatures, where it is let through


@dataclass(frozen=True, kw_only=True)
class Request(Case):
    """Header lines and a body, and the status they are to be answered with. A name may stand twice."""

    headers: tuple[tuple[str, str], ...]
    body: bytes
    status: int = 400


@cache
def signed_body(name: str) -> bytes:
    return json.dumps(event(f"signed {name}")).encode()


def requests(key: SigningKey, previous: SigningKey, now: float) -> Iterator[Request]:
    """All cases that are one request, signed at ``now`` (Unix seconds) by ``key`` unless they are forged."""
    yield from _headers(key, now)
    yield from _forged(key, now)
    yield from _ages(key, now)
    yield _request(
        "S10", "the previous key during a rotation", sign(signed_body("previous"), previous, now), "previous", 200
    )


def _request(number: str, name: str, headers: dict[str, str], body: str | bytes, status: int = 400) -> Request:
    raw = body if isinstance(body, bytes) else signed_body(body)
    return Request(number=number, name=name, headers=tuple(headers.items()), body=raw, status=status)


def _headers(key: SigningKey, now: float) -> Iterator[Request]:
    """S01 to S08, S11, S12: the two headers themselves."""
    name = "headers"
    body = signed_body(name)
    good = sign(body, key, now)
    signature, timestamp = good[SIGNATURE_HEADER], good[TIMESTAMP_HEADER]
    raw = base64.b64decode(signature)

    def with_signature(number: str, what: str, text: str) -> Request:
        return _request(number, what, good | {SIGNATURE_HEADER: text}, body)

    yield _request("S01", "no headers", {}, body)
    yield _request("S01", "no signature", {TIMESTAMP_HEADER: timestamp}, body)
    yield _request("S01", "no timestamp", {SIGNATURE_HEADER: signature}, body)
    yield with_signature("S02", "empty signature", "")
    yield _request("S02", "empty timestamp", good | {TIMESTAMP_HEADER: ""}, body)
    yield with_signature("S03", "no base64", "not base64!")
    yield with_signature("S03", "a secret for a signature", CANARY_SECRET)
    for length in (0, 63, 65, 6000):
        yield with_signature("S04", f"{length} bytes", base64.b64encode((raw * 100)[:length]).decode())
    urlsafe = base64.b64encode(b"\xff" * 64).decode().translate(str.maketrans("+/", "-_"))
    yield with_signature("S05", "URL-safe alphabet", urlsafe)
    yield with_signature("S05", "a space inside", f"{signature[:40]} {signature[40:]}")
    yield with_signature("S05", "a tab inside", f"{signature[:40]}\t{signature[40:]}")
    yield with_signature("S06", "garbage behind", f"{signature}!")
    yield with_signature("S06", "a second padding behind", f"{signature}==")
    yield with_signature("S06", "hexadecimal", raw.hex())
    yield with_signature("S07", "twice the same in one line", f"{signature},{signature}")
    twice = ((SIGNATURE_HEADER, signature), (SIGNATURE_HEADER, signature), (TIMESTAMP_HEADER, timestamp))
    yield Request(number="S07", name="signature header twice", headers=twice, body=body)
    other = base64.b64encode(bytes(64)).decode()
    twice = ((SIGNATURE_HEADER, other), (SIGNATURE_HEADER, signature), (TIMESTAMP_HEADER, timestamp))
    yield Request(number="S08", name="two signatures", headers=twice, body=body)
    twice = ((SIGNATURE_HEADER, signature), (TIMESTAMP_HEADER, timestamp), (TIMESTAMP_HEADER, str(int(now) - 1)))
    yield Request(number="S08", name="two timestamps", headers=twice, body=body)
    mac = base64.b64encode(
        hmac.digest(CANARY_SECRET.encode(), f"id.{timestamp}.".encode() + body, hashlib.sha256)
    ).decode()
    hooks = {"webhook-id": "id", "webhook-timestamp": timestamp, "webhook-signature": f"v1,{mac}"}
    yield _request("S12", "Standard Webhooks", hooks, body)
    yield _request("S12", "HMAC in Telnyx's header", {SIGNATURE_HEADER: mac, TIMESTAMP_HEADER: timestamp}, body)
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    yield with_signature("S12", "alg none", f"{none}.{none}.")
    yield _request("S12", "a bearer token", {"Authorization": f"Bearer {CANARY_SECRET}"}, body)


def _forged(key: SigningKey, now: float) -> Iterator[Request]:
    """S09, S13, S14, S17, S18: signatures that were made for something else."""
    body = signed_body("forged")
    good = sign(body, key, now)
    yield _request(
        "S09", "another account's key", sign(body, SigningKey(b"another account's signing key..."), now), body
    )
    flips = random.Random(1)
    for at in range(20):
        bit = flips.randrange(len(body) * 8)
        changed = bytearray(body)
        changed[bit // 8] ^= 1 << bit % 8
        yield _request("S13", f"body bit {at} flipped", good, bytes(changed))
    yield _request("S14", "the next second", good | {TIMESTAMP_HEADER: str(int(now) + 1)}, body)
    yield _request("S14", "written anew", good, json.dumps(json.loads(body), indent=1).encode())
    yield _request("S14", "a line break behind", good, body + b"\n")
    # signed is <timestamp>|<body>: the same bytes, cut elsewhere
    head, _, tail = body.partition(b" ")
    moved = good[TIMESTAMP_HEADER] + "|" + head.decode()
    yield _request("S17", "a bar within the timestamp", good | {TIMESTAMP_HEADER: moved}, tail)
    raw = base64.b64decode(good[SIGNATURE_HEADER])
    for name, odd in (
        ("zero signature", bytes(64)),
        ("low order", _LOW_ORDER + bytes(32)),
        ("S + L", _malleated(raw)),
    ):
        yield _request("S18", name, good | {SIGNATURE_HEADER: base64.b64encode(odd).decode()}, body)


def _malleated(signature: bytes) -> bytes:
    scalar = int.from_bytes(signature[32:], "little") + _ORDER
    return signature[:32] + scalar.to_bytes(32, "little")


def _ages(key: SigningKey, now: float) -> Iterator[Request]:
    """S15 and S16: the timestamp. The edges are two seconds wide, since the clock goes on."""
    for age, status in ((-310, 400), (-295, 200), (0, 200), (295, 200), (310, 400), (86_400, 400)):
        name = f"{abs(age)} s {'old' if age >= 0 else 'ahead'}"
        yield _request("S15", name, sign(signed_body(name), key, now - age), name, status)
    moment = str(int(now))
    arabic = moment.translate({ord("0") + at: chr(0x660 + at) for at in range(10)})
    for name, text in (
        ("a fraction", f"{moment}.0"),
        ("milliseconds", f"{moment}000"),
        ("ISO 8601", "2026-01-01T00:00:00Z"),
        ("a plus", f"+{moment}"),
        ("an underscore", f"{moment[:5]}_{moment[5:]}"),
        ("Arabic digits", arabic.encode().decode("latin-1")),
        ("5000 digits", "1" * 5000),
        ("minus one", "-1"),
        ("zero", "0"),
        ("hexadecimal", hex(int(now))),
    ):
        body = signed_body(f"timestamp {name}")
        signature = key.sign(text.encode("latin-1") + b"|" + body).signature
        headers = {SIGNATURE_HEADER: base64.b64encode(signature).decode(), TIMESTAMP_HEADER: text}
        yield _request("S16", name, headers, body)
