"""T: bytes on the wire that are no request, or an odd one. Each case is what a socket sends."""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache

from nacl.signing import SigningKey

from portal.signatures import sign
from tests.corpus.cases import CANARY_FROM, CANARY_SECRET, Case
from tests.corpus.documents import event

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Exchange(Case):
    """``sent`` piece by piece, and the statuses it may be answered with; 0 is a closed connection without an answer.

    ``ends`` are the statuses its event may end in; empty when no event may come of it.
    """

    sent: tuple[bytes, ...]
    statuses: frozenset[int]
    ends: frozenset[str] = frozenset()
    body: bytes = b""
    answer_has: tuple[bytes, ...] = field(default=())


class Wire:
    """Writes requests to the webhook address of one account, signed at ``now``."""

    def __init__(self, path: str, host: str, key: SigningKey, now: Callable[[], float]) -> None:
        self.path, self.host, self.key, self.now = path, host, key, now

    def head(
        self, body: bytes, *lines: str, method: str = "POST", target: str = "", version: str = "HTTP/1.1"
    ) -> bytes:
        """Request line, host and signature; ``lines`` follow as they are."""
        signature = [f"{name}: {value}" for name, value in sign(body, self.key, self.now()).items()]
        whole = [f"{method} {target or self.path} {version}", f"Host: {self.host}", *signature, *lines]
        return "\r\n".join(whole).encode("latin-1") + b"\r\n\r\n"

    def post(self, body: bytes, *lines: str, **how: str) -> bytes:
        return self.head(body, f"Content-Length: {len(body)}", *lines, **how) + body


@cache
def body_of(name: str) -> bytes:
    return json.dumps(event(f"transport {name}")).encode()


def _sized(name: str, size: int) -> bytes:
    body = body_of(name)
    return body[:-1] + b" " * (size - len(body)) + body[-1:]


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts) + b"0\r\n\r\n"


def exchanges(wire: Wire) -> Iterator[Exchange]:
    """Every case that is answered at once."""
    yield from _framed(wire)
    yield from _sizes(wire)
    yield from _heads(wire)
    yield from _methods(wire)
    yield from _targets(wire)
    yield from _taken(wire)


def _refused(number: str, name: str, sent: bytes, *statuses: int, has: tuple[bytes, ...] = ()) -> Exchange:
    return Exchange(number=number, name=name, sent=(sent,), statuses=frozenset(statuses), answer_has=has)


def _stored(number: str, name: str, body: bytes, *sent: bytes, ends: str = "processed") -> Exchange:
    return Exchange(number=number, name=name, sent=sent, body=body, statuses=frozenset({200}), ends=frozenset({ends}))


def _framed(wire: Wire) -> Iterator[Exchange]:
    """T01 to T05: where the body ends."""
    for size in (1, 7, 100_000):
        body = body_of(f"chunks of {size}")
        yield _stored(
            "T01", f"chunks of {size}", body, wire.head(body, "Transfer-Encoding: chunked") + chunked(body, size)
        )
    body = body_of("framed")
    length = f"Content-Length: {len(body)}"
    for name, size in (("no hexadecimal", b"zz"), ("negative", b"-1"), ("empty", b"")):
        sent = wire.head(body, "Transfer-Encoding: chunked") + size + b"\r\n" + body + b"\r\n0\r\n\r\n"
        yield _refused("T02", f"chunk size {name}", sent, 400)
    both = wire.head(body, length, "Transfer-Encoding: chunked") + chunked(body, 100)
    yield _refused("T03", "length and chunks", both, 400)
    yield _refused("T03", "chunks by another name", wire.head(body, "Transfer-Encoding: xchunked") + body, 400, 501)
    yield _refused(
        "T03", "chunks twice", wire.head(body, "Transfer-Encoding: chunked, chunked") + chunked(body, 100), 400
    )
    yield _refused("T04", "length twice, same", wire.head(body, length, length) + body, 400)
    yield _refused("T04", "length twice, different", wire.head(body, length, "Content-Length: 3") + body, 400)
    for text in (f"+{len(body)}", "-1", f"{len(body)},{len(body)}", "", "0x10", "1e3", "٣"):
        line = f"Content-Length: {text.encode().decode('latin-1')}"
        yield _refused("T05", f"length {text or 'empty'}", wire.head(body, line) + body, 400)


def _sizes(wire: Wire) -> Iterator[Exchange]:
    """T06 and T08: as much as is taken, and more."""
    yield _refused("T06", "a length of 10^9", wire.head(b"", "Content-Length: 1000000000"), 413)
    yield _refused("T06", "a length of 10^30", wire.head(b"", f"Content-Length: 1{'0' * 30}"), 413, 400)
    for name, size in (("one less than the limit", MEBIBYTE - 1), ("the limit", MEBIBYTE)):
        body = _sized(name, size)
        yield _stored("T08", name, body, wire.post(body))
    over = _sized("over", MEBIBYTE + 1)
    yield _refused("T08", "one more than the limit", wire.post(over), 413)
    sent = wire.head(over, "Transfer-Encoding: chunked") + chunked(over, 65_536)
    yield _refused("T08", "one more than the limit, chunked", sent, 413)


def stalled(wire: Wire) -> Iterator[tuple[str, str, bytes]]:
    """T07, R24: ``(number, name, bytes)``: what begins as a request and never becomes whole."""
    body = body_of("stalled")
    begun = wire.head(body, f"Content-Length: {len(body)}") + body[:-30]
    yield "T07", "a length that is longer than the body", begun
    yield "T07", "half a head", begun[:70]
    yield "T07", "half a chunk", wire.head(body, "Transfer-Encoding: chunked") + b"fff\r\n" + body
    yield "T02", "a chunk of 2^68 bytes", wire.head(body, "Transfer-Encoding: chunked") + b"f" * 17 + b"\r\n" + body
    yield "R24", "half a request for the API", begun.replace(wire.path.encode(), b"/api/v1/flows/")


def _heads(wire: Wire) -> Iterator[Exchange]:
    """T09 to T13: header lines."""
    body = body_of("heads")
    long = f"X-Long: {CANARY_SECRET}{'a' * 65_536}"
    yield _refused("T09", "a header of 64 kB", wire.post(body, long), 431, 400)
    yield _refused("T09", "200 headers", wire.post(body, *(f"X-{at}: {CANARY_SECRET}" for at in range(200))), 431, 400)
    for name, line in (
        ("continued line", f"X-Odd: a\r\n {CANARY_SECRET}"),
        ("NUL", f"X-Odd: {CANARY_SECRET}\x00"),
        ("space before the colon", f"X-Odd : {CANARY_SECRET}"),
        ("no colon", CANARY_SECRET),
        ("no name", f": {CANARY_SECRET}"),
        ("bare CR", f"X-Odd: a\r{CANARY_SECRET}"),
    ):
        yield _refused("T10", name, wire.post(body, line), 400)
    bare = wire.post(body).replace(b"\r\n", b"\n")
    yield _refused("T10", "bare LF", bare, 400, 0)
    underscored = wire.post(body).replace(b"Telnyx-Signature-Ed25519", b"Telnyx_Signature_Ed25519")
    yield _refused("T11", "underscores in names", underscored.replace(b"Telnyx-Timestamp", b"Telnyx_Timestamp"), 400)
    good = wire.post(body)
    host = f"Host: {wire.host}\r\n".encode()
    yield _refused("T13", "no host", good.replace(host, b""), 400)
    yield _refused("T13", "two hosts", good.replace(host, host * 2), 400)
    yield _refused("T13", "an unknown host", good.replace(host, b"Host: elsewhere.example\r\n"), 400)
    yield _refused("T13", "a host with a path", good.replace(host, b"Host: 127.0.0.1/admin\r\n"), 400)


def _methods(wire: Wire) -> Iterator[Exchange]:
    """T12: everything but POST."""
    body = body_of("methods")
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "PROPFIND"):
        yield _refused("T12", method, wire.post(body, method=method), 405, has=(b"Allow: POST",))
    query = wire.head(body, method="GET", target=f"{wire.path}?data={CANARY_FROM}")
    yield _refused("T12", "GET with a payload in its query", query, 405)
    yield _refused("T12", "no known method", wire.post(body, method="post"), 400, 405)


def _targets(wire: Wire) -> Iterator[Exchange]:
    """T17 and T18: addresses beside the one."""
    body = body_of("targets")
    for name, target, *statuses in (
        ("two slashes before", "/" + wire.path, 404, 400),
        ("two slashes within", wire.path.replace("/call", "//call"), 404),
        ("two slashes behind", wire.path + "/", 404),
        ("no slash behind", wire.path.rstrip("/"), 404),
        ("NUL", wire.path + "%00", 400, 404),
        ("a parameter", wire.path.rstrip("/") + ";x/", 404),
        ("up and down", wire.path + "../call-control/", 404),
        ("upper case", wire.path.upper(), 404),
    ):
        yield _refused("T17", name, wire.post(body, target=target), *statuses)
    for name, target, *statuses in (
        ("line break", f"/%0d%0aSet-Cookie:%20a={CANARY_FROM}", 404),
        ("ANSI", f"/%1b[31m{CANARY_FROM}", 404),
        ("8 kB", f"/{CANARY_SECRET}" + "a" * 8192, 404, 414, 400),
        ("bytes that are no UTF-8", "/%ff%fe", 404, 400),
        ("a raw byte", "/\xff", 404, 400),
    ):
        yield _refused("T18", name, wire.post(body, target=target), *statuses)
    yield _refused(
        "T16", "TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64 + b"\r\n\r\n", 400, 0
    )
    yield _refused("T16", "HTTP/0.9", b"GET /livez\r\n\r\n", 400, 0)
    yield _refused("T16", "HTTP/3.0", wire.post(body, version="HTTP/3.0"), 400, 505, 0)
    yield _refused("T16", "HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 505, 0)


def _taken(wire: Wire) -> Iterator[Exchange]:
    """T14, T15, T19: what says something odd of a body that is signed all right."""
    for name, squeeze in (("gzip", gzip.compress), ("deflate", zlib.compress)):
        body = squeeze(b" " * 50 * MEBIBYTE if name == "deflate" else body_of(name))
        sent = wire.post(body, f"Content-Encoding: {name}")
        yield _stored("T14", f"{name}, not inflated", body, sent, ends="quarantined")
    body = body_of("continue")
    head = wire.head(body, f"Content-Length: {len(body)}", "Expect: 100-continue")
    yield _stored("T15", "100-continue", body, head, body)
    for line in (
        "Content-Type: text/plain",
        "",
        "Content-Type: application/json; charset=bz2_codec",
        "Content-Type: multipart/form-data; boundary=x",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Type: {'a' * 3000}",
        "Content-Type: application/json; charset=\xff",
    ):
        body = body_of(f"type {line[:60]}")
        yield _stored("T19", f"{line[:60] or 'no content type'}", body, wire.post(body, *([line] if line else [])))
